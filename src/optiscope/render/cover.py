"""One composed image: a race at its end, from edge to edge, under a name and a few words. Frames in, Figure out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from .picture import Still, describe
from .race import Course, Entry
from .race_map import Map
from .race_strip import Strip
from .style import Theme, theme_of

_SMALL = 10.5  # points
_PIXELS, _DPI = (1280, 640), 140  # what the cards of a code host and of social networks take, shown much smaller


def trails(
    landscape: Any, runs: pd.DataFrame | None = None, trace: pd.DataFrame | None = None, *,
    minima: Sequence[tuple[float, float]] = (), theme: str = "light", ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """The map of a race at its end, standing still: contours, paths, heads and names, in an axes of yours if you like.

    Takes what `race` takes, and raises what it raises.
    """
    look = theme_of(theme)
    entry = Entry(Course.of(landscape, runs, trace, minima), theme)
    if ax is None:
        figure: Figure = Still(figsize=(5.2, 4.2), facecolor=look.paper)
        ax = figure.add_axes((0.08, 0.07, 0.9, 0.91))
    else:
        figure = ax.get_figure(root=True)  # type: ignore[assignment]
    _map(ax, entry, look)
    return describe(figure, entry.told(""))


def cover(
    landscape: Any, runs: pd.DataFrame | None = None, trace: pd.DataFrame | None = None, *, title: str,
    lines: Sequence[str] = (), minima: Sequence[tuple[float, float]] = (), theme: str = "dark",
) -> Figure:  # fmt: skip
    """A picture of 1280 by 640 pixels: the race's map, a name over it with some lines below, and the gaps by step.

    Takes what `race` takes, and raises what it raises.
    """
    look = theme_of(theme)
    entry = Entry(Course.of(landscape, runs, trace, minima), theme)
    figure = Still(figsize=(_PIXELS[0] / _DPI, _PIXELS[1] / _DPI), dpi=_DPI, facecolor=look.paper)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    _map(ax, entry, look)
    # The paper comes up from the left, so that words stand on it.
    veil = np.ones((1, 256, 4))
    veil[..., :3] = to_rgb(look.paper)
    veil[..., 3] = np.clip(1.45 - 2.9 * np.linspace(0, 1, 256), 0, 0.94) ** 1.15
    over = figure.add_axes((0, 0, 1, 1), zorder=2)
    over.imshow(veil, extent=(0, 1, 0, 1), aspect="auto", interpolation="bilinear")
    over.set_axis_off()
    over.text(0.055, 0.8, title, fontsize=37, fontweight="bold", color=look.ink, va="center", gid="title")
    for i, words in enumerate(lines):
        over.text(0.057, 0.67 - 0.066 * i, words, fontsize=12.5, color=look.ink, alpha=0.8, va="center")
    _gaps(figure, entry, look)
    return describe(
        figure, f"{title}. {' '.join(lines).rstrip('.')}{'.' * bool(lines)} {entry.told('')}".replace("  ", " ")
    )


def _map(ax: Axes, entry: Entry, theme: Theme) -> None:
    figure: Figure = ax.get_figure(root=True)  # type: ignore[assignment]
    canvas: Any = figure.canvas
    if not hasattr(canvas, "get_renderer"):
        canvas = FigureCanvasAgg(figure)  # only to measure words: the caller's own canvas is put back
    part = Map(ax, canvas, entry.ground, entry.floor, entry.competitors, entry.stars, theme)
    part.place_labels(np.array([entry.last]))
    part.update(0)
    for artist in part.artists:
        artist.set_animated(False)


def _gaps(figure: Figure, entry: Entry, theme: Theme) -> None:
    ax = figure.add_axes((0.085, 0.135, 0.3, 0.27), zorder=3)
    strip = Strip(ax, entry.competitors, entry.floor, "log", theme)
    strip.reveal()
    for line in strip.lines:
        line.set_animated(False)
        line.set_linewidth(1.8)
    strip.cursor.set_visible(False)
    ax.patch.set_alpha(0.0)
    # At half its size, as pages show it, these words are still read.
    ax.tick_params(labelsize=_SMALL, length=3.5)
    ax.yaxis.set_major_locator(LogLocator(numticks=4))
    ax.xaxis.label.set_fontsize(_SMALL)
    for text in ax.texts:
        text.set_fontsize(_SMALL)
