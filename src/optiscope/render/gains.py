"""What each schedule gains over the constant rate, as a matrix. Frame in, Figure out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ..errors import InputError
from .checks import need, need_once
from .heat import LOST, balance, heat, slant
from .panels import dress, name_panel
from .picture import Still, describe
from .style import full_name, theme_of

SPAN = 1.0  # decades of gain or loss at which the colour ends


def schedule_gain(gains: pd.DataFrame, *, theme: str = "light", ax: Axes | None = None) -> Figure:
    """A cell an optimizer and schedule: how many times better than its constant rate, each at its own tuned rate.

    `×10` means a tenth of the cost, `÷10` ten times the cost; `∞` that only the constant rate failed, and the cell in
    the colour of divergence that the schedule did. Best schedules to the left, and on top the optimizers that gain
    most, both by the mean of their colours.

    Takes the columns that `metrics.median_gains` gives: optimizer, schedule, gain (decades).

    Raises InputError for a frame that is empty, lacks one of them, has two rows of one pair, or no gain at all.
    """
    look = theme_of(theme)
    need(gains, "gains", ("optimizer", "schedule", "gain"), why="metrics.median_gains gives them")
    need_once(gains, "gains", ("optimizer", "schedule"))
    if gains["gain"].isna().all():
        raise InputError("no row of the gains frame has a gain: nothing to draw")
    table = gains.pivot(index="optimizer", columns="schedule", values="gain")
    capped = table.clip(-SPAN, SPAN)
    table = table.loc[
        capped.mean(axis=1).sort_values(ascending=False).index, capped.mean(axis=0).sort_values(ascending=False).index
    ]
    values = table.to_numpy(float)
    count, wide = values.shape
    if ax is None:
        figure: Figure = Still(
            figsize=(max(4.8, 1.9 + 0.78 * wide), 1.9 + 0.42 * count), facecolor=look.paper, layout="constrained"
        )
        ax = figure.subplots()
    else:
        figure = ax.get_figure(root=True)  # type: ignore[assignment]
    dress(ax, look)
    scale, lost = balance(look), np.array(to_rgb(LOST[look.name]))
    colors = scale(np.clip(values / SPAN, -1, 1) / 2 + 0.5)[..., :3]
    colors[np.isnan(values)] = np.nan
    colors[np.isneginf(values)] = lost
    names = [full_name(str(name)) for name in table.index]
    heat(ax, colors, names, list(map(str, table.columns)), look, words=lambda y, x: times(values[y, x]), size=8.5)
    slant(ax, 35)
    name_panel(ax, "times better than the constant rate", look)
    means = capped.mean(axis=0).sort_values(ascending=False)
    return describe(
        figure, "What each schedule gains over the constant rate, by optimizer, each at its own tuned rate.",
        _greatest(values, names, list(map(str, table.columns))),
        f"On average {means.index[0]} gains most, {means.index[-1]} least." if _ranked(means) else "",
    )  # fmt: skip


def _greatest(values: np.ndarray, names: Sequence[str], schedules: Sequence[str]) -> str:
    """Which cells gain most, in words; that there is no gain, where there is none."""
    told = times(float(np.nanmax(values)))
    if told[0] not in "×∞":
        return "No schedule gains on the constant rate."
    cells = [(y, x) for y, x in np.argwhere(~np.isnan(values)) if times(float(values[y, x])) == told]
    pairs = [f"{names[y]} under {schedules[x]}" for y, x in cells]
    many = f" and {len(pairs) - 2} more" if len(pairs) > 2 else ""
    return f"The greatest gain: {', '.join(pairs[:2])}{many}, {told}."


def _ranked(means: pd.Series) -> bool:
    """Whether one schedule is first on average and another last."""
    known = means.dropna()
    return len(known) > 1 and known.iloc[0] > known.iloc[1] and known.iloc[-1] < known.iloc[-2]


def times(gain: float) -> str:
    """Decades as a factor: `×10`, `÷2`, `=` where it is none to speak of.

    >>> [times(gain) for gain in (1.0, -0.301, 0.01, float("inf"), float("-inf"))]
    ['×10', '÷2', '=', '∞', 'fails']
    """
    if np.isnan(gain):
        return ""
    if np.isinf(gain):
        return "∞" if gain > 0 else "fails"
    factor = 10 ** abs(gain)
    if factor < 1.05:
        return "="
    digits = f"{factor:.1f}".removesuffix(".0") if factor < 9.95 else f"{factor:.0f}"
    if factor >= 9.995e3:
        digits = f"10{str(round(np.log10(factor))).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return ("×" if gain > 0 else "÷") + digits
