"""A race: optimizers run over a landscape, side by side, as a film.

The picture is a composition of parts (map, strip, table), each of which knows how to set its artists to a frame. The
background is drawn once; a frame is the moving artists over a restored copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from ..errors import InputError
from .clock import frame_times
from .competitors import Competitor, competitors_of
from .picture import Film
from .race_map import Landscape, Map
from .race_strip import Strip
from .race_table import Table, column_width
from .style import Theme, theme_of

_DESIGN = (720, 540)  # the size that the layout below is drawn for, in pixels at 100 dpi


def race(
    landscape: pd.DataFrame, runs: pd.DataFrame, trace: pd.DataFrame, *, minima: Sequence[tuple[float, float]] = (),
    title: str = "", subtitle: str = "", size: tuple[int, int] = _DESIGN, frames: int = 220, seconds: float = 11.0,
    hold: float = 2.5, clock: str = "log", theme: str = "light",
) -> Film:  # fmt: skip
    """Let the runs race over the landscape.

    `landscape` has the columns x, y, loss on a regular grid; `runs` and `trace` are the two frames, with x0 and x1 in
    the trace; an `edge` of "low" or "high" in `runs` says that a rate is on the bound of its search, and is marked so.
    `minima` are marked with stars. The film shows `frames` frames in `seconds`, then holds the verdict for
    `hold` more; `size` is in pixels; `clock` is "log" or "linear" in steps; `theme` is "light" or "dark".

    Raises InputError for frames that cannot race: empty, not two-dimensional, more than 16 runs, of several problems.
    """
    width, height = size
    if width < 480 or height < 360:
        raise InputError(f"a race needs at least 480 by 360 pixels, got {width} by {height}")
    if max(width, height) > 4096:
        raise InputError(f"a race has at most 4096 pixels a side, got {width} by {height}")
    look = theme_of(theme)
    competitors, floor = competitors_of(runs, trace, theme)
    ground = Landscape(landscape)
    last = max(competitor.last for competitor in competitors)
    times = frame_times(clock, frames, last)
    stars = [(float(x), float(y)) for x, y in minima]

    def compose() -> _Picture:
        return _Picture(ground, competitors, floor, stars, title, subtitle, (width, height), clock, times, look)

    return Film(compose, times, seconds, hold)


class _Picture:
    """One figure with the parts of a race on it."""

    def __init__(
        self, ground: Landscape, competitors: list[Competitor], floor: float, stars: list[tuple[float, float]],
        title: str, subtitle: str, size: tuple[int, int], clock: str, times: np.ndarray, theme: Theme,
    ):  # fmt: skip
        # Text grows with the picture but never below what can be read: a small picture has less map, not smaller words.
        dpi = 100 * max(min(size[0] / _DESIGN[0], size[1] / _DESIGN[1]), 1.0)
        width, height = size[0] / dpi, size[1] / dpi
        self.figure = Figure(figsize=(width, height), dpi=dpi, facecolor=theme.paper)
        self.canvas = FigureCanvasAgg(self.figure)
        self.last = len(times) - 1
        left, right, column = 0.46, 0.1, column_width(competitors)
        top = 0.16 + 0.24 * bool(title) + 0.2 * bool(subtitle)
        strip_low, strip_high = 0.38, 0.38 + 0.19 * height
        edge = width - column - right
        self._heading(title, 0.1, height - 0.12, width - 0.2, 12.5, theme.ink, "bold")
        self._heading(subtitle, 0.1, height - 0.12 - 0.25 * bool(title), width - 0.2, 8.5, theme.muted, "normal")

        def axes(low: float, high: float):
            return self.figure.add_axes((left / width, low / height, (edge - left) / width, (high - low) / height))

        self.map = Map(axes(strip_high + 0.3, height - top), self.canvas, ground, floor, competitors, stars, theme)
        self.map.place_labels(times)
        self.strip = Strip(axes(strip_low, strip_high), competitors, floor, clock, theme)
        box = (edge + 0.13, 0.14, width - right, height - top)
        self.table = Table(self.figure, box, competitors, floor, bool(stars), self.map.marks, theme)
        self.parts = (self.map, self.strip, self.table)
        self.strip.place(times)
        self.table.place(times)
        self.colors = [theme.paper, theme.ink, theme.muted, theme.star]
        for competitor in competitors:
            look = competitor.look
            # Half-way to the paper too: the edges of lines and letters.
            self.colors += [look.color, look.ink, _between(look.color, theme.halo), _between(look.ink, theme.paper)]
        self._layers: tuple[np.ndarray, dict[bool, np.ndarray]] | None = None
        self._reading = -1
        self._under = np.empty(0)

    def update(self, frame: int) -> None:
        """Set all artists to a frame."""
        self.table.arrange(final=frame == self.last)
        for part in self.parts:
            part.update(frame)

    def paint(self, frame: int) -> np.ndarray:
        """The pixels of a frame, (height, width, 4): a view that the next call overwrites."""
        if self._layers is None:
            self._layers = self._draw_layers()
        whole_strip, fixed = self._layers
        pixels = np.asarray(self.canvas.buffer_rgba())
        if self.table.reading(frame) != self._reading:
            # The numbers stand for a few frames, and are background as long as they do.
            self._reading = self.table.reading(frame)
            np.copyto(pixels, fixed[frame == self.last])
            self.table.arrange(final=frame == self.last)
            self.table.update(frame)
            self._draw(self.table.artists)
            self._under = pixels.copy()
        else:
            np.copyto(pixels, self._under)
        self.strip.update(frame)
        shown = self.strip.columns(len(pixels))
        pixels[shown] = whole_strip[shown]
        self.map.update(frame)
        self._draw([self.strip.cursor, *self.map.artists])
        return pixels

    def _draw_layers(self) -> tuple[np.ndarray, dict[bool, np.ndarray]]:
        """What stands behind the frames: the strip with its whole lines, and both layouts of the table without."""
        self.canvas.draw()
        pixels = np.asarray(self.canvas.buffer_rgba())
        bare, fixed = pixels.copy(), {}
        for final in (True, False):
            np.copyto(pixels, bare)
            self.table.arrange(final=final)
            self._draw(self.table.fixed)
            fixed[final] = pixels.copy()
        self.strip.reveal()
        self._draw(self.strip.lines[::-1])
        return pixels.copy(), fixed

    def _draw(self, artists) -> None:
        renderer = self.canvas.get_renderer()
        for artist in artists:
            artist.draw(renderer)

    def _heading(self, words: str, x: float, y: float, room: float, size: float, color: str, weight: str) -> None:
        """A line at the top, made smaller, and at last cut, where it is too long for the picture."""
        text: Text = self.figure.text(
            x, y, words, fontsize=size, color=color, fontweight=weight, va="top", transform=self.figure.dpi_scale_trans
        )
        renderer = self.canvas.get_renderer()

        def too_long() -> bool:
            return text.get_window_extent(renderer).width > room * self.figure.dpi

        while too_long() and size > 7:
            size -= 0.5
            text.set_fontsize(size)
        while too_long() and len(words) > 1:
            words = words[:-1]
            text.set_text(words.rstrip() + "…")


def _between(one: str, other: str) -> str:
    red, green, blue = ((a + b) / 2 for a, b in zip(to_rgb(one), to_rgb(other), strict=True))
    return to_hex((red, green, blue))
