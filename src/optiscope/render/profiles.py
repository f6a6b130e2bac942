"""Who solves how much, how soon, and who beats whom: profile, ECDF and win rates. Frames in, Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..errors import InputError
from .checks import choose, need, need_finite, need_once
from .ends import label_ends
from .heat import balance, heat, slant
from .panels import decades, divide, dress, name_axes, name_panel, say_chosen
from .picture import Still, describe
from .strokes import mark_lone
from .style import Look, Theme, looks_of, short_name, theme_of

MOST = 10  # competitors that a matrix has room for numbers of, and the curves for names


def profiles(
    profile: pd.DataFrame, ecdf: pd.DataFrame, wins: pd.DataFrame, *, by: str = "optimizer", theme: str = "light",
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """The performance profile, the ECDF over targets and the matrix of win rates of the same competitors.

    Each curve is named where it ends, with the area under it; the best by that of the ECDF comes first in the matrix,
    where a row's competitor beats a column's in so many per cent of the seeds, ties being half.

    Takes what `metrics.performance_profile`, `metrics.target_ecdf` and `metrics.win_rates` give for the column `by`,
    which names optimizers.

    Of more than ten the best are drawn, and the picture says so.

    Raises InputError for a frame that is empty, lacks a column or has nothing finite to draw, for a competitor
    without a profile, and for win rates with two rows of one pair.
    """
    look = theme_of(theme)
    axis = next((name for name in ("evaluations", "seconds", "step") if name in ecdf), "evaluations")
    need(profile, "profile", (by, "tau", "share", "area"))
    need(ecdf, "ecdf", (by, axis, "share", "area"))
    need(wins, "wins", (by, "other", "win_rate"))
    for part, name, columns in ((profile, "profile", ("tau", "share")), (ecdf, "ecdf", (axis, "share", "area"))):
        need_finite(part, name, columns)
    need_finite(wins[wins["win_rate"].notna()], "wins", ("win_rate",), every=True)
    need_once(wins, "wins", (by, "other"))
    areas = ecdf.groupby(by, sort=False)["area"].first().sort_values(ascending=False, kind="stable")
    kept, chosen = choose(-areas, MOST, "best")
    areas = areas[kept]
    profile, ecdf = profile[profile[by].isin(kept)], ecdf[ecdf[by].isin(kept)]
    missing = [str(name) for name in kept if not (profile[by] == name).any()]
    if missing:
        raise InputError(f"the profile frame has no row of {missing[0]}, which the ecdf frame has")
    names = [str(name) for name in areas.index]
    # Colours in the order of names, so that who is best changes nobody's look.
    looks = dict(zip(sorted(names), looks_of(sorted(names), theme), strict=True))
    figure, (left, right, matrix) = _rooms(len(names), look, ax)
    say_chosen(figure, left, chosen, look, ax)
    _curves(left, profile, by, "tau", names, looks)
    _curves(right, ecdf, by, axis, names, looks)
    for panel, title, x in (
        (left, "performance profile, with areas", "times the best one's effort"),
        (right, "ECDF over all targets, with areas", axis),
    ):  # fmt: skip
        name_panel(panel, title, look)
        name_axes(panel, look, x, "share solved" if panel is left else "share of targets met")
    _matrix(matrix, wins, by, names, look)
    if ax is None:
        figure.draw_without_rendering()  # the layout must stand before the names find their places
    _name_curves(left, profile.groupby(by)["area"].first(), names, looks, look, beside=ax is None)
    _name_curves(right, areas, names, looks, look, beside=ax is None)
    solved = ecdf.groupby(by)["share"].last()
    return describe(
        figure, "Who solves which share of problems and targets within which effort, and who beats whom.",
        _told(areas, solved),
    )  # fmt: skip


def _rooms(count: int, theme: Theme, ax: Axes | None) -> tuple[Figure, list[Axes]]:
    if ax is not None:
        axes = divide(ax, 1, 3)
        for one in axes:
            dress(one, theme)
        return ax.get_figure(root=True), axes  # type: ignore[return-value]
    height = 0.9 + 0.34 * min(count, 24)
    figure = Still(figsize=(8.4, 3.3 + height), facecolor=theme.paper, layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[3.1, height])
    axes = [figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, :])]
    for one in axes:
        dress(one, theme)
    return figure, axes


def _curves(
    ax: Axes, curves: pd.DataFrame, by: str, axis: str, names: Sequence[str], looks: dict[str, Look]
) -> None:  # fmt: skip
    for name in reversed(names):
        own = curves[curves[by].astype(str) == name]
        # An infinite effort is none that is ever met: beyond the end of any axis.
        own = own[np.isfinite(own[[axis, "share"]].to_numpy(float)).all(axis=1)]
        ax.plot(
            own[axis], own["share"], color=looks[name].color, lw=1.9, linestyle=looks[name].linestyle(1.9),
            drawstyle="steps-post", dash_capstyle="butt", gid=f"line:{name}",
        )  # fmt: skip
        mark_lone(ax, own[axis], own["share"], looks[name].color)
    ends = curves[axis].to_numpy(float)
    ends = ends[np.isfinite(ends) & (ends > 0)]
    if len(ends) and ends.max() / ends.min() > 3:
        ax.set_xscale("log")
        decades(ax.xaxis, 6)
    ax.set_ylim(0, 1.0)
    ax.set_xlim(*(ends.min(), ends.max()) if len(ends) and ends.max() > ends.min() else (0.9, 1.1))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def _told(areas: pd.Series, solved: pd.Series) -> str:
    """Who has the most and the least area under the ECDF, in words; areas told alike are a tie."""
    if not (solved > 0).any():
        return "None met a target."

    def those(area: float) -> str:
        names = [str(name) for name in areas.index if f"{areas[name]:.2f}" == f"{area:.2f}"]
        ends = " and ".join(dict.fromkeys(f"{solved[name]:.0%}" for name in names))
        return f"{', '.join(map(short_name, names))}, {area:.2f}, with {ends}"

    most = f"Most by the area under the ECDF: {those(areas.iloc[0])} of the targets met at the end"
    tied = f"{areas.iloc[0]:.2f}" == f"{areas.iloc[-1]:.2f}"
    return f"{most}." if tied else f"{most}; least: {those(areas.iloc[-1])}."


def _name_curves(
    ax: Axes, areas: pd.Series, names: Sequence[str], looks: dict[str, Look], theme: Theme, *, beside: bool
) -> None:  # fmt: skip
    """Each curve's name and area at its end; `beside` the panel, or else in a part of it that is cleared for them."""
    lines = {str(line.get_gid()): np.asarray(line.get_xydata()) for line in ax.lines}
    right = ax.get_xlim()[1]
    if not beside:
        low, high = ax.transAxes.inverted(), ax.transData
        ax.set_xlim(right=high.inverted().transform(low.inverted().transform((1.6, 0.0)))[0])
    # The greater area on top where curves end alike.
    order = sorted(names, key=lambda name: areas[name])
    ends = [
        (right, float(lines[f"line:{name}"][-1, 1]), f"{short_name(name)} {areas[name]:.2f}", looks[name].ink)
        for name in order
    ]
    label_ends(ax, ends, size=7, gap=3, in_layout=beside)
    if all(end[1] <= 0 for end in ends):
        ax.text(0.5, 0.5, "none met a target", transform=ax.transAxes, ha="center", fontsize=9, color=theme.muted)


def _matrix(ax: Axes, wins: pd.DataFrame, by: str, names: Sequence[str], theme: Theme) -> None:
    table = wins.assign(one=wins[by].astype(str), two=wins["other"].astype(str))
    values = table.pivot(index="one", columns="two", values="win_rate").reindex(index=names, columns=names)
    rates = values.to_numpy(float)
    colors = balance(theme)(np.nan_to_num(rates, nan=0.5))[..., :3]
    colors[np.isnan(rates)] = np.nan

    def words(y: int, x: int) -> str:
        return "" if np.isnan(rates[y, x]) else f"{100 * rates[y, x]:.0f}"

    shorts = [short_name(name) for name in names]
    heat(ax, colors, shorts, shorts, theme, words=words, size=8)
    if len(names) > 7:
        slant(ax, 30)
    name_panel(ax, "win rate: on how many of the seeds the row beats the column, in %", theme)
