"""The strokes of a panel: a median and a band for each curve, laid so that curves in one place are all seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .bands import quantile
from .style import Look, Theme

Curve = tuple[np.ndarray, np.ndarray, Look]  # steps, (runs, steps) values, look

WIDTH = 1.9
_RIM = 3.0  # how much wider a line is than the one that hides it: its colour shows on either side
_MOST = 4  # rims about one line; more would be a bar
_APART = 0.022  # shares of a panel's width that two triangles stand apart
BANDS = 8  # curves up to which bands are told apart; of more they would hide the lines
_CLOSE = 1e-3  # relative: less than the width of a line on any axis


def draw_curves(ax: Axes, curves: Sequence[Curve], *, rising: bool = False) -> None:
    """Median and, of up to eight curves, quartile band of each; (runs, steps) of values.

    What is lost is the worst there is: above the panel, or, `rising`, at nought below. A solid line lies beneath those
    with gaps; of two with the same dash that coincide, the lower one is wider.
    """
    if rising:
        curves = [(steps, np.where(np.isinf(values), 0.0, values), look) for steps, values, look in curves]
    middles = [quantile(values, 0.5) for _, values, _ in curves]
    for i, (steps, values, look) in enumerate(curves):
        over = [
            other
            for other in range(i + 1, len(curves))
            if curves[other][2].dash == look.dash
            and _coincide(steps, middles[i], curves[other][0], middles[other])
        ]  # fmt: skip
        if len(curves) <= BANDS:
            _band(ax, steps, values, look, rising=rising)
        _median(ax, steps, middles[i], look, WIDTH + _RIM * min(len(over), _MOST), order=i / len(curves))


def key_line(look: Look) -> Line2D:
    """A line for the legend."""
    return Line2D([], [], color=look.color, lw=2.2, linestyle=look.linestyle(2.2), dash_capstyle="butt")


def mark_lone(ax: Axes, x: Any, y: Any, color: str, size: float = 5.0, **more: Any) -> None:
    """A dot on each point (x, y) of a line that no neighbour joins to another one: it would not be seen."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    shown = np.isfinite(x) & np.isfinite(y)
    beside = np.r_[False, shown, False]
    lone = shown & ~beside[:-2] & ~beside[2:]
    if lone.any():
        ax.plot(x[lone], y[lone], "o", ms=size, color=color, gid="lone", zorder=4, clip_on=False, **more)


def mark_leaving(ax: Axes, curves: Sequence[Curve], theme: Theme) -> None:
    """A triangle on the upper edge where a median leaves the panel, and how far up the highest goes; limits must stand.

    Those that leave at one place stand side by side. Nothing is marked where all stay within.
    """
    top, peak = ax.get_ylim()[1], -np.inf
    edge, (low, high) = _scaled(ax, 0.0, top)[1], (_scaled(ax, x, top)[0] for x in ax.get_xlim())
    places: list[float] = []
    for steps, values, look in curves:
        middle = quantile(values, 0.5)
        over = np.isfinite(middle) & (middle > top)
        if not over.any():
            continue
        peak = max(peak, float(middle[over].max()))
        after = int(np.argmax(over))
        x, y = _scaled(ax, steps[after], middle[after])
        if after and np.isfinite(middle[after - 1]):
            before = _scaled(ax, steps[after - 1], middle[after - 1])
            x = before[0] + (x - before[0]) * (edge - before[1]) / (y - before[1])
        place = min(max((x - low) / (high - low), 0.0), 1.0)  # a line from before the panel comes in at its side
        while any(abs(place - other) < _APART for other in places):
            place += 1.01 * _APART
        places.append(place)
        ax.plot(place, 1.0, marker="^", ms=7, color=look.color, mec=theme.paper, mew=0.6, clip_on=False, zorder=5,
                transform=ax.transAxes, gid="leaves")  # fmt: skip
    if places:
        ax.annotate(
            f"▲ on to {peak:.2g}", (1.0, 1.0), xycoords="axes fraction", xytext=(0, 5), textcoords="offset points",
            fontsize=7.5, color=theme.muted, ha="right", va="bottom", gid="leaving",
        )  # fmt: skip


def _scaled(ax: Axes, x: float, y: float) -> np.ndarray:
    """A point as the axes' scales have it: there, the lines are straight."""
    return np.asarray(ax.transScale.transform((x, y)))


def _coincide(steps: np.ndarray, one: np.ndarray, at: np.ndarray, other: np.ndarray) -> bool:
    """Whether two medians are the same on at least half of the steps that they share."""
    shared, mine, theirs = np.intersect1d(steps, at, return_indices=True)
    if len(shared) < 0.5 * min(len(steps), len(at)):
        return False
    same = np.isclose(one[mine], other[theirs], rtol=_CLOSE, atol=0.0)
    return float(same[np.isfinite(one[mine])].mean()) >= 0.5 if np.isfinite(one[mine]).any() else False


def _band(ax: Axes, steps: np.ndarray, values: np.ndarray, look: Look, *, rising: bool) -> None:
    low, high = quantile(values, 0.25), quantile(values, 0.75)
    if len(values) < 2 or not np.isfinite(low).any():
        return
    # A finite stand-in far above any panel: matplotlib drops what is infinite, and the band's rising edge with it.
    finite = values[np.isfinite(values)]
    roof = max(float(finite.max(initial=1.0)), ax.get_ylim()[1]) * 1e6
    top = high if rising else np.minimum(high, roof)
    shown = np.isfinite(low) & np.isfinite(top)
    ax.fill_between(steps[shown], low[shown], top[shown], color=look.color, alpha=0.16, lw=0, zorder=1.5)


def _median(ax: Axes, steps: np.ndarray, middle: np.ndarray, look: Look, width: float, order: float) -> None:
    shown = np.isfinite(middle)
    if not shown.any():
        return
    first, last = np.flatnonzero(shown)[[0, -1]]
    part = slice(first, last + 1)
    # The wider and the fuller, the deeper; among equals, the later one is on top. All between the bands and the marks.
    depth = 3.0 - 0.2 * (width - WIDTH) / _RIM + 0.2 * (1 - look.ink_share) + 0.005 * order
    (line,) = ax.plot(
        steps[part], np.where(shown, middle, np.nan)[part], color=look.color, lw=width,
        linestyle=look.linestyle(width), zorder=depth,
    )  # fmt: skip
    line.set_dash_capstyle("butt")
    mark_lone(ax, steps[part], np.where(shown, middle, np.nan)[part], look.color, 6.0)
    if not shown[-1]:
        ax.plot(steps[last], middle[last], marker="X", ms=8, color=look.color, mec="white", mew=0.8, zorder=4)
