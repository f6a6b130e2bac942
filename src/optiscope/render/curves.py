"""Curves over steps: convergence over seeds, the training of networks, and schedules. Frames in, Figures out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from ..errors import InputError
from ..metrics.cells import final_loss, left_domain
from .bands import by_step, quantile, with_fates
from .checks import need, need_finite
from .clock import step_words
from .competitors import LEAST_GAP
from .lines import lines_of, with_lost
from .panels import legend_beside, name_axes, panels, say_blank, say_chosen
from .picture import describe, lowest_of
from .strokes import BANDS, Curve, draw_curves, key_line, mark_leaving
from .style import Look, Theme, theme_of

QUARTER = 8  # names that a quarter of a picture has room for
LEAST_LOSS = 1e-8  # of a network: less is rounding in float32, and nought has no place on a logarithmic axis


def convergence(
    runs: pd.DataFrame, trace: pd.DataFrame, *, target: float | None = None, against: str | Sequence[str] = "step",
    theme: str = "light", ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Loss above the minimum by step, on logarithmic axes: one panel a problem, one line an optimizer and schedule.

    Lines are medians over seeds; of up to eight, bands go from the first to the third quartile. A run that diverged
    counts as infinite from there on: the line ends where half of the runs are gone, and the legend says how many were.
    Where no minimum is known, the loss itself is drawn. Of more than 16 lines the lowest are drawn, and the picture
    says so; a triangle marks one that leaves the panel. `target` is a gap, marked by a line across. `against` is
    "step", "time" (seconds, at the median time of a step of each line's runs) or both, side by side. `ax` is an axes
    of yours to draw in.

    Raises InputError for frames that are empty or lack `run_id`, `optimizer`, `step` or `loss`, and for a time of runs
    that did not run in the plain loop, one by one: they have none of their own.
    """
    look = theme_of(theme)
    need(runs, "runs", ("run_id", "optimizer"))
    need(trace, "trace", ("run_id", "step", "loss"))
    runs = with_fates(runs, trace)
    clocks = [against] if isinstance(against, str) else list(against)
    _check_clocks(clocks, runs)
    problems = list(dict.fromkeys(runs["problem"])) if "problem" in runs else [""]
    groups, chosen = lines_of(runs, theme)
    titles = [f"{problem}{', in time' * (clock == 'time')}".lstrip(", ") for problem in problems for clock in clocks]
    figure, axes = panels(titles, look, across=2, height=3.9 if len(titles) == 1 else 2.7, ax=ax)
    for i, panel in enumerate(axes):
        problem, clock = problems[i // len(clocks)], clocks[i % len(clocks)]
        here = [(rows[rows["problem"] == problem] if problem != "" else rows, style) for _, rows, style in groups]
        _convergence_panel(panel, here, trace, target, look, clock)
    say_chosen(figure, axes[0], chosen, look, ax)
    entries = [(with_lost(label, rows), key_line(style)) for label, rows, style in groups]
    legend_beside(figure, entries, look, axes[-1] if ax is not None else None)
    best = [f"On {problem} {_lowest(groups, problem)}." for problem in problems]
    return describe(
        figure, f"Loss against {' and '.join(clocks)}, {_drawn(groups)} over {_count(runs, groups, chosen)}.", *best
    )


def history(
    runs: pd.DataFrame, trace: pd.DataFrame, *, metric: str = "accuracy", rate: bool = False, theme: str = "light",
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """The training of networks: the loss beside `metric`, by epoch where the trace has one, else by step.

    One line an optimizer (and schedule or rate, where they differ), the median over seeds and, of up to eight, its
    quartiles. The loss is on a logarithmic axis that ends at 1e-8: less, and nought, is drawn there, and the picture
    says so. Without the metric in the trace there is the loss alone. `rate` adds a panel of the learning rate; `ax` is
    an axes of yours. Of more than 16 lines the lowest are drawn, and the picture says so.

    Raises InputError for frames that are empty or lack `run_id`, `optimizer`, `step` or `loss`, or have no finite loss.
    """
    look = theme_of(theme)
    need(runs, "runs", ("run_id", "optimizer"))
    need(trace, "trace", ("run_id", "step", "loss", *["lr_t"] * rate))
    need_finite(trace, "trace", ("step", "loss"))
    runs = with_fates(runs, trace)
    axis = "epoch" if "epoch" in trace and trace["epoch"].notna().any() else "step"
    columns = ["loss"] + [metric] * (metric in trace and bool(trace[metric].notna().any())) + ["lr_t"] * rate
    groups, chosen = lines_of(runs, theme)
    names = [{"lr_t": "learning rate"}.get(column, column.replace("_", " ")) for column in columns]
    # The fourth quarter holds the legend, if it has room for it.
    spare = [""] * (rate and len(names) % 2 and len(groups) <= QUARTER)
    figure, axes = panels([*names, *spare], look, across=2, width=8.4, height=2.8 if rate else 3.4, ax=ax)
    for column, panel in zip(columns, axes, strict=False):
        _history_panel(panel, column, groups, trace, axis, look)
    say_chosen(figure, axes[0], chosen, look, ax)
    entries = [(with_lost(label, rows), key_line(style)) for label, rows, style in groups]
    if spare:
        axes[-1].set_axis_off()
        axes[-1].legend(
            [line for _, line in entries], [label for label, _ in entries], loc="center left", frameon=False,
            fontsize=8.5, labelcolor=look.ink, handlelength=2.6, labelspacing=0.9,
        ).set_gid("legend")  # fmt: skip
    else:
        legend_beside(figure, entries, look, axes[-1] if ax is not None else None)
    problems = list(dict.fromkeys(runs["problem"])) if "problem" in runs else [""]
    told = [f"On {problem} {_lowest(groups, problem, LEAST_LOSS)}." for problem in problems]
    return describe(figure, f"{', '.join(names).capitalize()} by {axis} for {_count(runs, groups, chosen)}.", *told)


def _history_panel(
    ax: Axes, column: str, groups: Sequence[tuple[str, pd.DataFrame, Look]], trace: pd.DataFrame, axis: str,
    look: Theme,
) -> None:  # fmt: skip
    clipped = False
    ids = pd.concat([rows["run_id"] for _, rows, _ in groups])
    below = column == "loss" and bool((trace.loc[trace["run_id"].isin(ids), "loss"] < 0).any())
    curves: list[Curve] = []
    for _, rows, style in groups:
        steps, values = by_step(rows, trace, column, axis)
        if column == "loss":
            clipped |= bool((values < LEAST_LOSS).any())
            values = np.maximum(values, LEAST_LOSS) if not below else values
        curves.append((steps, values, style))
    if not any(np.isfinite(values).any() for _, values, _ in curves):
        say_blank(ax, f"no finite {column}", look)
        return
    draw_curves(ax, curves, rising=column != "loss")
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    name_axes(ax, look, axis)
    if column == "loss" and not below:
        ax.set_yscale("log")
        _few_decades(ax)
        if clipped:
            _name_floor(ax, look)
    elif column == "lr_t":
        rates = trace.loc[trace["run_id"].isin(ids), "lr_t"]
        rates = rates[np.isfinite(rates)]
        if rates.min() > 0 and rates.max() / rates.min() >= 10:
            ax.set_yscale("log")
            _few_decades(ax)
        else:
            ax.set_ylim(min(0.0, float(rates.min())), float(rates.max()) * 1.08 or 1.0)
    elif column != "loss" and _within_unit(trace[column]):
        ax.set_ylim(0.0, 1.02)


def _check_clocks(clocks: Sequence[str], runs: pd.DataFrame) -> None:
    for clock in clocks:
        if clock not in ("step", "time"):
            raise InputError(f"against is 'step', 'time' or both, got {clock!r}")
    if "time" not in clocks:
        return
    need(runs, "runs", ("wall_s", "steps_done", "engine"))
    others = sorted(set(runs["engine"]) - {"single"})
    if others:
        raise InputError(
            f"runs of the {' and '.join(map(str, others))} tier share their time: for a time of each, run them with "
            "engine='single'"
        )


def _drawn(groups: Sequence[object]) -> str:
    return "median and quartiles" if len(groups) <= BANDS else "median"


def _lowest(groups: Sequence[tuple[str, pd.DataFrame, Look]], problem: object, least: float = -np.inf) -> str:
    """Which line ends lowest in the middle of its runs, in words; of losses up to `least`, none is told apart."""
    here = {label: rows[rows["problem"] == problem] if problem != "" else rows for label, rows, _ in groups}
    here = {label: rows for label, rows in here.items() if len(rows)}
    if any("loss_final" not in rows for rows in here.values()):
        return f"{len(here)} lines are compared"
    told = lowest_of({label: float(np.median(final_loss(rows))) for label, rows in here.items()}, least)
    return told.replace(" at ", " at a median loss of ")


def _count(runs: pd.DataFrame, groups: Sequence[tuple[str, pd.DataFrame, Look]], chosen: str) -> str:
    if chosen:
        return f"{sum(len(rows) for _, rows, _ in groups)} runs of {chosen}"
    return f"{len(runs)} runs of {', '.join(label for label, _, _ in groups[:8])}{' and others' * (len(groups) > 8)}"


def _name_floor(ax: Axes, theme: Theme) -> None:
    """Say what the lowest line of a loss panel stands for."""
    ax.set_ylim(bottom=LEAST_LOSS / 9)
    ax.annotate(
        f"0 and all below {LEAST_LOSS:.0e} are drawn here".replace("e-0", "e-"), (0.02, LEAST_LOSS),
        xycoords=("axes fraction", "data"), xytext=(0, -4), textcoords="offset points", fontsize=7.5, color=theme.muted,
        va="top", gid="floor",
    )  # fmt: skip


def _convergence_panel(
    ax: Axes, groups: Sequence[tuple[pd.DataFrame, Look]], trace: pd.DataFrame, target: float | None, theme: Theme,
    clock: str = "step",
) -> None:  # fmt: skip
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
        curves.append((steps * _seconds_a_step(rows) if clock == "time" else steps, values, style))
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
    if clock == "time":
        ax.set_xscale("log")
        # From the quickest line's first step on: a logarithmic axis has no nought.
        first = min(steps[1] if len(steps) > 1 else last for steps, _, _ in curves)
        if not 0 < first < last:
            raise InputError("an axis of time needs two steps after the start: against='step' draws what there is")
        ax.set_xlim(first, last)
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if last < 300 * ax.get_xlim()[0] else (1.0,)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _duration(seconds)))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        if last > 20:
            ax.set_xscale("symlog", linthresh=1, linscale=0.4)
            ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: step_words(step)))
            ax.xaxis.set_minor_locator(NullLocator())
        else:
            ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.set_xlim(0, max(last, 1))
    mark_leaving(ax, curves, theme)
    if target is not None:
        ax.axhline(target, color=theme.muted, lw=1.0, linestyle=(0, (2, 2)), gid="target")
        ax.annotate(
            "target", (0, target), xycoords=("axes fraction", "data"), xytext=(3, 2), textcoords="offset points",
            fontsize=7.5, color=theme.muted,
        )  # fmt: skip
    name_axes(ax, theme, "time" if clock == "time" else "step", "loss − minimum" if known else "loss")


def _duration(seconds: float) -> str:
    return next(
        (f"{seconds * many:.3g} {unit}" for many, unit in ((1.0, "s"), (1e3, "ms")) if seconds * many >= 0.999),
        f"{seconds * 1e6:.3g} µs",
    )


def _seconds_a_step(rows: pd.DataFrame) -> float:
    taken = rows["wall_s"].to_numpy(float) / np.maximum(rows["steps_done"].to_numpy(float), 1.0)
    return float(np.median(taken))


def _reach(curves: Sequence[Curve]) -> tuple[float, float]:
    """The least and the greatest that the lines and bands show; what runs away is cut at thirty times the start."""
    drawn = [quantile(values, share) for _, values, _ in curves for share in (0.25, 0.5, 0.75)]
    shown = np.concatenate([part[np.isfinite(part)] for part in drawn])
    if not len(shown):
        shown = np.concatenate([values[np.isfinite(values)] for _, values, _ in curves])
    start = max(float(quantile(values[:, :1], 0.75)[0]) for _, values, _ in curves)
    roof = start * 30 if np.isfinite(start) and start > 0 else np.inf
    return float(shown.min()), min(float(shown.max()), roof)


def _few_decades(ax: Axes) -> None:
    ax.yaxis.set_major_locator(LogLocator(numticks=7))
    low, high = ax.get_ylim()
    if high / low > 100:
        ax.yaxis.set_minor_locator(NullLocator())


def _within_unit(values: pd.Series) -> bool:
    finite = values[np.isfinite(values.to_numpy(float))]
    return bool(len(finite)) and float(finite.min()) >= 0 and float(finite.max()) <= 1
