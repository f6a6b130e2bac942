"""Why did it move? Gradient, momentum and the rate of each coordinate at the head, and the angle of each step below.

Frames in, a film out: one column an optimizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, FancyArrow
from matplotlib.quiver import Quiver
from matplotlib.ticker import FixedLocator

from ..errors import InputError
from .blit import BlitScene
from .checks import need, need_flat
from .clock import clock_axis, frame_times, overhang
from .panels import dress, headed
from .picture import Film, Still
from .race_map import Landscape
from .strokes import mark_lone
from .style import Look, Theme, looks_of, short_name, theme_of

NEEDED = (
    "optimizer", "step", "x0", "x1", "gradient0", "gradient1", "momentum0", "momentum1", "update0", "update1",
    "rate0", "rate1", "angle",
)  # fmt: skip
MOST = 4
_SHORT, _LONG = 13.0, 44.0  # points: the arrows of the smallest and of the largest vector of a run
_RATES = 30.0  # points: the longer half of the ellipse


def anatomy(
    landscape: pd.DataFrame, frame: pd.DataFrame, *, floor: float = float("nan"),
    minima: Sequence[tuple[float, float]] = (), title: str = "", frames: int = 150, seconds: float = 12.0,
    hold: float = 2.5, clock: str = "log", theme: str = "light",
) -> Film:  # fmt: skip
    """A film of the steps of one to four optimizers, as `engine.anatomy` took them apart, over a landscape.

    At each head: an arrow down the gradient, one along the momentum that the optimizer keeps (against its sign, as it
    moves the point), one along the step taken, all with lengths on a logarithmic scale of their own run; and an ellipse
    as wide and as high as the rates of the two coordinates, the larger one always alike. Below: the angle between step
    and steepest descent, over 90 degrees uphill.

    An optimizer whose numbers stop being finite is drawn up to there, and its map says so.

    Raises InputError for a frame that is empty or lacks a column, of points of more than two coordinates, an optimizer
    without a finite one, or more than four optimizers.
    """
    look = theme_of(theme)
    need(frame, "anatomy", NEEDED, why="make it with engine.anatomy")
    need_flat(frame, "anatomy")
    names = list(dict.fromkeys(frame["optimizer"].astype(str)))
    if len(names) > MOST:
        raise InputError(f"anatomy shows at most {MOST} optimizers beside each other, got {len(names)}")
    ground = Landscape(landscape)
    parts = [_until_lost(frame[frame["optimizer"].astype(str) == name], name) for name in names]
    last = max(int(part["step"].iloc[-1]) for part in parts)
    times = frame_times(clock, frames, last)
    styles = looks_of(names, theme)

    def compose() -> BlitScene:
        return _compose(ground, floor, minima, names, parts, styles, title, times, clock, look)

    told = "; ".join(
        f"{short_name(name)} {_told(part['angle'].to_numpy(float))}" for name, part in zip(names, parts, strict=True)
    )
    alt = f"{title or 'Anatomy of steps'}: gradient, momentum, step and the rates of both coordinates, by step. {told}."
    return Film(compose, times, seconds, hold, alt)


def _until_lost(part: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows before the first whose place, gradient or step is no finite number; `lost` holds that step, else NaN."""
    part = part.sort_values("step", kind="stable")
    needed = part[["step", "x0", "x1", "gradient0", "gradient1", "update0", "update1"]].to_numpy(float)
    good = np.isfinite(needed).all(axis=1)
    end = len(good) if good.all() else int(np.argmin(good))
    if not end:
        raise InputError(f"{name} has no finite first step in the anatomy frame: nothing to draw")
    return part[:end].assign(lost=float(part["step"].iloc[end - 1]) + 1 if end < len(good) else np.nan)


def _told(angles: np.ndarray) -> str:
    angles = angles[np.isfinite(angles)]
    if not len(angles):
        return "has no angle to steepest descent"
    return (
        f"steps uphill {np.mean(angles > 90):.0%} of the time, its median angle to steepest descent is "
        f"{np.median(angles):.0f} degrees"
    )


@dataclass
class _Head:
    """The artists of one optimizer, and what they are set from."""

    part: pd.DataFrame
    trail: Line2D
    dot: Line2D
    arrows: Quiver
    ellipse: Ellipse
    cursor: Line2D
    lengths: np.ndarray  # (steps, 3, 2): vectors in points, as they are drawn
    halves: np.ndarray  # (steps, 2): half-axes of the ellipse, in points

    @property
    def artists(self) -> list[Artist]:
        return [self.trail, self.ellipse, self.arrows, self.dot, self.cursor]

    def update(self, time: float) -> None:
        """Set the artists to the step that has begun at this time."""
        row = int(np.searchsorted(self.part["step"].to_numpy(), time, side="right")) - 1
        row = min(max(row, 0), len(self.part) - 1)
        xy = self.part[["x0", "x1"]].to_numpy(float)
        self.trail.set_data(*xy[: row + 1].T)
        self.dot.set_data(*xy[row : row + 1].T)
        pixels = self.trail.axes.figure.dpi / 72  # type: ignore[union-attr]
        self.arrows.set_offsets(np.repeat(xy[row : row + 1], 3, axis=0))
        self.arrows.set_UVC(*(self.lengths[row].T * pixels))
        self.ellipse.set_center(self.trail.axes.transData.transform(xy[row]))  # type: ignore[union-attr]
        self.ellipse.set(width=2 * self.halves[row, 0] * pixels, height=2 * self.halves[row, 1] * pixels)
        angle, step = float(self.part["angle"].iloc[row]), float(self.part["step"].iloc[row])
        self.cursor.set_data([step], [angle])


def _compose(
    ground: Landscape, floor: float, minima: Sequence[tuple[float, float]], names: Sequence[str],
    parts: Sequence[pd.DataFrame], styles: Sequence[Look], title: str, times: np.ndarray, clock: str, theme: Theme,
) -> BlitScene:  # fmt: skip
    wide, high = 7.2, 5.3
    figure, top = headed(wide, high, title, theme)
    momentum = looks_of(["Nesterov"], theme.name)[0]
    _key(figure, top, momentum, theme)
    top -= 0.5
    across = (wide - 0.1) / len(names)
    heads = []
    for i, (name, part, style) in enumerate(zip(names, parts, styles, strict=True)):
        left = (0.1 + i * across + 0.32) / wide
        width = (across - 0.32 - max(0.08, overhang(max(float(one["step"].iloc[-1]) for one in parts)))) / wide
        ax = figure.add_axes((left, 1.62 / high, width, (top - 0.24 - 1.62) / high))
        rate = f", lr {part['lr_t'].iloc[0]:.2g}" if "lr_t" in part else ""
        ax.set_title(f"{short_name(name)}{rate}", fontsize=9, color=style.ink, loc="left", fontweight="bold", pad=4)
        below = figure.add_axes((left, 0.42 / high, width, 0.92 / high))
        heads.append(_head(ax, below, ground, floor, minima, part, style, momentum, clock, theme, first=i == 0))
    colors = [theme.paper, theme.ink, theme.muted, theme.star, momentum.color, *(one.color for one in styles)]

    def update(frame: int) -> None:
        for head in heads:
            head.update(float(times[frame]))

    return BlitScene(figure, [artist for head in heads for artist in head.artists], update, colors)


def _head(
    ax: Axes, below: Axes, ground: Landscape, floor: float, minima: Sequence[tuple[float, float]], part: pd.DataFrame,
    style: Look, momentum: Look, clock: str, theme: Theme, *, first: bool,
) -> _Head:  # fmt: skip
    ax.set(xlim=(ground.low[0], ground.high[0]), ylim=(ground.low[1], ground.high[1]))
    ground.draw(ax, floor, theme)
    ax.locator_params(nbins=4)
    for x, y in minima:
        ax.plot(x, y, marker="*", ms=15, mfc=theme.star, mec="#16181b", mew=0.9, zorder=4, gid="minimum")
    if np.isfinite(part["lost"].iloc[0]):
        ax.text(0.03, 0.03, f"lost at step {part['lost'].iloc[0]:.0f}", fontsize=8, color=theme.ink, gid="lost",
                transform=ax.transAxes, zorder=9, bbox={"fc": theme.paper, "ec": "none", "pad": 1.5})  # fmt: skip
    xy = part[["x0", "x1"]].to_numpy(float)
    ax.plot(*xy[0], marker="o", ms=8, mfc="none", mec=theme.ink, mew=1.2, zorder=3, gid="start")
    (trail,) = ax.plot([], [], color=style.color, lw=1.7, gid="trail", zorder=5)
    (dot,) = ax.plot([], [], "o", ms=7, color=style.color, mec=theme.halo, mew=1.1, gid="head", zorder=8)
    arrows = ax.quiver(
        np.zeros(3), np.zeros(3), np.ones(3), np.ones(3), angles="uv", units="dots", scale_units="dots", scale=1,
        width=2.3 * ax.figure.dpi / 72, color=[theme.ink, momentum.color, style.color], zorder=7, headwidth=3.6,  # type: ignore[union-attr]
        headlength=4.2, headaxislength=3.8, minlength=0, gid="arrows", ec=theme.halo, lw=0.5,
    )  # fmt: skip
    ellipse = Ellipse((0, 0), 1, 1, fc=style.color, ec=style.color, alpha=0.3, lw=1.2, transform=None, gid="rates")
    ellipse.set_zorder(6)
    ax.add_patch(ellipse)
    dress(below, theme)
    below.tick_params(labelsize=7, length=2.5)
    steps, angles = part["step"].to_numpy(float), part["angle"].to_numpy(float)
    below.axhspan(90, 180, color=theme.grid, alpha=0.7, lw=0, zorder=0)
    below.plot(steps, angles, color=style.color, lw=1.0, gid="angle")
    mark_lone(below, steps, angles, style.color, 3.5)
    (cursor,) = below.plot([], [], "o", ms=5.5, color=style.color, mec=theme.ink, mew=0.8, gid="cursor", zorder=5)
    clock_axis(below, clock, float(steps[-1]), theme)
    below.set_ylim(0, 180)
    below.yaxis.set_major_locator(FixedLocator([0, 90, 180]))
    if first:
        words = "angle to descent; grey: uphill"
        below.set_title(words, fontsize=7.5, color=theme.muted, loc="left", pad=3)
    return _Head(part, trail, dot, arrows, ellipse, cursor, _lengths(ax, part), _halves(part))


def _lengths(ax: Axes, part: pd.DataFrame) -> np.ndarray:
    """Downhill, along the momentum and along the step, in points on the screen, lengths on a logarithmic scale."""
    down = -part[["gradient0", "gradient1"]].to_numpy(float)
    along = -part[["momentum0", "momentum1"]].to_numpy(float)
    taken = part[["update0", "update1"]].to_numpy(float)
    origin = ax.transData.transform((0.0, 0.0))
    drawn = []
    for vectors in (down, along, taken):
        # A vector's direction is that of the point it would move, seen on the screen.
        norm = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.divide(vectors, norm, out=np.zeros_like(vectors), where=np.isfinite(norm) & (norm > 0))
        seen = ax.transData.transform(unit) - origin
        size = np.linalg.norm(seen, axis=1, keepdims=True)
        seen = np.divide(seen, size, out=np.zeros_like(seen), where=size > 0)
        known = norm[np.isfinite(norm) & (norm > 0)]
        if not len(known):
            drawn.append(np.zeros_like(seen))
            continue
        low, high = np.log10(known.min()), np.log10(known.max())
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (np.log10(norm) - low) / (high - low) if high > low else np.ones_like(norm)
        # The momentum's is longer, to be seen where the step has its direction.
        scale = 1.35 if vectors is along else 1.0
        drawn.append(scale * seen * (_SHORT + (_LONG - _SHORT) * np.nan_to_num(share, nan=0.0, neginf=0.0)))
    return np.stack(drawn, axis=1)


def _halves(part: pd.DataFrame) -> np.ndarray:
    """Half-axes of the ellipses, in points: the larger rate is always as long, the other in proportion."""
    rates = np.abs(part[["rate0", "rate1"]].to_numpy(float))
    most = np.nanmax(np.where(np.isfinite(rates), rates, 0.0), axis=1, keepdims=True)
    share = np.divide(rates, most, out=np.ones_like(rates), where=most > 0)
    return np.clip(_RATES * np.nan_to_num(share, nan=0.0), 1.2, _RATES)


def _key(figure: Still, top: float, momentum: Look, theme: Theme) -> None:
    """What the arrows are, in a line."""
    wide, high = figure.get_size_inches()
    ax = figure.add_axes((0, (top - 0.3) / high, 1, 0.3 / high))
    ax.set(xlim=(0, wide), ylim=(0, 0.3))
    ax.set_axis_off()
    words = {"fontsize": 8, "color": theme.ink, "va": "center"}
    shape = {"width": 0.032, "head_width": 0.11, "head_length": 0.13, "length_includes_head": True, "lw": 0}
    x = 0.1
    for color, label, room in (
        (theme.ink, "steepest descent", 1.62), (momentum.color, "momentum", 1.3), (None, "the step", 1.15)
    ):  # fmt: skip
        ax.add_patch(FancyArrow(x, 0.15, 0.36, 0.0, fc=color or theme.muted, **shape))
        ax.text(x + 0.43, 0.15, label, **words)
        x += room
    ax.add_patch(Ellipse((x + 0.18, 0.15), 0.36, 0.16, fc=theme.muted, alpha=0.4))
    ax.text(x + 0.43, 0.15, "rates of x and y   (arrows: log lengths)", **words)
