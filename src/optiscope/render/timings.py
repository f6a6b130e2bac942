"""What a step costs: by optimizer and implementation, against the memory's ceiling, and against the state it keeps.

Frames in, Figures out. The frame is that of the step suite: `optimizer`, `implementation`, `set`, `ns_per_parameter`, …
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ..errors import InputError
from .checks import choose, need, need_finite
from .panels import legend_beside, name_axes, panels, say_chosen
from .style import Look, Theme, looks_of, short_name, style_of, theme_of

POINTS = 20  # names that fit beside the points of a plane
# An implementation has a colour and a mark; the colours are those of optimizers that are never drawn beside it.
MARKS = {"for-loop": "o", "foreach": "s", "fused": "D", "compile": "^"}


def implementation_looks(theme: str) -> dict[str, Look]:
    """The colour of each implementation."""
    return dict(zip(MARKS, looks_of(["SGD", "Adam", "RMSprop", "Nesterov"], theme), strict=True))


def need_steps(frame: pd.DataFrame, name: str, columns: Sequence[str]) -> None:
    """Raise InputError unless the columns hold finite numbers > 0, and the implementations are known ones."""
    need_finite(frame, name, columns, every=True, above=0)
    odd = sorted(set(frame["implementation"].astype(str)) - set(MARKS))
    if odd:
        raise InputError(f"implementations are {', '.join(MARKS)}; the {name} frame has {odd[0]!r}")


def step_times(frame: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Nanoseconds a parameter by optimizer, a mark an implementation, fastest first, on a logarithmic axis.

    Raises InputError for a frame that is empty, lacks a column, or holds a time that is no finite number > 0.
    """
    need(frame, "steps", ("optimizer", "implementation", "ns_per_parameter"))
    need_steps(frame, "steps", ("ns_per_parameter",))
    look = theme_of(theme)
    order = list(frame.groupby("optimizer")["ns_per_parameter"].min().sort_values(ascending=False).index)
    figure, [ax] = panels([""], look, across=1, height=0.55 + 0.27 * len(order))
    _rows(ax, frame, order, "ns_per_parameter", theme, look)
    ax.set_xscale("log")
    _plain_decades(ax)
    name_axes(ax, look, "ns a parameter and step")
    legend_beside(figure, _implementation_key(frame["implementation"], theme), look)
    return figure


def _rows(ax: Axes, frame: pd.DataFrame, order: Sequence[str], column: str, theme: str, look: Theme) -> None:
    """One row an optimizer: a thin line from its least to its most, a mark for each implementation."""
    colors = implementation_looks(theme)
    for y, name in enumerate(order):
        rows = frame[frame["optimizer"] == name]
        ax.plot([rows[column].min(), rows[column].max()], [y, y], color=look.grid, lw=2.2, zorder=1)
        for row in rows.itertuples():
            how = str(row.implementation)
            ax.plot(getattr(row, column), y, MARKS[how], color=colors[how].color, ms=6.5, mec=look.paper, mew=0.8,
                    zorder=3, gid=f"{name}:{how}")  # fmt: skip
    ax.set_yticks(range(len(order)), [short_name(name) for name in order], fontsize=8.5, color=look.ink)
    ax.set_ylim(-0.7, len(order) - 0.3)
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)


def roofline(frame: pd.DataFrame, probes: pd.DataFrame, *, theme: str = "light") -> Figure:
    """GB/s of each step over the bytes that it touches, beneath the best that copies and updates reached.

    Takes the columns optimizer, implementation, working_set_bytes, gb_per_s; and of the probes kernel,
    working_set_bytes and gb_per_s. Of the probes of half a decade the best counts: other work on the machine only ever
    slows one. Raises InputError for a frame that is empty, lacks a column, or holds bytes or a rate that are no finite
    numbers > 0.
    """
    need(frame, "steps", ("optimizer", "implementation", "working_set_bytes", "gb_per_s"))
    need(probes, "probes", ("kernel", "working_set_bytes", "gb_per_s"))
    need_steps(frame, "steps", ("working_set_bytes", "gb_per_s"))
    need_finite(probes, "probes", ("working_set_bytes", "gb_per_s"), every=True, above=0)
    look = theme_of(theme)
    figure, [ax] = panels([""], look, across=1, width=7.6, height=4.2)
    colors = implementation_looks(theme)
    for how, rows in frame.groupby("implementation", sort=False):
        ax.plot(rows["working_set_bytes"], rows["gb_per_s"], MARKS[str(how)], color=colors[str(how)].color, ms=5.5,
                mec=look.paper, mew=0.7, zorder=3, alpha=0.9, gid=f"steps:{how}")  # fmt: skip
    entries = _implementation_key(frame["implementation"], theme)
    dashes: dict[str, Any] = {"copy": "solid", "update": (0, (5, 2))}
    for kernel, dash in dashes.items():
        rows = probes[probes["kernel"] == kernel]
        half = np.round(2 * np.log10(rows["working_set_bytes"].astype(float)))
        rows = rows.loc[rows.groupby(half)["gb_per_s"].idxmax()].sort_values("working_set_bytes")
        [line] = ax.plot(
            rows["working_set_bytes"], rows["gb_per_s"], color=look.ink, lw=1.6, linestyle=dash, zorder=2, gid=kernel
        )
        words = {"copy": "copy, b = a", "update": "update, a += b"}[kernel]
        entries.append((words, Line2D([], [], color=line.get_color(), lw=1.6, linestyle=dash)))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _bytes_in_words(value)))
    ax.xaxis.set_minor_locator(NullLocator())
    _plain_decades(ax, "y")
    name_axes(ax, look, "bytes that a step touches", "GB/s that it must move")
    legend_beside(figure, entries, look)
    return figure


def time_and_state(frame: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Each optimizer's fastest step against the bytes of state that it keeps; a stair joins those that none dominates.

    Of more than 20 optimizers the quickest are drawn, and the picture says so. Takes the columns optimizer,
    ns_per_parameter, state_bytes_per_parameter. Raises InputError for a frame that is empty, lacks a column, or holds
    a time that is no finite number > 0.
    """
    need(frame, "steps", ("optimizer", "ns_per_parameter", "state_bytes_per_parameter"))
    look = theme_of(theme)
    need_finite(frame, "steps", ("ns_per_parameter",), every=True, above=0)
    need_finite(frame, "steps", ("state_bytes_per_parameter",), every=True)
    kept, chosen = choose(frame.groupby("optimizer", sort=False)["ns_per_parameter"].min(), POINTS, "quickest")
    frame = frame[frame["optimizer"].isin(kept)]
    best = frame.loc[frame.groupby("optimizer")["ns_per_parameter"].idxmin()]
    figure, [ax] = panels([""], look, across=1, width=7.2, height=4.4)
    say_chosen(figure, ax, chosen, look)
    front = pareto(best["state_bytes_per_parameter"], best["ns_per_parameter"])
    x, y = best["state_bytes_per_parameter"].to_numpy(float), best["ns_per_parameter"].to_numpy(float)
    order = np.flatnonzero(front)[np.argsort(x[front], kind="stable")]
    ax.plot(
        x[order],
        y[order],
        color=look.muted,
        lw=1.2,
        drawstyle="steps-post",
        linestyle=(0, (4, 3)),
        zorder=1,
        gid="front",
    )
    for i in np.argsort(y):
        name = str(best["optimizer"].iloc[i])
        style = style_of(name, theme)
        ax.plot(
            x[i], y[i], "o", ms=8 if front[i] else 6, color=style.color, mec=look.paper, mew=0.9, zorder=3, gid=name
        )
    ax.set_yscale("log")
    _plain_decades(ax, "y")
    # Most keep none, one, two or three numbers a parameter; a history of many vectors is far off.
    ax.set_xscale("symlog", linthresh=16, linscale=3.0)
    ax.set_xlim(-0.7, max(17.0, x.max() * 2.2))
    ticks = [tick for tick in (0, 4, 8, 12, 16, 32, 64, 128, 256, 512, 1024) if tick <= ax.get_xlim()[1]]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    _name_points(ax, x, np.log10(y), [str(name) for name in best["optimizer"]], theme)
    name_axes(ax, look, "bytes of state a parameter", "ns a parameter, fastest implementation")
    return figure


def pareto(x: Iterable[float], y: Iterable[float]) -> np.ndarray:
    """Which points no other point beats in one without being worse in the other; less is better in both.

    >>> pareto([0, 4, 8, 8], [3, 2, 1, 2]).tolist()
    [True, True, True, False]
    """
    points = np.column_stack([np.asarray(list(x), dtype=float), np.asarray(list(y), dtype=float)])
    others, ones = points[None, :, :], points[:, None, :]
    beaten = np.all(others <= ones, axis=2) & np.any(others < ones, axis=2)
    return np.asarray(~np.any(beaten, axis=1))


def _name_points(ax: Axes, x: np.ndarray, level: np.ndarray, names: Sequence[str], theme: str) -> None:
    """Names to the right of their points; those of one column keep a line's height apart, from below upwards."""
    low, high = np.log10(ax.get_ylim())
    # A full column needs a higher panel: each of its names takes a twenty-fifth.
    for column in np.unique(np.round(x)):
        own = np.sort(level[np.round(x) == column])
        after = np.arange(len(own), 0, -1)
        high = max(high, float((low + (own - low) / (1 - 0.04 * after)).max())) if len(own) > 1 else high
    ax.set_ylim(10**low, 10**high)
    line = (high - low) * 0.04
    for column in np.unique(np.round(x)):
        at = -np.inf
        for i in sorted(np.flatnonzero(np.round(x) == column).tolist(), key=lambda i: level[i]):
            at = max(level[i], at + line)
            style = style_of(names[i], theme)
            ax.annotate(short_name(names[i]), (x[i], 10**at), xytext=(8, 0),
                        textcoords="offset points", fontsize=8, color=style.ink, va="center",
                        gid=f"name:{names[i]}")  # fmt: skip


def _implementation_key(used: Iterable[str], theme: str) -> list[tuple[str, Line2D]]:
    colors, there = implementation_looks(theme), set(used)
    return [
        (how, Line2D([], [], marker=mark, color=colors[how].color, lw=0, ms=6.5))
        for how, mark in MARKS.items()
        if how in there
    ]


def _plain_decades(ax: Axes, which: str = "x") -> None:
    """Decades in plain numbers, with 2 and 5 between them where there are few."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 500 else (1.0,), numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _bytes_in_words(value: float) -> str:
    units: Mapping[str, float] = {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1.0}
    unit, size = next((pair for pair in units.items() if value >= pair[1]), ("B", 1.0))
    return f"{value / size:g} {unit}"
