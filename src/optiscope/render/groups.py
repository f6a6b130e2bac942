"""Parameter groups: a drawn table of who is in which, and the rate of each by step. Frames in, Figure out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..errors import InputError
from ..metrics import number
from .checks import need, need_finite
from .panels import decades, dress, name_axes, room, root_of
from .picture import describe
from .strokes import mark_lone
from .style import Look, Theme, looks_of, theme_of
from .words import cut

_COLUMNS = ("group", "pattern", "members", "weights", "lr", "momentum", "weight_decay", "frozen_until", "state_bytes")
MOST = 12  # more groups than this are no longer told apart
_DEEP = 50  # how far below the smallest group's highest rate the axis goes: a cosine ends at nought
# Groups often share their rate: through the gaps of a line the one beneath it is seen.
_DASHES: tuple[Any, ...] = ("solid", (0, (4, 4)), (0, (2, 6)), (4, (2, 6)))
# Inches: the table's margins and rows, and the chart below it.
_WIDTH, _LEFT, _RIGHT, _HEAD, _ROW, _CHART = 7.6, 0.3, 0.2, 0.46, 0.46, 2.7
# Where each column of numbers ends, in inches from the left, and its heading.
_ENDS = (
    ("weights", 4.15, "weights"), ("lr", 4.85, "lr"), ("momentum", 5.62, "momentum"), ("weight_decay", 6.28, "decay"),
    ("state_bytes", 7.4, "optimizer state"),
)  # fmt: skip


def parameter_groups(
    frame: pd.DataFrame, trace: pd.DataFrame | None = None, *, theme: str = "light", ax: Axes | None = None
) -> Figure:
    """The groups of `osc.group_table` as a drawn table; with a run's trace, the rate of each by step below it.

    A bar under the optimizer's state is as long as the group's share of the largest one. The lines have the table's
    colours, from the step at which a group joins; the rates' axis is logarithmic. In the place of an `ax` of yours, if
    you give one of a grid.

    Raises InputError for a frame that is empty, lacks a column, a number of a group or has more than twelve groups, and
    for a trace without a column `lr_groupN` of each group, or without the rate of a step that was taken.
    """
    look = theme_of(theme)
    need(frame, "group", _COLUMNS, why="make it with group_table")
    need_finite(frame, "group", ("group", "weights", "lr", "frozen_until", "state_bytes"), every=True)
    if len(frame) > MOST:
        raise InputError(f"{len(frame)} groups: at most {MOST} fit one picture")
    chart = _CHART if trace is not None else 0.0
    height = 0.12 + _HEAD + _ROW * len(frame) + 0.1 + chart
    figure = room(ax, _WIDTH, height, look)
    # Colours that neighbours in the list do not share, all of them solid in the table's keys.
    looks = looks_of(["Adam", "SGD", "RMSprop", "AdamW", "Nesterov", "Adagrad", "Momentum", "Adadelta"], theme)
    styles = [looks[i % len(looks)] for i in range(len(frame))]
    _table(figure, frame, styles, height, look)
    if trace is not None:
        rates = figure.add_axes((0.74 / _WIDTH, 0.5 / height, (_WIDTH - 0.74 - 0.22) / _WIDTH, (chart - 0.86) / height))
        dress(rates, look)
        _rates(rates, frame, trace, styles, look)
    told = [f"{_name(row)}: {int(row['weights']):,} weights, lr {row['lr']:.3g}" for row in frame.to_dict("records")]
    below = ", and the rate of each by step below" if trace is not None else ""
    return describe(root_of(figure), f"A table of {len(frame)} parameter groups{below}. {'; '.join(told)}.")


def _table(figure: Figure, frame: pd.DataFrame, styles: list[Look], height: float, theme: Theme) -> None:
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, _WIDTH), ylim=(0, height))
    ax.axis("off")
    top = height - 0.12
    small: dict[str, Any] = {"fontsize": 8, "color": theme.muted, "va": "center"}
    ax.text(_LEFT + 0.2, top - 0.2, "group", **small)
    for _, end, heading in _ENDS:
        ax.text(end, top - 0.2, heading, ha="right", **small)
    ax.plot([_LEFT, _WIDTH - _RIGHT], [top - _HEAD + 0.06] * 2, color=theme.grid, lw=1.0)
    largest = max(float(frame["state_bytes"].max()), 1.0)
    for i, (row, style) in enumerate(zip(frame.to_dict("records"), styles, strict=True)):
        middle = top - _HEAD - _ROW * (i + 0.5)
        ax.add_patch(Rectangle((_LEFT, middle - 0.14), 0.08, 0.28, color=style.color, lw=0, gid=f"key:{row['group']}"))
        ax.text(_LEFT + 0.2, middle + 0.085, cut(_name(row), 44), fontsize=9, color=theme.ink, va="center",
                fontweight="bold", gid=f"name:{row['group']}")  # fmt: skip
        ax.text(_LEFT + 0.2, middle - 0.095, _members(row), fontsize=7.5, color=theme.muted, va="center")
        for column, end, _ in _ENDS:
            ax.text(end, middle + (0.085 if column == "state_bytes" else 0.0), _cell(column, row[column]), fontsize=8.5,
                    color=theme.ink, ha="right", va="center", gid=f"{column}:{row['group']}")  # fmt: skip
        room = 0.95
        ax.add_patch(Rectangle((7.4 - room, middle - 0.13), room, 0.07, color=theme.grid, lw=0))
        length = room * row["state_bytes"] / largest
        ax.add_patch(Rectangle((7.4 - length, middle - 0.13), length, 0.07, color=style.color, lw=0))


def _rates(ax: Axes, frame: pd.DataFrame, trace: pd.DataFrame, styles: list[Look], theme: Theme) -> None:
    need(trace, "trace", ("step", *(f"lr_group{number}" for number in frame["group"])), why="run the groups' optimizer")
    rows = trace.sort_values("step", kind="stable")
    peaks: list[float] = []
    drawn: list[np.ndarray] = []
    for row, style in zip(frame.to_dict("records"), styles, strict=True):
        # The last row holds the rate of a step that is not taken.
        steps, rates = rows["step"].to_numpy()[:-1], rows[f"lr_group{row['group']}"].to_numpy(float)[:-1]
        rates = np.where(np.isfinite(rates) & (rates > 0), rates, np.nan)
        if np.isnan(rates).all():
            continue
        peaks.append(float(np.nanmax(rates)))
        beneath = sum(_same(rates, other) for other in drawn)
        drawn.append(rates)
        ax.plot(
            steps, rates, color=style.color, drawstyle="steps-post", lw=2.4,
            linestyle=_DASHES[beneath % len(_DASHES)], dash_capstyle="butt", gid=f"rate:{row['group']}",
        )  # fmt: skip
        mark_lone(ax, steps, rates, style.color)
        if row["frozen_until"]:
            first = int(np.flatnonzero(np.isfinite(rates))[0])
            ax.plot(steps[first], rates[first], "o", ms=6, color=style.color, mec=theme.paper, mew=1.0, zorder=4)
            ax.annotate(f"joins at step {steps[first]}", (steps[first], rates[first]),
                        xytext=(7, 7), textcoords="offset points", fontsize=8, color=style.ink)  # fmt: skip
    if not peaks:
        raise InputError("the trace frame has no finite rate > 0 of a step that was taken: nothing to draw")
    ax.set_yscale("log")
    ax.set_ylim(min(peaks) / _DEEP, max(peaks) * 2.2)
    decades(ax.yaxis, 7)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    ax.set_xlim(0, max(1, int(rows["step"].max())))
    name_axes(ax, theme, "step", "learning rate")


def _same(rates: np.ndarray, other: np.ndarray) -> bool:
    """Whether two groups have the same rate wherever both have one."""
    both = np.isfinite(rates) & np.isfinite(other)
    return bool(both.any()) and np.allclose(rates[both], other[both])


def _name(row: dict[str, Any]) -> str:
    name = row["pattern"] or "all others"
    return f"{name}, from step {row['frozen_until']}" if row["frozen_until"] else name


def _members(row: dict[str, Any]) -> str:
    shapes = ["×".join(map(str, shape)) or "1" for shape in row["shapes"]]
    return cut(", ".join(f"{name} {shape}" for name, shape in zip(row["members"], shapes, strict=True)), 54)


def _cell(column: str, value: float) -> str:
    if column == "state_bytes":
        return next(
            (f"{value / size:.3g} {unit}" for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if value >= size),
            f"{value:.0f} B",
        )
    if column == "weights":
        return f"{int(value):,}"
    return "–" if math.isnan(value) else number(float(value))
