"""The frame around curves: a grid of equal panels in one theme, and a legend that covers no curve."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .style import Theme


def panels(
    titles: Sequence[str], theme: Theme, *, across: int, width: float = 7.2, height: float = 3.6, share: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure of one panel a title, `across` of them in a row; sizes in inches.

    With `share`, all panels have the same axes and only the outer ones number them.
    """
    columns = max(1, min(across, len(titles)))
    rows = math.ceil(len(titles) / columns)
    figure = Figure(figsize=(width, 0.3 + height * rows), dpi=100, facecolor=theme.paper, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
    axes = list(grid.ravel())
    for ax in axes[len(titles) :]:
        ax.remove()
    axes = axes[: len(titles)]
    for i, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        dress(ax, theme)
        ax.set_title(title, fontsize=9, color=theme.ink, loc="left", fontweight="bold")
        if share and i + columns >= len(titles):
            ax.tick_params(labelbottom=True)  # the panel below this one may be missing
    return figure, axes


def dress(ax: Axes, theme: Theme) -> None:
    """Give an axes the theme: quiet grid and spines, numbers in grey."""
    ax.set_facecolor(theme.paper)
    ax.grid(True, color=theme.grid, lw=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(which="both", labelsize=8, colors=theme.muted, width=0.6, length=3)
    ax.tick_params(which="minor", length=0)
    for side, spine in ax.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=theme.muted, linewidth=0.7)


def name_axes(ax: Axes, theme: Theme, x: str = "", y: str = "") -> None:
    """Label the axes."""
    ax.set_xlabel(x, fontsize=8.5, color=theme.muted)
    ax.set_ylabel(y, fontsize=8.5, color=theme.muted)


def legend_beside(figure: Figure, entries: Sequence[tuple[str, Line2D]], theme: Theme) -> None:
    """One legend for all panels, in a column to the right that the layout keeps free."""
    legend = figure.legend(
        [line for _, line in entries], [label for label, _ in entries], loc="outside right upper", frameon=False,
        fontsize=8, labelcolor=theme.ink, handlelength=2.6, borderaxespad=0.3, labelspacing=0.7,
    )  # fmt: skip
    legend.set_gid("legend")
