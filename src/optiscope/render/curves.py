"""Curves over steps: convergence over seeds, the training of networks, and schedules. Frames in, Figures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from ..errors import InputError
from ..metrics.cells import left_domain
from .bands import by_step, is_lost, quantile
from .competitors import LEAST_GAP, need
from .panels import legend_beside, name_axes, panels
from .strokes import Curve, draw_curves, key_line
from .style import PLAIN, Look, Theme, looks_of, theme_of

LEAST_LOSS = 1e-8  # of a network: less is rounding in float32, and nought has no place on a logarithmic axis


def convergence(
    runs: pd.DataFrame, trace: pd.DataFrame, *, target: float | None = None, theme: str = "light"
) -> Figure:
    """Loss above the minimum by step, on logarithmic axes: one panel a problem, one line an optimizer and schedule.

    Lines are medians over seeds, bands go from the first to the third quartile. A run that diverged counts as infinite
    from there on: the line ends where half of the runs are gone, and the legend says how many were. Where no minimum is
    known, the loss itself is drawn. `target` is a gap, marked by a line across.

    Raises InputError for frames that are empty or lack `run_id`, `optimizer`, `step` or `loss`.
    """
    look = theme_of(theme)
    need(runs, "runs", ("run_id", "optimizer"))
    need(trace, "trace", ("run_id", "step", "loss"))
    problems = list(dict.fromkeys(runs["problem"])) if "problem" in runs else [""]
    groups = _grouped(runs, theme)
    figure, axes = panels(
        [str(problem) for problem in problems], look, across=2, height=3.9 if len(problems) == 1 else 2.7
    )
    for problem, ax in zip(problems, axes, strict=True):
        here = [(rows[rows["problem"] == problem] if problem != "" else rows, style) for _, rows, style in groups]
        _convergence_panel(ax, here, trace, target, look)
    entries = [(_with_lost(label, rows), key_line(style)) for label, rows, style in groups]
    legend_beside(figure, entries, look)
    return figure


def history(runs: pd.DataFrame, trace: pd.DataFrame, *, metric: str = "accuracy", theme: str = "light") -> Figure:
    """The training of networks: the loss beside `metric`, by epoch where the trace has one, else by step.

    One line an optimizer (and schedule or rate, where they differ), the median over seeds with its quartiles. The loss
    is on a logarithmic axis that ends at 1e-8: less, and nought, is drawn there, and the picture says so. Without the
    metric in the trace there is the loss alone.

    Raises InputError for frames that are empty or lack `run_id`, `optimizer`, `step` or `loss`.
    """
    look = theme_of(theme)
    need(runs, "runs", ("run_id", "optimizer"))
    need(trace, "trace", ("run_id", "step", "loss"))
    axis = "epoch" if "epoch" in trace and trace["epoch"].notna().any() else "step"
    columns = ["loss"] + [metric] * (metric in trace and bool(trace[metric].notna().any()))
    groups = _grouped(runs, theme)
    figure, axes = panels([column.replace("_", " ") for column in columns], look, across=2, width=8.4, height=3.4)
    for column, ax in zip(columns, axes, strict=True):
        clipped = False
        below = column == "loss" and bool((trace.loc[trace["run_id"].isin(runs["run_id"]), "loss"] < 0).any())
        curves: list[Curve] = []
        for _, rows, style in groups:
            steps, values = by_step(rows, trace, column, axis)
            if column == "loss":
                clipped |= bool((values < LEAST_LOSS).any())
                values = np.maximum(values, LEAST_LOSS) if not below else values
            curves.append((steps, values, style))
        draw_curves(ax, curves, rising=column != "loss")
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        name_axes(ax, look, axis)
        if column == "loss" and not below:
            ax.set_yscale("log")
            _few_decades(ax)
            if clipped:
                _name_floor(ax, look)
        elif column != "loss" and _within_unit(trace[column]):
            ax.set_ylim(0.0, 1.02)
    legend_beside(figure, [(_with_lost(label, rows), key_line(style)) for label, rows, style in groups], look)
    return figure


def schedule_curves(frame: pd.DataFrame, *, theme: str = "light") -> Figure:
    """The learning rate by step, one panel a schedule, all on the same axes.

    Takes the columns schedule, step, lr_t; where a schedule has several runs (`run_id`), each is a line.

    Raises InputError for a frame that is empty or lacks one of them.
    """
    look = theme_of(theme)
    need(frame, "schedule", ("schedule", "step", "lr_t"), why="join the schedule of the runs frame to the trace first")
    names = list(dict.fromkeys(frame["schedule"].astype(str)))
    across = min(3, max(2, round(len(names) ** 0.5)))
    figure, axes = panels(names, look, across=across, height=1.65, share=True)
    by_name = dict(tuple(frame.groupby(frame["schedule"].astype(str), sort=False)))
    accent = theme_line(look)
    for name, ax in zip(names, axes, strict=True):
        ax.set_title(_cut(name, 84 // across), fontsize=7.5, color=look.ink, loc="left", fontweight="bold")
        rows = by_name[name].sort_values("step", kind="stable")
        lines = [group for _, group in rows.groupby("run_id", sort=False)] if "run_id" in rows else [rows]
        for line in lines:
            ax.plot(line["step"], line["lr_t"], color=accent, lw=1.8, drawstyle="steps-post")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes[0].set_ylim(bottom=min(0.0, float(frame["lr_t"].min())))
    figure.supxlabel("step", fontsize=8.5, color=look.muted)
    figure.supylabel("learning rate", fontsize=8.5, color=look.muted)
    return figure


def _name_floor(ax: Axes, theme: Theme) -> None:
    """Say what the lowest line of a loss panel stands for."""
    ax.set_ylim(bottom=LEAST_LOSS / 9)
    ax.annotate(
        f"0 and all below {LEAST_LOSS:.0e} are drawn here".replace("e-0", "e-"), (0.02, LEAST_LOSS),
        xycoords=("axes fraction", "data"), xytext=(0, -4), textcoords="offset points", fontsize=7.5, color=theme.muted,
        va="top", gid="floor",
    )  # fmt: skip


def theme_line(theme: Theme) -> str:
    """The one colour of lines that stand for no optimizer."""
    return looks_of(["Adam"], theme.name)[0].color


def _convergence_panel(
    ax: Axes, groups: Sequence[tuple[pd.DataFrame, Look]], trace: pd.DataFrame, target: float | None, theme: Theme
) -> None:
    floors = pd.concat([rows["loss_floor"] for rows, _ in groups]) if "loss_floor" in groups[0][0] else pd.Series()
    known = bool(len(floors)) and bool(floors.notna().all())
    curves: list[Curve] = []
    for rows, style in groups:
        if rows.empty:
            continue
        steps, values = by_step(rows, trace, "loss")
        if not len(steps):
            continue
        if known:
            floor = rows["loss_floor"].to_numpy(float)[:, None]
            # A loss below the least one known is no loss of this problem: as bad as none.
            outside = left_domain(values, floor)
            values = np.where(outside, np.inf, np.maximum(values - floor, LEAST_GAP))
        curves.append((steps, values, style))
    if not any(np.isfinite(values).any() for _, values, _ in curves):
        raise InputError("no run of the runs frame has a finite loss in the trace: run them with a trace")
    low, top = _reach(curves)
    logarithmic = low > 0
    if logarithmic:
        ax.set_yscale("log")
        ax.set_ylim(low / 1.6, max(top, low * 10) * 1.6)
        _few_decades(ax)
    else:
        room = 0.05 * (top - low) or 0.5
        ax.set_ylim(low - room, top + room)
    draw_curves(ax, curves)
    last = max(steps[-1] for steps, _, _ in curves)
    if last > 20:
        ax.set_xscale("symlog", linthresh=1, linscale=0.4)
        ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(0, max(last, 1))
    if target is not None:
        ax.axhline(target, color=theme.muted, lw=1.0, linestyle=(0, (2, 2)), gid="target")
        ax.annotate(
            "target", (0, target), xycoords=("axes fraction", "data"), xytext=(3, 2), textcoords="offset points",
            fontsize=7.5, color=theme.muted,
        )  # fmt: skip
    name_axes(ax, theme, "step", "loss − minimum" if known else "loss")


def _reach(curves: Sequence[Curve]) -> tuple[float, float]:
    """The least and the greatest that the lines and bands show; what runs away is cut at thirty times the start."""
    drawn = [quantile(values, share) for _, values, _ in curves for share in (0.25, 0.5, 0.75)]
    shown = np.concatenate([part[np.isfinite(part)] for part in drawn])
    if not len(shown):
        shown = np.concatenate([values[np.isfinite(values)] for _, values, _ in curves])
    start = max(float(quantile(values[:, :1], 0.75)[0]) for _, values, _ in curves)
    roof = start * 30 if np.isfinite(start) and start > 0 else np.inf
    return float(shown.min()), min(float(shown.max()), roof)


def _grouped(runs: pd.DataFrame, theme: str) -> list[tuple[str, pd.DataFrame, Look]]:
    """(label, rows, look) of each line: an optimizer, told apart by schedule, and by rate if a problem has several."""
    keys = ["optimizer"]
    if "schedule" in runs and runs["schedule"].nunique() > 1:
        keys.append("schedule")
    problem = ["problem"] if "problem" in runs else []
    if "lr" in runs and runs.groupby(keys + problem)["lr"].nunique().max() > 1:
        keys.append("lr")
    # Side by side what belongs together: each optimizer's constant rate, then its schedules.
    place = {name: i for i, name in enumerate(dict.fromkeys(runs["optimizer"]))}
    groups = sorted(
        runs.groupby(keys, sort=False),
        key=lambda group: (place[group[0][0]], "schedule" in keys and str(group[0][1]) not in PLAIN),
    )
    schedules = [str(key[1]) for key, _ in groups] if "schedule" in keys else None
    looks = looks_of([str(key[0]) for key, _ in groups], theme, schedules)
    return [(_label(keys, key), rows, look) for (key, rows), look in zip(groups, looks, strict=True)]


def _label(keys: Sequence[str], key: Sequence[object]) -> str:
    """The optimizer by its own name, then what tells it from the others."""
    parts = [f"lr {value:.3g}" if column == "lr" else str(value) for column, value in zip(keys, key, strict=True)]
    return " · ".join([_cut(parts[0], 34), *(_cut(part, 24) for part in parts[1:])])


def _with_lost(label: str, rows: pd.DataFrame) -> str:
    lost = sum(is_lost(row) for row in rows.to_dict("records"))
    words = [f"{lost} of {len(rows)} diverged"] * bool(lost)
    if {"loss_final", "loss_floor"} <= set(rows):
        kept = rows[[not is_lost(row) for row in rows.to_dict("records")]]
        left = int(left_domain(kept["loss_final"].to_numpy(float), kept["loss_floor"].to_numpy(float)).sum())
        words += [f"{left} of {len(rows)} left the domain"] * bool(left)
    return "\n".join([label, *words])


def _few_decades(ax: Axes) -> None:
    ax.yaxis.set_major_locator(LogLocator(numticks=7))
    low, high = ax.get_ylim()
    if high / low > 100:
        ax.yaxis.set_minor_locator(NullLocator())


def _within_unit(values: pd.Series) -> bool:
    finite = values[np.isfinite(values.to_numpy(float))]
    return bool(len(finite)) and float(finite.min()) >= 0 and float(finite.max()) <= 1


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
