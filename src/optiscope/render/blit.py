"""A scene for films that are not races: a figure of which some artists move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class BlitScene:
    """`figure` is drawn once without the moving `artists`, which `update(frame)` sets and each frame draws over it."""

    def __init__(
        self, figure: Figure, artists: Sequence[Artist], update: Callable[[int], None], colors: Sequence[str]
    ):  # fmt: skip
        self.figure, self.colors = figure, list(colors)
        self._artists, self._update = list(artists), update
        self._canvas = FigureCanvasAgg(figure)
        self._under: np.ndarray | None = None
        for artist in self._artists:
            artist.set_animated(True)

    def update(self, frame: int) -> None:
        """Set the moving artists to a frame."""
        self._update(frame)

    def paint(self, frame: int) -> np.ndarray:
        """The pixels of a frame, (height, width, 4): a view that the next call overwrites."""
        if self._under is None:
            self._canvas.draw()
            self._under = np.asarray(self._canvas.buffer_rgba()).copy()
        pixels = np.asarray(self._canvas.buffer_rgba())
        np.copyto(pixels, self._under)
        self._update(frame)
        renderer = self._canvas.get_renderer()
        for artist in self._artists:
            artist.draw(renderer)
        return pixels
