"""Tables as colour: cells with a value each, written in where there is room. NumPy and matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle

from .style import Theme

LOST = {"light": "#a3123f", "dark": "#e0527f"}  # what diverged: the hue of no optimizer and of no ramp
# From the best to the worst, and from a loss over nothing to a gain: dark on light paper, bright on dark.
RAMPS = {
    "light": ("#0b3c6f", "#2f78b3", "#8fbfdc", "#d6e5f0", "#e9edf0"),
    "dark": ("#d6ecff", "#7fb8e6", "#3c78ad", "#23445f", "#202b36"),
}
_BALANCE = {
    "light": ("#b35806", "#f1a340", "#f7f5f2", "#67a9cf", "#0b5a97"),
    "dark": ("#ffb066", "#b5651d", "#20262d", "#2f78b3", "#8fcbff"),
}


def ramp(theme: Theme) -> LinearSegmentedColormap:
    """From the best (0) to the worst (1)."""
    return LinearSegmentedColormap.from_list("ramp", RAMPS[theme.name])


def balance(theme: Theme) -> LinearSegmentedColormap:
    """From a loss (0) over nothing (0.5) to a gain (1)."""
    return LinearSegmentedColormap.from_list("balance", _BALANCE[theme.name])


def heat(
    ax: Axes, colors: np.ndarray, rows: Sequence[str], columns: Sequence[str], theme: Theme, *,
    words: Callable[[int, int], str] | None = None, size: float = 7.5,
) -> None:  # fmt: skip
    """Cells of (rows, columns, 3) colours, NaN where there is nothing, with words in ink that reads on each.

    The first row is on top; names of rows stand to the left, those of columns below.
    """
    count, wide = colors.shape[:2]
    paper = np.array(to_rgb(theme.paper))
    shown = np.where(np.isnan(colors), paper, colors)
    ax.imshow(shown, aspect="auto", interpolation="nearest", gid="heat", zorder=1)
    # Lines of paper between the cells, not around them.
    for y in np.arange(0.5, count - 1):
        ax.axhline(y, color=theme.paper, lw=1.2, zorder=2)
    for x in np.arange(0.5, wide - 1):
        ax.axvline(x, color=theme.paper, lw=1.2, zorder=2)
    ax.grid(visible=False)
    ax.set_xticks(range(wide), list(columns))
    ax.set_yticks(range(count), list(rows))
    ax.tick_params(length=0, labelsize=8, labelcolor=theme.ink)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for y in range(count if words else 0):
        for x in range(wide):
            text = words(y, x) if words else ""
            if text:
                ax.text(x, y, text, ha="center", va="center", fontsize=size, color=ink_on(shown[y, x]), zorder=3)


def slant(ax: Axes, degrees: float) -> None:
    """Turn the names below, which then end at their columns."""
    ax.tick_params(axis="x", labelrotation=degrees)
    for label in ax.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")


def ink_on(color: np.ndarray) -> str:
    """Black or white, whichever reads better on a colour (relative luminance, WCAG 2)."""
    linear = np.where(color <= 0.03928, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#16181b" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#ffffff"


def outline(ax: Axes, row: int, first: int, last: int, theme: Theme, gid: str) -> None:
    """A frame around the cells `first` to `last` of a row."""
    ax.add_patch(
        Rectangle(
            (first - 0.5, row - 0.5), last - first + 1, 1, fill=False, edgecolor=theme.ink, lw=1.4, gid=gid, zorder=4,
            joinstyle="miter",
        )
    )  # fmt: skip
