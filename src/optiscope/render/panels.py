"""The frame around curves: a grid of equal panels in one theme, and a legend that covers no curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ..errors import InputError
from .picture import Still
from .style import Theme


def panels(
    titles: Sequence[str], theme: Theme, *, across: int, width: float = 7.2, height: float = 3.6, share: bool = False,
    ax: Axes | None = None,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """A figure of one panel a title, `across` of them in a row; sizes in inches.

    With `share`, all panels have the same axes and only the outer ones number them. With `ax`, the panels share out
    that axes of the caller's, and its figure is the one that comes back.
    """
    columns = max(1, min(across, len(titles)))
    rows = math.ceil(len(titles) / columns)
    if ax is not None:
        figure: Figure = ax.get_figure(root=True)  # type: ignore[assignment]
        axes = divide(ax, rows, columns, share=share)[: len(titles)]
    else:
        figure = Still(figsize=(width, 0.3 + height * rows), facecolor=theme.paper, layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=share, sharey=share)
        every = list(grid.ravel())
        for spare in every[len(titles) :]:
            spare.remove()
        axes = every[: len(titles)]
    for i, (panel, title) in enumerate(zip(axes, titles, strict=True)):
        dress(panel, theme)
        if title or ax is None:
            name_panel(panel, title, theme)
        if share and i + columns >= len(titles):
            panel.tick_params(labelbottom=True)  # the panel below this one may be missing
    return figure, axes


def room(ax: Axes | None, width: float, height: float, theme: Theme) -> Any:
    """A figure of so many inches for a picture that lays itself out; in the place of `ax`, a part of its figure.

    Raises InputError where the axes has no place in a grid, as those of `subplots` have.
    """
    if ax is None:
        return Still(figsize=(width, height), facecolor=theme.paper)
    place = ax.get_subplotspec()
    if place is None:
        raise InputError("this picture takes the place of an axes in a grid: give one that `subplots` made")
    figure: Any = ax.get_figure()
    ax.remove()
    return figure.add_subfigure(place, facecolor=theme.paper)


def headed(width: float, height: float, title: str, theme: Theme) -> tuple[Still, float]:
    """A figure of so many inches with its title in the upper left, and how high the room below that ends."""
    figure = Still(figsize=(width, height), facecolor=theme.paper)
    top = height - 0.14
    if title:
        figure.text(0.1 / width, top / height, title, fontsize=12.5, color=theme.ink, fontweight="bold", va="top")
        top -= 0.27
    return figure, top


def root_of(figure: Any) -> Figure:
    """The figure itself, of a figure or a part of one."""
    return figure.get_figure(root=True)


def divide(ax: Axes, rows: int, columns: int, *, share: bool = False) -> list[Axes]:
    """Share out the room of an axes among panels, row by row, with room between for numbers and titles."""
    if rows == columns == 1:
        return [ax]
    ax.set_axis_off()
    wide, high = ax.get_window_extent().size / ax.figure.dpi  # type: ignore[union-attr]
    gap_x, gap_y = min(0.5 / wide, 0.12), min(0.42 / high, 0.16)
    width, height = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    axes: list[Axes] = []
    for row in range(rows):
        for column in range(columns):
            box = (column * (width + gap_x), 1 - (row + 1) * height - row * gap_y, width, height)
            like: dict[str, Any] = {"sharex": axes[0], "sharey": axes[0]} if share and axes else {}
            axes.append(ax.inset_axes(box, **like))
            if share:
                axes[-1].tick_params(labelbottom=row == rows - 1, labelleft=column == 0)
    return axes


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


def name_panel(ax: Axes, words: str, theme: Theme, size: float = 9) -> None:
    """The title of a panel, bold above its left edge."""
    ax.set_title(words, fontsize=size, color=theme.ink, loc="left", fontweight="bold")


def decades(axis: Axis, most: int) -> None:
    """Number at most so many decades of a logarithmic axis, and mark nothing between them."""
    axis.set_major_locator(LogLocator(numticks=most))
    axis.set_minor_locator(NullLocator())


def say_blank(ax: Axes, words: str, theme: Theme) -> None:
    """Say in the middle of an empty panel why it is empty."""
    ax.text(0.5, 0.5, words, fontsize=8.5, color=theme.muted, ha="center", va="center", transform=ax.transAxes,
            gid="blank")  # fmt: skip


def say_chosen(
    figure: Figure, first: Axes, words: str, theme: Theme, ax: Axes | None = None, title: str = ""
) -> None:  # fmt: skip
    """Say over all panels, after the picture's `title`, who is drawn where not all are.

    Within `ax` of the caller's, who is drawn stands in the first panel's title, and no other.
    """
    if ax is not None:
        if words:
            both = f"{first.get_title(loc='left')} · {words}".lstrip(" ·")
            name_panel(first, both, theme, 8)
    elif title:
        size = 10 if words else 12
        both = f"{title} · {words}".rstrip(" ·")
        figure.suptitle(both, x=0.012, ha="left", fontsize=size, fontweight="bold", color=theme.ink)
    elif words:
        figure.suptitle(words, x=0.02, ha="left", fontsize=8.5, color=theme.muted)


def legend_beside(
    figure: Figure, entries: Sequence[tuple[str, Line2D]], theme: Theme, ax: Axes | None = None
) -> None:  # fmt: skip
    """One legend for all panels, in a column to the right that the layout keeps free; within `ax` of the caller's.

    A figure that is lower than its legend grows.
    """
    if ax is not None:
        inside = ax.legend(
            [line for _, line in entries], [label for label, _ in entries], frameon=False, fontsize=8,
            labelcolor=theme.ink, handlelength=2.6,
        )  # fmt: skip
        inside.set_gid("legend")
        return
    legend = figure.legend(
        [line for _, line in entries], [label for label, _ in entries], loc="outside right upper", frameon=False,
        fontsize=8, labelcolor=theme.ink, handlelength=2.6, borderaxespad=0.3, labelspacing=0.7,
    )  # fmt: skip
    legend.set_gid("legend")
    wide, high = figure.get_size_inches()
    taken = legend.get_window_extent().height / figure.dpi + 0.35
    if taken > high:
        figure.set_size_inches(wide, taken)
