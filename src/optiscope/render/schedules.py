"""Schedules as small multiples: the rate, and the momentum where it moves, by step. Frame in, Figure out."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .checks import need, need_finite
from .panels import name_panel, panels, say_blank
from .picture import describe
from .strokes import mark_lone
from .style import Theme, looks_of, theme_of
from .words import cut

_LETTERS = 108  # of the arguments that fit a row of panels
_LINE = 0.125  # inches that a line of them is high


def schedule_curves(frame: pd.DataFrame, *, theme: str = "light", ax: Axes | None = None) -> Figure:
    """The learning rate by step, one panel a schedule, all on the same axes.

    Takes the columns schedule, step, lr_t; where a schedule has several runs (`run_id`), each is a line. With a column
    momentum, that is drawn too where it changes, dashed and named; with a column arguments, they stand under the name.

    Raises InputError for a frame that is empty, lacks one of the first three, or has no finite rate.
    """
    look = theme_of(theme)
    need(frame, "schedule", ("schedule", "step", "lr_t"), why="join the schedule of the runs frame to the trace first")
    need_finite(frame, "schedule", ("step", "lr_t"))
    names = list(dict.fromkeys(frame["schedule"].astype(str)))
    across = min(3, max(2, round(len(names) ** 0.5)))
    told = "arguments" in frame
    by_name = dict(tuple(frame.groupby(frame["schedule"].astype(str), sort=False)))
    arguments = {name: str(by_name[name]["arguments"].iloc[0]) if told else "" for name in names}
    lines = [len(textwrap.wrap(arguments[name], _LETTERS // across)) for name in names]
    rows_of_panels = [lines[i : i + across] for i in range(0, len(lines), across)]
    height = 1.65 + _LINE * sum(map(max, rows_of_panels)) / len(rows_of_panels)
    figure, axes = panels(names, look, across=across, height=height, share=True, ax=ax)
    line_look, momentum_look = looks_of(["Adam", "Momentum"], look.name)
    for name, panel in zip(names, axes, strict=True):
        rows = by_name[name].sort_values("step", kind="stable")
        moves = "momentum" in rows and rows["momentum"].nunique() > 1
        _title(panel, name, arguments[name], across, look, momentum_look.ink if moves else "")
        lines = [group for _, group in rows.groupby("run_id", sort=False)] if "run_id" in rows else [rows]
        for line in lines:
            panel.plot(line["step"], line["lr_t"], color=line_look.color, lw=1.8, drawstyle="steps-post", gid="lr")
            mark_lone(panel, line["step"], line["lr_t"], line_look.color)
        if not np.isfinite(rows["lr_t"].to_numpy(float)).any():
            say_blank(panel, "no finite rate", look)
        if moves:
            panel.plot(
                rows["step"], rows["momentum"], color=momentum_look.color, lw=1.5, gid="momentum",
                linestyle=momentum_look.linestyle(1.5), dash_capstyle="butt",
            )  # fmt: skip
        panel.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        panel.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    rates = frame["lr_t"].to_numpy(float)
    axes[0].set_ylim(bottom=min(0.0, float(rates[np.isfinite(rates)].min())))
    if ax is None:
        figure.supxlabel("step", fontsize=8.5, color=look.muted)
        figure.supylabel("learning rate", fontsize=8.5, color=look.muted)
    moving = [name for name in names if "momentum" in frame and by_name[name]["momentum"].nunique() > 1]
    return describe(
        figure, f"The learning rate by step of {len(names)} schedules, a panel each: {', '.join(names)}.",
        f"The momentum moves under {' and '.join(moving)}." if moving else "",
    )  # fmt: skip


def _title(panel: Axes, name: str, arguments: str, across: int, theme: Theme, momentum: str) -> None:
    """The name, the arguments below it, and in the ink of `momentum`, where it is given, what the dashes are."""
    short = cut(name, 84 // across - (12 if momentum else 0))
    lines = textwrap.wrap(arguments, _LETTERS // across)
    above = 4 + 9.3 * len(lines)
    if momentum:
        panel.annotate(
            "dashed: momentum", (1, 1), xycoords="axes fraction", xytext=(0, above), textcoords="offset points",
            fontsize=7, color=momentum, ha="right", va="bottom", gid="momentum's name",
        )  # fmt: skip
    if not lines:
        name_panel(panel, short, theme, 8)
        return
    panel.set_title("\n".join(lines), fontsize=6.5, color=theme.muted, loc="left", pad=3)
    panel.annotate(
        short, (0, 1), xycoords="axes fraction",
        xytext=(0, above), textcoords="offset points", fontsize=8, color=theme.ink, fontweight="bold",
        va="bottom", gid="schedule",
    )  # fmt: skip
