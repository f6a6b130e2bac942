"""Steps to a target against condition number and against rotation: coordinate-wise methods show themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from ..errors import InputError
from .checks import need, need_finite
from .ends import label_ends
from .panels import decades, name_axes, panels
from .picture import describe
from .style import Look, Theme, looks_of, short_name, theme_of

MOST = 14


def conditioning(
    frame: pd.DataFrame, *, target: float | None = None, budget: int | None = None, theme: str = "light",
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """One line an optimizer: steps to a target against the condition number of a bowl, and against its rotation.

    Takes the columns optimizer, condition, angle (degrees), steps; infinite steps are misses, drawn as crosses above
    the rest. `target` is the loss that was to be met and `budget` the steps there were; where they are given, the
    picture tells them. The left panel shows the least angle, the right one the largest condition number.

    Raises InputError for a frame that is empty or lacks a column, a condition number or angle that is no finite number,
    or more than fourteen optimizers.
    """
    look = theme_of(theme)
    need(frame, "conditioning", ("optimizer", "condition", "angle", "steps"))
    need_finite(frame, "conditioning", ("condition",), every=True, above=0)
    need_finite(frame, "conditioning", ("angle",), every=True)
    names = list(dict.fromkeys(frame["optimizer"].astype(str)))
    if len(names) > MOST:
        raise InputError(f"at most {MOST} optimizers have room for their names, got {len(names)}")
    styles = looks_of(names, theme)
    upright = frame[frame["angle"] == frame["angle"].min()]
    worst = frame[frame["condition"] == frame["condition"].max()]
    titles = ["axes along the coordinates", f"condition number {frame['condition'].max():.0f}, turned"]
    figure, axes = panels(titles, look, across=2, height=3.7, ax=ax)
    finite = frame["steps"].to_numpy(float)
    finite = finite[np.isfinite(finite) & (finite > 0)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (1.0, 10.0)
    roof = high * (high / low) ** 0.12 * 1.5
    for panel, part, column in zip(axes, (upright, worst), ("condition", "angle"), strict=True):
        panel.set_yscale("log")
        panel.set_ylim(low / 1.5, roof * (high / low) ** 0.12 * 1.4)
        if column == "condition":
            panel.set_xscale("log")
            panel.xaxis.set_minor_locator(NullLocator())
        else:
            panel.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 1.5, 3, 4.5, 5, 10]))
        decades(panel.yaxis, 6)
        _lines(panel, part, column, names, styles, roof, look, budget, last=panel is axes[-1])
    aim = "the target" if target is None else f"a loss of {target:g}"
    within = "" if budget is None else f", {budget} steps at most"
    name_axes(axes[0], look, "condition number", f"steps to {aim}")
    name_axes(axes[1], look, "angle of rotation, degrees")
    told = [_told(name, worst) for name in names]
    return describe(
        figure, f"Steps to {aim}{within}, against the condition number of a bowl, and against its rotation.",
        f"At condition number {frame['condition'].max():.0f}, from the best to the worst angle: {'; '.join(told)}.",
    )  # fmt: skip


def _told(name: str, rows: pd.DataFrame) -> str:
    """How many steps from the best to the worst angle, in words."""
    steps, short = rows.loc[rows["optimizer"] == name, "steps"], short_name(name)
    if not np.isfinite(steps.min()):
        return f"{short} misses at every angle"
    if not np.isfinite(steps.max()):
        return f"{short} {steps.min():.0f} steps at best, and a miss at worst"
    return f"{short} {steps.min():.0f} to {steps.max():.0f} steps"


def _lines(
    ax: Axes, rows: pd.DataFrame, column: str, names: Sequence[str], styles: Sequence[Look], roof: float, theme: Theme,
    budget: int | None, *, last: bool,
) -> None:  # fmt: skip
    ends = []
    missed = False
    for name, style in zip(names, styles, strict=True):
        own = rows[rows["optimizer"] == name].sort_values(column)
        at, steps = own[column].to_numpy(float), own["steps"].to_numpy(float)
        met = np.isfinite(steps)
        ax.plot(
            at[met], steps[met], color=style.color, lw=2.0, linestyle=style.linestyle(2.0), marker="o", ms=4,
            dash_capstyle="butt", gid=f"line:{name}",
        )  # fmt: skip
        if (~met).any():
            missed = True
            ax.plot(at[~met], np.full((~met).sum(), roof), "x", color=style.color, ms=6, mew=1.8, gid=f"miss:{name}")
        if last and len(at):
            ends.append((float(at[-1]), float(steps[-1]) if met[-1] else roof, short_name(name), style.ink))
    if missed:
        ax.text(
            0.02, roof * 1.25, "× misses it" + (f" within {budget} steps" if budget else ""), fontsize=7.5,
            transform=ax.get_yaxis_transform(), color=theme.muted, va="bottom",
        )  # fmt: skip
    if last:
        # The layout must leave the names their room before they are laid out.
        widest = max((len(words) for *_, words, _ in ends), default=0)
        ax.set_xlim(right=ax.get_xlim()[1])
        engine = ax.figure.get_layout_engine()  # type: ignore[union-attr]
        if engine is not None:
            wide = ax.figure.get_size_inches()[0]  # type: ignore[union-attr]
            engine.set(rect=(0, 0, 1 - (0.078 * widest + 0.2) / wide, 1))  # type: ignore[call-arg]
            ax.figure.draw_without_rendering()  # type: ignore[union-attr]
        label_ends(ax, ends)
