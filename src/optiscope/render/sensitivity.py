"""How much the rate matters: final gap against lr as curves, and as a map of optimizer and schedule by rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import InputError
from ..metrics import SETTING, lr_robustness
from .checks import need, need_finite
from .heat import LOST, heat, outline, ramp
from .panels import decades, divide, dress, name_axes, name_panel
from .picture import Still, describe
from .strokes import key_line, mark_lone
from .style import PLAIN, Theme, looks_of, short_name, theme_of

PANELS = 3  # more schedules than this are shown on the map alone
_FAR = 10.0  # how far above the bulk of the ends the curves still go
SPAN = 6.0  # decades above the best that the map tells apart
AXIS = {"gap": "final gap", "loss": "final loss", "val_loss": "validation loss"}


def lr_sensitivity(
    curves: pd.DataFrame, *, factor: float = 10.0, theme: str = "light", ax: Axes | None = None
) -> Figure:
    """What each rate of each optimizer and schedule ends with: curves above, a map of all of them below.

    One panel of curves a schedule (the first three), a line an optimizer, median over seeds with its quartiles. What
    diverged in the median stands as a cross in a strip above the rest, in the colour of divergence; a finite end above
    almost all others is a triangle at the panel's edge. The map has a row a pair, a column a rate, sorted by how many
    decades of rates end within `factor` times of the pair's best: that band is framed, and its width stands beside it,
    with a + where it reaches the end of the range.

    Takes the columns that `metrics.lr_curves` gives, of one problem.

    Raises InputError for a frame that is empty, lacks a column, holds several problems or a rate that is not > 0.
    """
    look = theme_of(theme)
    need(curves, "curves", (*SETTING, "optimizer", "schedule", "lr", "cost", "low", "high", "judged_by", "lost"))
    need_finite(curves, "curves", ("lr",), every=True, above=0)
    settings = curves[list(SETTING)].drop_duplicates()
    if len(settings) > 1:
        names = ", ".join(dict.fromkeys(settings["problem"].astype(str)))
        raise InputError(f"lr_sensitivity shows one problem at one horizon, got {len(settings)} settings of {names}")
    bands = lr_robustness(curves, (*SETTING, "optimizer", "schedule"), factor=factor)
    bands = bands.sort_values(["decades", "cost"], ascending=[False, True], ignore_index=True)
    schedules = sorted(dict.fromkeys(curves["schedule"].astype(str)), key=lambda name: name not in PLAIN)
    shown = schedules[:PANELS]
    figure, panels, below = _rooms(len(shown), len(bands), look, ax)
    _curves(panels, shown, curves, look)
    _map(below, bands, curves, factor, look)
    _key(figure, panels[-1], curves, look, own=ax is None)
    best, worst = bands.iloc[0], bands.iloc[-1]
    lost = int(np.isinf(curves["cost"].to_numpy(float)).sum())
    return describe(
        figure, f"What each learning rate ends with on {settings['problem'].iloc[0]}, by optimizer and schedule.",
        f"The widest band within {factor:g} times of the best: {_pair(best)}, {best['decades']:.1f} decades; the "
        f"narrowest: {_pair(worst)}, {worst['decades']:.1f}.",
        f"{lost} of {len(curves)} rates diverged in the median." if lost else "No rate diverged in the median.",
    )  # fmt: skip


def _rooms(across: int, rows: int, theme: Theme, ax: Axes | None) -> tuple[Figure, list[Axes], Axes]:
    """The panels of curves in a row, and the map below them."""
    if ax is not None:
        top, below = divide(ax, 2, 1)
        panels = divide(top, 1, across, share=True)
        for one in (*panels, below):
            dress(one, theme)
        return ax.get_figure(root=True), panels, below  # type: ignore[return-value]
    height = 0.5 + 0.245 * rows
    figure = Still(figsize=(8.4, 3.0 + height), facecolor=theme.paper, layout="constrained")
    grid = figure.add_gridspec(2, across, height_ratios=[2.6, height])
    panels = [figure.add_subplot(grid[0, 0])]
    panels += [figure.add_subplot(grid[0, i], sharex=panels[0], sharey=panels[0]) for i in range(1, across)]
    below = figure.add_subplot(grid[1, :])
    for one in (*panels, below):
        dress(one, theme)
    for one in panels[1:]:
        one.tick_params(labelleft=False)
    return figure, panels, below


def _curves(panels: Sequence[Axes], schedules: Sequence[str], curves: pd.DataFrame, theme: Theme) -> None:
    optimizers = list(dict.fromkeys(curves["optimizer"].astype(str)))
    looks = dict(zip(optimizers, looks_of(optimizers, theme.name), strict=True))
    finite = curves.loc[np.isfinite(curves["cost"].to_numpy(float)) & (curves["cost"] > 0), "cost"].to_numpy(float)
    low, most = (float(finite.min()), float(finite.max())) if len(finite) else (0.1, 1.0)
    # A few ends far above all others must not flatten these.
    bulk = float(np.quantile(finite, 0.96, method="lower")) if len(finite) else most
    high = most if most <= _FAR * bulk else bulk
    high = max(high, low * 10)
    # What is finite ends here; above it, in a strip of its own, stands what diverged.
    edge = high * (high / low) ** 0.03 * 1.25
    roof = edge * (high / low) ** 0.07 * 1.3
    top = roof * (high / low) ** 0.07 * 1.3
    diverged = LOST[theme.name]
    for panel, schedule in zip(panels, schedules, strict=True):
        panel.set(xscale="log", yscale="log", ylim=(low / 1.7, top))
        name_panel(panel, schedule, theme)
        panel.axhspan(edge, top, fc=theme.paper, ec="none", zorder=2.5, gid="strip")
        panel.axhline(edge, color=theme.muted, lw=0.7, zorder=2.6, gid="roof")
        own = curves[curves["schedule"] == schedule]
        for i, name in enumerate(optimizers):
            rows = own[own["optimizer"] == name].sort_values("lr")
            lr, cost = rows["lr"].to_numpy(float), rows["cost"].to_numpy(float)
            met = np.isfinite(cost)
            style = looks[name]
            upper = np.minimum(rows["high"].to_numpy(float), edge)
            panel.fill_between(lr, np.minimum(rows["low"], edge), upper, where=met, color=style.color, alpha=0.13, lw=0)
            panel.plot(
                lr, np.where(met, cost, np.nan), color=style.color, lw=1.9, gid=f"line:{name}",
                linestyle=style.linestyle(1.9), dash_capstyle="butt",
            )  # fmt: skip
            mark_lone(panel, lr, np.where(met, cost, np.nan), style.color, 4.0)
            out = met & (cost > edge)
            panel.plot(
                lr[out], np.full(out.sum(), edge), "^", color=style.color, ms=5, mew=0, zorder=3, gid=f"beyond:{name}"
            )  # fmt: skip
            # Side by side, so that all who diverged at one rate are seen.
            shift = 10 ** (0.035 * (i - (len(optimizers) - 1) / 2))
            panel.plot(
                lr[~met] * shift, np.full((~met).sum(), roof), "x", color=diverged, ms=3.6, mew=1.1, zorder=3,
                gid=f"lost:{name}",
            )  # fmt: skip
        decades(panel.xaxis, 6)
        decades(panel.yaxis, 7)
        name_axes(
            panel, theme, "learning rate", AXIS.get(str(curves["judged_by"].iloc[0]), "") if panel is panels[0] else ""
        )


def _key(figure: Figure, panel: Axes, curves: pd.DataFrame, theme: Theme, *, own: bool) -> None:
    """Whose line is whose: above everything, or within a panel of an axes that is the caller's.

    Most lines end where their optimizer diverges, in the midst of a panel: there is no margin to name them in.
    """
    optimizers = list(dict.fromkeys(curves["optimizer"].astype(str)))
    entries = [
        (short_name(name), key_line(style))
        for name, style in zip(optimizers, looks_of(optimizers, theme.name), strict=True)
    ]
    signs = {"lost:": ("diverged", "x", LOST[theme.name]), "beyond:": ("beyond the axis", "^", theme.muted)}
    drawn = [line for line in panel.figure.findobj(Line2D) if len(line.get_xdata())]  # type: ignore[union-attr]
    for sign, (words, marker, color) in signs.items():
        if any(str(line.get_gid()).startswith(sign) for line in drawn):
            entries.append((words, Line2D([], [], color=color, marker=marker, linestyle="", ms=5)))
    place: dict[str, Any] = {"loc": "outside upper left", "ncols": min(len(entries), 8)} if own else {"loc": "best"}
    legend = (figure if own else panel).legend(
        [line for _, line in entries], [words for words, _ in entries], frameon=False, fontsize=8, labelcolor=theme.ink,
        handlelength=2.6, columnspacing=1.2, **place,
    )  # fmt: skip
    legend.set_gid("legend")


def _map(ax: Axes, bands: pd.DataFrame, curves: pd.DataFrame, factor: float, theme: Theme) -> None:
    rates = np.sort(curves["lr"].unique())
    best = curves.loc[curves["cost"] > 0, "cost"].min()
    colors = np.full((len(bands), len(rates), 3), np.nan)
    ramped, lost = ramp(theme), np.array(to_rgb(LOST[theme.name]))
    for i, band in enumerate(bands.itertuples()):
        rows = curves[(curves["optimizer"] == band.optimizer) & (curves["schedule"] == band.schedule)]
        for row in rows.itertuples():
            j = int(np.searchsorted(rates, row.lr))
            above = np.log10(max(row.cost, best) / best) if np.isfinite(row.cost) else np.inf
            colors[i, j] = lost if np.isinf(above) else ramped(min(above / SPAN, 1.0))[:3]
    near = "dark" if theme.name == "light" else "bright"
    names = [_pair(band) for _, band in bands.iterrows()]
    heat(ax, colors, names, [""] * len(rates), theme)
    decades = [j for j, rate in enumerate(rates) if abs(np.log10(rate) - round(np.log10(rate))) < 5e-3]
    ax.set_xticks(decades, [f"$10^{{{round(np.log10(rates[j]))}}}$" for j in decades])
    ax.tick_params(labelsize=7.5)
    for i, band in enumerate(bands.itertuples()):
        if band.good:
            first, last = (int(np.searchsorted(rates, rate)) for rate in (band.lr_low, band.lr_high))
            outline(ax, i, first, last, theme, f"band:{i}")
        words = f"{band.decades:.1f}{'+' if band.open and band.good else ''}" if band.good else "none"
        ax.annotate(
            words, (len(rates) - 0.5, i), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8,
            color=theme.ink, fontweight="bold", annotation_clip=False, gid=f"width:{i}",
        )  # fmt: skip
    ax.annotate(
        "decades", (len(rates) - 0.5, -0.5), xytext=(6, 4), textcoords="offset points", fontsize=7.5, color=theme.muted,
        annotation_clip=False,
    )  # fmt: skip
    ax.set_title(
        f"{near}: near the best of all · framed: within {factor:g}× of the row's own best",
        fontsize=8, color=theme.muted, loc="left",
    )  # fmt: skip
    name_axes(ax, theme, "learning rate")


def _pair(band: pd.Series) -> str:
    name = short_name(str(band["optimizer"]))
    return f"{name} · {band['schedule']}"
