"""Artists that Agg draws several times faster than their parents: what moves in a race is made of them.

Each is an ordinary Line2D or Text to everybody else (other renderers, tests, whoever edits the figure). What is left
out is matplotlib's per-draw bookkeeping; words are laid out once and then copied.
"""

from __future__ import annotations

import math
import re

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

_KEPT = 400  # pictures of words kept by one text
_ROOM = 14  # pixels around the words, for the plate behind them
_DIGITS = re.compile(r"[0-9.e<−+-]|[^0-9.e<−+-]+")


class Swift(Line2D):
    """A line with a dash in points, whatever its width; its transform must be affine for the swift way."""

    def __init__(self, *args, dash: tuple[float, ...] = (), **kwargs):
        self.dash = dash
        self.points = np.empty((0, 2))
        self._kept: tuple | None = None
        width = kwargs.get("lw", 1.0)
        if dash:
            kwargs |= {"linestyle": (0, tuple(part / width for part in dash)), "dash_capstyle": "butt"}
        super().__init__(*args, solid_capstyle="round", solid_joinstyle="round", dash_joinstyle="round", **kwargs)

    def draw(self, renderer) -> None:
        """Draw the line, or leave it to Line2D where that knows better."""
        transform = self.get_transform()
        if not isinstance(renderer, RendererAgg) or not transform.is_affine:
            super().draw(renderer)
            return
        if not self.get_visible() or len(self.points) < 2:
            return
        renderer.draw_path(self._pen(renderer), Path(self.points), transform.get_affine())
        self.stale = False

    def set_points(self, points: np.ndarray) -> None:
        """Take the vertices as (n, 2)."""
        super().set_data(points[:, 0], points[:, 1])
        self.points = points

    def set_data(self, *args) -> None:
        """Take the vertices as `Line2D` does: x and y."""
        super().set_data(*args)
        self.points = np.column_stack(self.get_data(orig=True))

    def _pen(self, renderer: RendererAgg):
        key = (renderer, self.get_color(), self.get_alpha(), self.get_linewidth(), self.get_clip_on())
        if self._kept is None or self._kept[0] != key:
            gc = renderer.new_gc()
            if self.get_clip_on():
                gc.set_clip_rectangle(self.get_clip_box())
            gc.set_foreground(to_rgba(self.get_color(), self.get_alpha()), isRGBA=True)
            gc.set_linewidth(self.get_linewidth())
            gc.set_joinstyle("round")
            gc.set_capstyle("butt" if self.dash else "round")
            gc.set_dashes(0, self.dash or None)
            self._kept = (key, gc)
        return self._kept[1]


class Head(Line2D):
    """One marker at one place."""

    _kept: tuple | None = None

    def draw(self, renderer) -> None:
        """Draw the marker, or leave it to Line2D where that knows better."""
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        places = np.asarray(self.get_xydata())
        if not self.get_visible() or not len(places):
            return
        key = (renderer, self.get_marker(), self.get_markersize(), self.get_color(), self.get_markeredgecolor())
        if self._kept is None or self._kept[0] != key:
            style = MarkerStyle(str(self.get_marker()))
            size = self.get_markersize() * renderer.dpi / 72
            gc = renderer.new_gc()
            gc.set_foreground(to_rgba(self.get_markeredgecolor()), isRGBA=True)
            gc.set_linewidth(self.get_markeredgewidth())
            shape = style.get_path().transformed(style.get_transform() + Affine2D().scale(size))
            self._kept = (key, gc, shape, to_rgba(self.get_color()))
        _, gc, shape, fill = self._kept
        place = self.get_transform().transform(places[0])
        renderer.draw_path(gc, shape, Affine2D().translate(*place), fill)
        self.stale = False


class Stamp(Text):
    """A Text copied from a picture of itself, to the nearest whole pixel.

    Changes of words, position and colour are seen; for any other, set them before the first drawing. With `spell`,
    digits are kept one by one, for texts that never say the same twice. Texts of one font may share their `pictures`.
    """

    def __init__(self, *args, spell: bool = False, pictures: dict | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.spell = spell
        self._pictures: dict[tuple, tuple[np.ndarray, int, int]] = {} if pictures is None else pictures

    def draw(self, renderer) -> None:
        """Stamp the words, or draw them where the renderer is not Agg itself."""
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        words = self.get_text()
        if not self.get_visible() or not words:
            return
        x, y = self.get_transform().transform(self.get_position())
        if not self.spell:
            self._stamp(renderer, words, round(x), round(y))
            return
        pieces = _DIGITS.findall(words)
        widths = [self._advance(renderer, piece) for piece in pieces]
        left = round(x) - (sum(widths) if self.get_horizontalalignment() == "right" else 0)
        for piece, width in zip(pieces, widths, strict=True):
            self._stamp(renderer, piece, left, round(y))
            left += width

    def _stamp(self, renderer: RendererAgg, words: str, x: int, y: int) -> None:
        key = (words, self.get_color(), renderer.dpi)
        if key not in self._pictures:
            if len(self._pictures) >= _KEPT:
                self._pictures.clear()
            self._pictures[key] = self._picture(renderer, words)
        picture, left, below = self._pictures[key]
        gc = renderer.new_gc()
        renderer.draw_image(gc, x - left, y - below, picture)
        gc.restore()
        self.stale = False

    def _advance(self, renderer: RendererAgg, words: str) -> int:
        key = (words, "advance", renderer.dpi)
        if key not in self._pictures:
            # Of ten, since one alone is rounded up.
            width = renderer.get_text_width_height_descent(words * 10, self.get_fontproperties(), False)[0]
            self._pictures[key] = (np.empty(0), round(width / 10), 0)
        return self._pictures[key][1]

    def _picture(self, renderer: RendererAgg, words: str) -> tuple[np.ndarray, int, int]:
        """The words as pixels, and how far left of and below their anchor the picture starts."""
        before = self.get_position(), self.get_text(), self.get_horizontalalignment()
        self.set_text(words)
        if self.spell:
            self.set_horizontalalignment("left")
        anchor = self.get_transform().transform(before[0])
        extent = self.get_window_extent(renderer)
        left, below = math.ceil(anchor[0] - extent.x0) + _ROOM, math.ceil(anchor[1] - extent.y0) + _ROOM
        width, height = math.ceil(extent.width) + 2 * _ROOM, math.ceil(extent.height) + 2 * _ROOM
        scratch = RendererAgg(width, height, renderer.dpi)
        self.set_position(tuple(self.get_transform().inverted().transform((left, below))))
        super().draw(scratch)
        self.set_position(before[0])
        self.set_text(before[1])
        self.set_horizontalalignment(before[2])
        pixels = np.asarray(scratch.buffer_rgba())
        used = pixels[..., 3] > 0
        rows, columns = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
        if not len(rows):
            return np.zeros((1, 1, 4), np.uint8), 0, 0
        top, bottom, first, last = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        # Agg takes pictures from the bottom up.
        return np.ascontiguousarray(pixels[top:bottom, first:last][::-1]), left - first, below - (height - bottom)
