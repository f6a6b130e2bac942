"""The stage of a race: a figure with parts on it, and the quick way to paint its frames.

Parts are maps, strips, and at most one table (legend, numbers, verdict); each can set its artists to a frame. What
stands still is drawn once. A frame is the moving artists over a restored copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from .competitors import Competitor
from .race_map import Map
from .race_strip import Strip
from .race_table import Table
from .style import Theme

DESIGN = (720, 540)  # the size that layouts are drawn for, in pixels at 100 dpi
LARGEST = 4096  # pixels a side: beyond, a frame no longer fits a GIF that anybody could play


class Stage:
    """A figure of `size` pixels, at 100 dpi or more: a small picture has less map, and no smaller words."""

    def __init__(self, size: tuple[int, int], theme: Theme, competitors: Sequence[Competitor], frames: int):
        dpi = 100 * max(min(size[0] / DESIGN[0], size[1] / DESIGN[1]), 1.0)
        self.width, self.height = size[0] / dpi, size[1] / dpi
        self.theme = theme
        self.figure = Figure(figsize=(self.width, self.height), dpi=dpi, facecolor=theme.paper)
        self.canvas = FigureCanvasAgg(self.figure)
        self.last = frames - 1
        self.maps: list[Map] = []
        self.strips: list[Strip] = []
        self.table: Table | None = None
        self.endings: list[Text] = []  # shown in the last frame alone
        self.colors = [theme.paper, theme.ink, theme.muted, theme.star]
        for competitor in competitors:
            look = competitor.look
            # Half-way to the paper too: the edges of lines and letters.
            self.colors += [look.color, look.ink, _between(look.color, theme.halo), _between(look.ink, theme.paper)]
        self._layers: tuple[np.ndarray, dict[bool, np.ndarray]] | None = None
        self._reading: tuple[int, bool] | None = None
        self._under = np.empty(0)

    def box(self, left: float, low: float, right: float, high: float):
        """Axes in a box of inches from the lower left."""
        width, height = self.width, self.height
        return self.figure.add_axes((left / width, low / height, (right - left) / width, (high - low) / height))

    def heading(self, words: str, x: float, y: float, room: float, size: float, color: str, weight: str) -> Text:
        """A line of words from its top, made smaller, and at last cut, where it is longer than `room` inches."""
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
        return text

    def ending(self, text: Text) -> Text:
        """Show these words in the last frame alone."""
        text.set_animated(True)
        self.endings.append(text)
        return text

    def update(self, frame: int) -> None:
        """Set all artists to a frame."""
        final = frame == self.last
        if self.table is not None:
            self.table.arrange(final=final)
            self.table.update(frame)
        for text in self.endings:
            text.set_visible(final)
        for part in (*self.maps, *self.strips):
            part.update(frame)

    def paint(self, frame: int) -> np.ndarray:
        """The pixels of a frame, (height, width, 4): a view that the next call overwrites."""
        if self._layers is None:
            self._layers = self._draw_layers()
        whole_strips, fixed = self._layers
        pixels = np.asarray(self.canvas.buffer_rgba())
        final = frame == self.last
        reading = (self.table.reading(frame) if self.table is not None else 0, final)
        if reading != self._reading:
            # The numbers stand for a few frames, and are background as long as they do.
            self._reading = reading
            np.copyto(pixels, fixed[final])
            if self.table is not None:
                self.table.arrange(final=final)
                self.table.update(frame)
                self._draw(self.table.artists)
            self._under = pixels.copy()
        else:
            np.copyto(pixels, self._under)
        moving: list = []
        for strip in self.strips:
            strip.update(frame)
            shown = strip.columns(len(pixels))
            pixels[shown] = whole_strips[shown]
            moving.append(strip.cursor)
        for part in self.maps:
            part.update(frame)
            moving += part.artists
        self._draw(moving)
        return pixels

    def _draw_layers(self) -> tuple[np.ndarray, dict[bool, np.ndarray]]:
        """What stands behind the frames: the strips with their whole lines, and both layouts without."""
        self.canvas.draw()
        pixels = np.asarray(self.canvas.buffer_rgba())
        bare, fixed = pixels.copy(), {}
        for final in (True, False):
            np.copyto(pixels, bare)
            if self.table is not None:
                self.table.arrange(final=final)
                self._draw(self.table.fixed)
            if final:
                for text in self.endings:
                    text.set_visible(True)
                self._draw(self.endings)
            fixed[final] = pixels.copy()
        for strip in self.strips:
            strip.reveal()
            self._draw(strip.lines[::-1])
        return pixels.copy(), fixed

    def _draw(self, artists) -> None:
        renderer = self.canvas.get_renderer()
        for artist in artists:
            artist.draw(renderer)


def _between(one: str, other: str) -> str:
    red, green, blue = ((a + b) / 2 for a, b in zip(to_rgb(one), to_rgb(other), strict=True))
    return to_hex((red, green, blue))
