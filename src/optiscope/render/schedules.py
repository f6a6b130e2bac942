"""Schedules as small multiples: the rate, and the momentum where it moves, by step. Frame in, Figure out."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .checks import need, need_finite
from .panels import panels, say_blank
from .picture import describe
from .strokes import mark_lone
from .style import Theme, looks_of, theme_of

_LETTERS = 114  # of the arguments that fit a row of panels
_LINES = 2


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
    figure, axes = panels(names, look, across=across, height=1.95 if told else 1.65, share=True, ax=ax)
    by_name = dict(tuple(frame.groupby(frame["schedule"].astype(str), sort=False)))
    line_look, momentum_look = looks_of(["Adam", "Momentum"], look.name)
    for name, panel in zip(names, axes, strict=True):
        rows = by_name[name].sort_values("step", kind="stable")
        _title(panel, name, str(rows["arguments"].iloc[0]) if told else "", across, look)
        lines = [group for _, group in rows.groupby("run_id", sort=False)] if "run_id" in rows else [rows]
        for line in lines:
            panel.plot(line["step"], line["lr_t"], color=line_look.color, lw=1.8, drawstyle="steps-post", gid="lr")
            mark_lone(panel, line["step"], line["lr_t"], line_look.color)
        if not np.isfinite(rows["lr_t"].to_numpy(float)).any():
            say_blank(panel, "no finite rate", look)
        if "momentum" in rows and rows["momentum"].nunique() > 1:
            panel.plot(
                rows["step"], rows["momentum"], color=momentum_look.color, lw=1.5, gid="momentum",
                linestyle=momentum_look.linestyle(1.5), dash_capstyle="butt",
            )  # fmt: skip
            panel.annotate(
                "momentum", (1.0, _roomiest(rows)), xycoords=("axes fraction", "data"), xytext=(-2, 0), ha="right",
                va="center", textcoords="offset points", fontsize=7, color=momentum_look.ink,
                bbox={"fc": look.paper, "ec": "none", "pad": 0.8, "alpha": 0.85},
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


def _title(panel: Axes, name: str, arguments: str, across: int, theme: Theme) -> None:
    most = 84 // across
    cut = name if len(name) <= most else name[: most - 1] + "…"
    lines = textwrap.wrap(arguments, _LETTERS // across)
    if not lines:
        panel.set_title(cut, fontsize=8, color=theme.ink, loc="left", fontweight="bold")
        return
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1].rstrip(", ") + ", …"]
    panel.set_title("\n".join(lines), fontsize=6.5, color=theme.muted, loc="left", pad=3)
    panel.annotate(
        cut, (0, 1), xycoords="axes fraction",
        xytext=(0, 4 + 9.3 * len(lines)), textcoords="offset points", fontsize=8, color=theme.ink, fontweight="bold",
        va="bottom", gid="schedule",
    )  # fmt: skip


def _roomiest(rows: pd.DataFrame) -> float:
    """A height at the right end that neither line is near."""
    tail = rows.iloc[-max(1, len(rows) // 3) :]
    taken = np.concatenate([tail["lr_t"].to_numpy(float), tail["momentum"].to_numpy(float)])
    taken = taken[np.isfinite(taken)] if np.isfinite(taken).any() else np.zeros(1)
    heights = np.linspace(0.1, 0.95, 18)
    return float(heights[np.argmax(np.abs(heights[:, None] - taken[None]).min(axis=1))])
