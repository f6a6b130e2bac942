"""The landscape as a surface: its heights, colours and contours, what hides what, and a mesh that Agg draws at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from contourpy import contour_generator
from matplotlib.artist import Artist, allow_rasterization
from matplotlib.colors import LightSource, LinearSegmentedColormap
from matplotlib.transforms import IdentityTransform

from .race_map import Landscape
from .style import Theme

MESH = 150  # cells a side
HEIGHT = 0.85  # of the surface, in half-widths of its ground
_BANDS = 16
_LIFT = 0.02  # how far above the surface the paths run
_LOOKS = 40  # places along the way to the eye where something may stand before a point
_LOG_FROM = 100.0  # the range of the gaps from which on their logarithm is the height


class Surface:
    """Heights over a square of -1 to 1, their colours, and where a point of the screen is hidden."""

    def __init__(self, ground: Landscape, floor: float, height: str, theme: Theme):
        self.ground = ground
        finite = ground.loss[np.isfinite(ground.loss)]
        self.base = min(floor, float(finite.min())) if math.isfinite(floor) else float(finite.min())
        gap = np.where(np.isfinite(ground.loss), ground.loss, finite.max()) - self.base
        positive = gap[gap > 0]
        self.bed = max(float(np.quantile(positive, 0.0005)), float(positive.max()) * 1e-12) if len(positive) else 1.0
        wide = len(positive) > 0 and positive.max() > _LOG_FROM * self.bed
        self.log = height == "log" or (height == "auto" and bool(wide))
        raw = self._raw(gap)
        self.low, self.high = float(raw.min()), float(raw.max())
        whole = self._scaled(raw)
        # One mesh of a size of its own: the grid's may be any.
        at = np.linspace(0, 1, MESH + 1)
        rows = np.interp(at, np.linspace(0, 1, len(ground.y)), np.arange(len(ground.y)))
        columns = np.interp(at, np.linspace(0, 1, len(ground.x)), np.arange(len(ground.x)))
        self.z = _bilinear(whole, rows[:, None], columns[None, :])
        self.x, self.y = np.meshgrid(2 * at - 1, 2 * at - 1)
        self.colors = self._colors(theme)
        self.contours = self._contours()

    def points(self, xy: np.ndarray, loss: np.ndarray) -> np.ndarray:
        """Places of paths in space, (n, 3); NaN off the map."""
        share = (xy - self.ground.low) / (self.ground.high - self.ground.low)
        z = self._scaled(self._raw(np.maximum(loss - self.base, 0.0))) + _LIFT
        z = np.maximum(z, self.height(2 * share - 1) + _LIFT)
        out = np.any((share < 0) | (share > 1), axis=1, keepdims=True)
        return np.where(out, np.nan, np.column_stack([2 * share - 1, z]))

    def height(self, places: np.ndarray) -> np.ndarray:
        """The surface over places (…, 2) of the square; far below where there is none."""
        at = (places + 1) / 2 * MESH
        inside = ((at >= 0) & (at <= MESH)).all(axis=-1)
        at = np.clip(np.nan_to_num(at), 0, MESH)
        return np.where(inside, _bilinear(self.z, at[..., 1], at[..., 0]), -9.0)

    def hidden(self, points: np.ndarray, eye: np.ndarray) -> np.ndarray:
        """Which points (n, 3) have something of the surface between them and the eye, a direction."""
        way = np.linspace(0.02, 1.6, _LOOKS)[None, :, None] * eye
        seen = points[:, None, :] + way
        return np.any(self.height(seen[..., :2]) > seen[..., 2] + 1e-3, axis=1)

    def _contours(self) -> np.ndarray:
        """The lines where two bands of colour meet, end to end, (n, 3), with NaN between."""
        at = np.linspace(-1, 1, MESH + 1)
        generator = contour_generator(at, at, self.z)
        lines = []
        for level in np.arange(1, _BANDS) * HEIGHT / _BANDS / 0.999:
            for line in generator.lines(level):
                points = np.asarray(line)[:: 2 if len(line) > 40 else 1]
                lines += [np.column_stack([points, np.full(len(points), level + 0.004)]), np.full((1, 3), np.nan)]
        return np.concatenate(lines) if lines else np.full((1, 3), np.nan)

    def _raw(self, gap: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(gap, self.bed)) if self.log else gap

    def _scaled(self, raw: np.ndarray) -> np.ndarray:
        span = self.high - self.low
        return HEIGHT * np.clip((raw - self.low) / span, 0.0, 1.2) if span > 0 else np.zeros_like(raw)

    def _colors(self, theme: Theme) -> np.ndarray:
        """One colour a cell: bands of height, lit from one side, with a line where a band ends."""
        middle = (self.z[:-1, :-1] + self.z[1:, 1:]) / 2
        band = np.floor(middle / max(HEIGHT, 1e-9) * _BANDS * 0.999).astype(int)
        ramp = LinearSegmentedColormap.from_list("ramp", theme.ramp)
        colors = np.asarray(ramp((band + 0.5) / _BANDS))[..., :3]
        light = LightSource(azdeg=315, altdeg=50).hillshade(middle, vert_exag=0.5 * MESH, dx=1, dy=1)
        shade = np.round((0.85 + 0.2 * light) * 16) / 16  # few shades make a small file
        colors = np.clip(colors * shade[..., None], 0, 1)
        return np.concatenate([colors, np.ones((*band.shape, 1))], axis=2)


class Mesh(Artist):
    """The surface as an artist: cells drawn from the far corner to the near one, which hides what must be hidden."""

    def __init__(self, surface: Surface):
        super().__init__()
        self._surface = surface
        self.corners = np.zeros((MESH + 1, MESH + 1, 2))
        self.flips = (1, 1)
        self.set_gid("surface")

    @allow_rasterization
    def draw(self, renderer) -> None:
        """Draw all cells."""
        if not self.get_visible():
            return
        rows, columns = self.flips
        corners = np.ascontiguousarray(self.corners[::rows, ::columns])
        colors: Any = self._surface.colors[::rows, ::columns].reshape(-1, 4)
        gc = renderer.new_gc()
        gc.set_linewidth(0.4)
        renderer.draw_quad_mesh(
            gc, IdentityTransform().frozen(), MESH, MESH, corners, np.zeros((1, 2)),
            IdentityTransform(), colors, False, colors,
        )  # fmt: skip
        gc.restore()
        self.stale = False


def draped(path: np.ndarray, surface: Surface) -> np.ndarray:
    """The same path with points between, none below the ground."""
    if len(path) < 2:
        return path
    long = np.linalg.norm(np.diff(path[:, :2], axis=0), axis=1)
    pieces = np.clip(np.nan_to_num(long) / 0.05, 1, 24).astype(int)
    index = np.repeat(np.arange(len(pieces)), pieces)
    share = (np.arange(len(index)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[index]
    points = path[index] + share[:, None] * (path[index + 1] - path[index])
    points = np.vstack([points, path[-1:]])
    points[:, 2] = np.maximum(points[:, 2], surface.height(points[:, :2]) + _LIFT)
    return points


def _bilinear(grid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of a grid between its points."""
    low_row = np.clip(np.floor(rows).astype(int), 0, grid.shape[0] - 2)
    low_column = np.clip(np.floor(columns).astype(int), 0, grid.shape[1] - 2)
    down, across = rows - low_row, columns - low_column
    upper = grid[low_row, low_column] * (1 - across) + grid[low_row, low_column + 1] * across
    lower = grid[low_row + 1, low_column] * (1 - across) + grid[low_row + 1, low_column + 1] * across
    return upper * (1 - down) + lower * down
