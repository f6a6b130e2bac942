"""How cost grows: with the number of parameters, with the number of lanes; and where an iteration's time goes.

Frames in, Figures out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, PercentFormatter

from ..errors import InputError
from .checks import choose, need, need_finite, need_once
from .panels import decades, legend_beside, name_axes, panels, say_chosen
from .style import looks_of, short_name, theme_of
from .timings import MARKS, implementation_looks, need_steps

PANELS = 12  # optimizers with a panel each
ROWS = 60  # bars that are still read below each other
LANE_FIGURES = ("stacked_us_a_lane_step", "plain_us_a_step", "ratio")
PHASES = ("batch", "forward", "backward", "step")


def step_scaling(frame: pd.DataFrame, *, copy_gb_per_s: float | None = None, theme: str = "light") -> Figure:
    """Milliseconds of a step against the number of parameters, both logarithmic: one panel an optimizer.

    With `copy_gb_per_s`, main memory's, a thin line is the time that its bytes take at that rate; what fits into a
    cache may lie below it. Takes the columns optimizer,
    implementation, parameters, median_s, bytes_per_parameter; of more than twelve optimizers the quickest are drawn,
    and the picture says so. Raises InputError for a frame that is empty, lacks one, or holds a number that is not > 0.
    """
    need(frame, "scaling", ("optimizer", "implementation", "parameters", "median_s", "bytes_per_parameter"))
    need_steps(frame, "scaling", ("parameters", "median_s", "bytes_per_parameter"))
    look, colors = theme_of(theme), implementation_looks(theme)
    own = frame["median_s"] / frame["parameters"]
    names, chosen = choose(own.groupby(frame["optimizer"], sort=False).min(), PANELS, "quickest")
    figure, axes = panels(names, look, across=2, width=8.0, height=3.1, share=True)
    say_chosen(figure, axes[0], chosen, look)
    for name, ax in zip(names, axes, strict=True):
        rows = frame[frame["optimizer"] == name]
        for how, line in rows.groupby("implementation", sort=False):
            line = line.sort_values("parameters")
            ax.plot(line["parameters"], 1e3 * line["median_s"], marker=MARKS[str(how)], color=colors[str(how)].color,
                    ms=4.5, lw=1.6, mec=look.paper, mew=0.6, gid=f"{name}:{how}")  # fmt: skip
        if copy_gb_per_s:
            counts = np.array([rows["parameters"].min(), rows["parameters"].max()], dtype=float)
            moved = float(rows["bytes_per_parameter"].median())
            ax.plot(
                counts,
                moved * counts / copy_gb_per_s / 1e6,
                color=look.muted,
                lw=1.0,
                linestyle=(0, (2, 2)),
                gid="floor",
            )
        ax.set(xscale="log", yscale="log")
        ax.set_ylim(1e3 * float(frame["median_s"].min()) / 3, 1e3 * float(frame["median_s"].max()) * 3)
        _decades(ax)
        name_axes(ax, look, "parameters", "ms a step")
    there = set(frame["implementation"])
    entries = [
        (how, Line2D([], [], marker=mark, color=colors[how].color, lw=1.6, ms=5))
        for how, mark in MARKS.items()
        if how in there
    ]
    if copy_gb_per_s:
        entries.append(
            ("its bytes, copied in\nmain memory", Line2D([], [], color=look.muted, lw=1.0, linestyle=(0, (2, 2))))
        )
    legend_beside(figure, entries, look)
    return figure


def iteration_shares(frame: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Where an iteration's time goes, by problem and optimizer: batch, forward, backward, and the optimizer's step.

    Takes the columns problem, optimizer, batch_s, forward_s, backward_s, step_s. Raises InputError for a frame that is
    empty, lacks one, holds a time that is not finite, or has more than sixty rows.
    """
    need(frame, "training", ("problem", "optimizer", *(f"{phase}_s" for phase in PHASES)))
    need_finite(frame, "training", [f"{phase}_s" for phase in PHASES], every=True)
    if len(frame) > ROWS:
        raise InputError(f"{len(frame)} pairs of problem and optimizer: at most {ROWS} bars fit one picture")
    look = theme_of(theme)
    rows = frame.assign(share=frame["step_s"] / frame[[f"{phase}_s" for phase in PHASES]].sum(axis=1))
    order = rows.groupby("problem")["share"].max().sort_values(ascending=False).index
    rows = pd.concat([rows[rows["problem"] == name].sort_values("share", ascending=False) for name in order])
    figure, [ax] = panels([""], look, across=1, width=8.2, height=0.5 + 0.235 * len(rows))
    colors = [look.grid, *(style.color for style in looks_of(["AdamW", "Adam", "SGD"], theme))]
    total = rows[[f"{phase}_s" for phase in PHASES]].sum(axis=1).to_numpy(float)
    # A little room between problems.
    place = np.arange(len(rows)) + 0.45 * np.cumsum((rows["problem"] != rows["problem"].shift()).to_numpy())
    left = np.zeros(len(rows))
    for phase, color in zip(reversed(PHASES), reversed(colors), strict=True):
        part = rows[f"{phase}_s"].to_numpy(float) / total
        ax.barh(place, part, left=left, height=0.78, color=color, gid=phase)
        if phase == "step":
            for y, share in zip(place, part, strict=True):
                inside = share > 0.09
                ax.text(share - 0.006 if inside else share + 0.006, y, f"{share:.0%}", fontsize=7.5, va="center",
                        ha="right" if inside else "left", color="#ffffff", gid="share")  # fmt: skip
        left = left + part
    names = [
        f"{_short_problem(problem)} · {short_name(optimizer)}"
        for problem, optimizer in zip(rows["problem"], rows["optimizer"], strict=True)
    ]
    ax.set_yticks(place, names, fontsize=8, color=look.ink)
    ax.set_ylim(place[-1] + 0.7, place[0] - 0.7)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    name_axes(ax, look, "share of an iteration")
    words = {"step": "optimizer", "backward": "backward", "forward": "forward and loss", "batch": "batch"}
    keys = [(words[phase], Patch(color=color)) for phase, color in zip(reversed(PHASES), reversed(colors), strict=True)]
    legend_beside(figure, keys, look)  # type: ignore[arg-type]
    return figure


def lane_scaling(frame: pd.DataFrame, *, theme: str = "light") -> Figure:
    """Microseconds a lane and step against the number of lanes, beside the plain loop of one; both axes logarithmic.

    Takes the columns lanes, stacked_us_a_lane_step, plain_us_a_step, ratio (the plain loop's over a lane's, as it was
    taken in turn), trace. Raises InputError for a frame that is
    empty, lacks one, holds a number that is not > 0, or has no row of the trace "none", or two of as many lanes.
    """
    need(frame, "lanes", ("lanes", *LANE_FIGURES, "trace"))
    need_finite(frame, "lanes", ("lanes", *LANE_FIGURES), every=True, above=0)
    if not (frame["trace"] == "none").any():
        raise InputError("lane_scaling draws the rows of the trace 'none', and the lanes frame has none")
    need_once(frame[frame["trace"] == "none"], "lanes", ("lanes", "trace"))
    look = theme_of(theme)
    lane, plain = (style.color for style in looks_of(["Adam", "SGD"], theme))
    figure, [ax] = panels([""], look, across=1, width=7.2, height=3.9)
    rows = frame[frame["trace"] == "none"].sort_values("lanes")
    ax.plot(rows["lanes"], rows["stacked_us_a_lane_step"], "-s", color=lane, lw=1.8, ms=5, mec=look.paper, gid="lanes")
    ax.axhline(float(rows["plain_us_a_step"].median()), color=plain, lw=1.6, gid="plain")
    for row in rows.to_dict("records"):
        gain = float(f"{row['ratio']:.3g}")
        inner = rows["lanes"].min() < row["lanes"] < rows["lanes"].max()  # the others have room to the right
        ax.annotate(f"×{gain:,.{0 if gain >= 10 else 1}f}", (row["lanes"], row["stacked_us_a_lane_step"]),
                    xytext=(-6, -6) if inner else (7, 2), textcoords="offset points", fontsize=8, color=look.ink,
                    ha="right" if inner else "left", va="top" if inner else "bottom")  # fmt: skip
    ax.set(xscale="log", yscale="log")
    ax.set_xlim(float(rows["lanes"].min()) / 3, float(rows["lanes"].max()) * 3)
    ax.set_ylim(float(rows["stacked_us_a_lane_step"].min()) / 3, float(frame["plain_us_a_step"].max()) * 4)
    _decades(ax)
    name_axes(ax, look, "lanes", "µs a lane and step")
    entries = [
        ("lanes, stacked", Line2D([], [], color=lane, marker="s", lw=1.8)),
        ("plain loop", Line2D([], [], color=plain)),
    ]
    legend_beside(figure, entries, look)
    return figure


def _decades(ax: Axes) -> None:
    """Decades in plain numbers, large ones with commas, and no ticks between them."""
    for axis in (ax.xaxis, ax.yaxis):
        decades(axis, 9)
        axis.set_major_formatter(FuncFormatter(_plain))


def _plain(value: float, _: object) -> str:
    """
    >>> [_plain(value, 0) for value in (0.001, 10.0, 1e5, 1e6, 1e9)]
    ['0.001', '10', '100k', '1M', '1G']
    """
    size, unit = next((pair for pair in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if value >= pair[0]), (1.0, ""))
    return f"{value / size:g}{unit}"


def _short_problem(name: str) -> str:
    return name if "(" not in name else name.partition("(")[0] + ", small"
