"""A race on the surface of the landscape, seen from a slow orbit. Frames in, a film out.

The surface is a mesh that Agg draws at once, from the far corner to the near one; nothing of it is worked out anew but
where its corners come to lie on the screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from contourpy import contour_generator
from matplotlib.artist import Artist, allow_rasterization
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LightSource, LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import BoxStyle
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from ..errors import InputError
from .blit import BlitScene
from .clock import frame_times
from .competitors import Competitor
from .labels import leaders, place
from .picture import Film, Still
from .race import Course, Entry
from .race_map import Landscape
from .style import Theme, theme_of

_MESH = 150  # cells a side
_BANDS = 16
_ELEVATION = math.radians(38)
_SWING = math.radians(17)  # to either side
_HEIGHT = 0.85  # of the surface, in half-widths of its ground
_LIFT = 0.02  # how far above the surface the paths run
_LOOKS = 40  # places along the way to the eye where something may stand before a point
_LOG_FROM = 100.0  # the range of the gaps from which on their logarithm is the height


def race_3d(
    landscape: Any, runs: pd.DataFrame | None = None, trace: pd.DataFrame | None = None, *,
    minima: Sequence[tuple[float, float]] = (), title: str = "", subtitle: str = "", size: tuple[int, int] = (720, 540),
    frames: int = 120, seconds: float = 10.0, hold: float = 2.5, clock: str = "log", height: str = "auto",
    azimuth: float = -15.0, theme: str = "light",
) -> Film:  # fmt: skip
    """Let the runs race on the surface of the loss, while the eye goes slowly round it.

    Frames and options are those of `race`. `height` of the surface is the "log" of the gap above the minimum, "linear",
    or "auto": log where the gaps on the map range over a factor of more than 100. `azimuth` is the middle of the orbit,
    in degrees. What is behind a hill shows faintly.

    Raises InputError for frames that cannot race, as `race` does, or an unknown height.
    """
    if height not in ("auto", "log", "linear"):
        raise InputError(f"height must be auto, log or linear, got {height!r}")
    if min(size) < 360 or max(size) > 4096:
        raise InputError(f"a race has 360 to 4096 pixels a side, got {size[0]} by {size[1]}")
    look = theme_of(theme)
    entry = Entry(Course.of(landscape, runs, trace, minima), theme)
    times = frame_times(clock, frames, entry.last)
    surface = _Surface(entry.ground, entry.floor, height, look)
    turns = math.radians(azimuth) + _SWING * np.sin(np.linspace(-math.pi / 2, math.pi / 2, len(times)))

    def compose() -> BlitScene:
        return _Orbit(entry, surface, turns, times, title, subtitle, size, look).scene()

    words = "logarithm of the gap" if surface.log else "loss"
    return Film(compose, times, seconds, hold, f"{entry.told(title)} Seen as a surface, its height the {words}.")


class _Surface:
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
        at = np.linspace(0, 1, _MESH + 1)
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
        out = ((share < 0) | (share > 1)).any(axis=1)
        return np.where(out[:, None], np.nan, np.column_stack([2 * share - 1, z]))

    def height(self, places: np.ndarray) -> np.ndarray:
        """The surface over places (…, 2) of the square; far below where there is none."""
        at = (places + 1) / 2 * _MESH
        inside = ((at >= 0) & (at <= _MESH)).all(axis=-1)
        at = np.clip(np.nan_to_num(at), 0, _MESH)
        return np.where(inside, _bilinear(self.z, at[..., 1], at[..., 0]), -9.0)

    def hidden(self, points: np.ndarray, eye: np.ndarray) -> np.ndarray:
        """Which points (n, 3) have something of the surface between them and the eye, a direction."""
        way = np.linspace(0.02, 1.6, _LOOKS)[None, :, None] * eye
        seen = points[:, None, :] + way
        return (self.height(seen[..., :2]) > seen[..., 2] + 1e-3).any(axis=1)

    def _contours(self) -> np.ndarray:
        """The lines where two bands of colour meet, end to end, (n, 3), with NaN between."""
        at = np.linspace(-1, 1, _MESH + 1)
        generator = contour_generator(at, at, self.z)
        lines = []
        for level in np.arange(1, _BANDS) * _HEIGHT / _BANDS / 0.999:
            for line in generator.lines(level):
                points = np.asarray(line)[:: 2 if len(line) > 40 else 1]
                lines += [np.column_stack([points, np.full(len(points), level + 0.004)]), np.full((1, 3), np.nan)]
        return np.concatenate(lines) if lines else np.full((1, 3), np.nan)

    def _raw(self, gap: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(gap, self.bed)) if self.log else gap

    def _scaled(self, raw: np.ndarray) -> np.ndarray:
        span = self.high - self.low
        return _HEIGHT * np.clip((raw - self.low) / span, 0.0, 1.2) if span > 0 else np.zeros_like(raw)

    def _colors(self, theme: Theme) -> np.ndarray:
        """One colour a cell: bands of height, lit from one side, with a line where a band ends."""
        middle = (self.z[:-1, :-1] + self.z[1:, 1:]) / 2
        band = np.floor(middle / max(_HEIGHT, 1e-9) * _BANDS * 0.999).astype(int)
        ramp = LinearSegmentedColormap.from_list("ramp", theme.ramp)
        colors = ramp((band + 0.5) / _BANDS)[..., :3]
        light = LightSource(azdeg=315, altdeg=50).hillshade(middle, vert_exag=0.5 * _MESH, dx=1, dy=1)
        shade = np.round((0.85 + 0.2 * light) * 40) / 40  # few shades make a small file
        colors = np.clip(colors * shade[..., None], 0, 1)
        return np.concatenate([colors, np.ones((*band.shape, 1))], axis=2)


class _Mesh(Artist):
    """The surface as an artist: cells drawn from the far corner to the near one, which hides what must be hidden."""

    def __init__(self, surface: _Surface):
        super().__init__()
        self._surface = surface
        self.corners = np.zeros((_MESH + 1, _MESH + 1, 2))
        self.flips = (1, 1)
        self.set_gid("surface")

    @allow_rasterization
    def draw(self, renderer) -> None:
        if not self.get_visible():
            return
        rows, columns = self.flips
        corners = self.corners[::rows, ::columns]
        colors = self._surface.colors[::rows, ::columns].reshape(-1, 4)
        gc = renderer.new_gc()
        gc.set_linewidth(0.4)
        renderer.draw_quad_mesh(
            gc, IdentityTransform().frozen(), _MESH, _MESH, np.ascontiguousarray(corners), np.zeros((1, 2)),
            IdentityTransform(), colors, False, colors,
        )  # fmt: skip
        gc.restore()
        self.stale = False


class _Orbit:
    """All artists of the film, and how a frame sets them."""

    def __init__(
        self, entry: Entry, surface: _Surface, turns: np.ndarray, times: np.ndarray, title: str, subtitle: str,
        size: tuple[int, int], theme: Theme,
    ):  # fmt: skip
        self.entry, self.surface, self.turns, self.times, self.theme = entry, surface, turns, times, theme
        dpi = 100 * max(min(size[0] / 720, size[1] / 540), 1.0)
        self.figure = Still(figsize=(size[0] / dpi, size[1] / dpi), dpi=dpi, facecolor=theme.paper)
        self.canvas = FigureCanvasAgg(self.figure)
        self.wide, self.high = size
        self._words(title, subtitle, dpi / 100)
        self._frame_it(dpi / 100)
        pixel = dpi / 72
        plain = {"transform": IdentityTransform(), "clip_on": False}
        self.mesh = self._add(_Mesh(surface))
        self.contour = self._line(color=theme.contour, lw=0.6, alpha=0.7, gid="contours", **plain)
        self.ring = self._line(marker="o", ms=10, mfc="none", mec=theme.ink, mew=1.4, gid="start", **plain)
        self.stars = self._line(
            marker="*", ms=19, mfc=theme.star, mec="#16181b", mew=1.0, linestyle="", gid="minimum", **plain
        )  # fmt: skip
        self.layers = []
        for one in entry.competitors:
            style = one.look
            faint = self._line(color=style.color, lw=1.4, alpha=0.35, **plain)
            halo = self._line(color=theme.halo, lw=3.6, alpha=0.8, **plain)
            trail = self._line(color=style.color, lw=1.9, linestyle=style.linestyle(1.9), gid=f"trail:{one.run_id}",
                               **plain)  # fmt: skip
            head = self._line(
                color=style.color, marker="o", ms=8.5, mec=theme.halo, mew=1.3, gid=f"head:{one.run_id}", **plain
            )  # fmt: skip
            self.layers.append((faint, halo, trail, head))
        self.points = [surface.points(one.xy, one.gap + self._floor(one)) for one in entry.competitors]
        self.start = surface.points(entry.competitors[0].xy[:1], entry.competitors[0].gap[:1] + self._floor(None))
        stars = np.array(entry.stars, float).reshape(-1, 2)
        self.star_points = surface.points(stars, np.full(len(stars), surface.base)) if len(stars) else np.empty((0, 3))
        self._names(pixel)

    def scene(self) -> BlitScene:
        """The scene that a film paints."""
        theme = self.theme
        colors = [theme.paper, theme.ink, theme.muted, theme.star, *(one.look.color for one in self.entry.competitors)]
        order: list[Artist] = [self.mesh, self.contour, self.ring]
        for k in range(3):
            order += [layer[k] for layer in self.layers]
        order += [*self.leaders, *(layer[3] for layer in self.layers), self.stars, *self.names, self.step, self.verdict]
        return BlitScene(self.figure, order, self._update, colors)

    def _floor(self, one: Competitor | None) -> float:
        return self.entry.floor if math.isfinite(self.entry.floor) else 0.0

    def _update(self, frame: int) -> None:
        turn, time = float(self.turns[frame]), float(self.times[frame])
        eye = _eye(turn)
        self.mesh.corners = self._project(np.stack([self.surface.x, self.surface.y, self.surface.z], axis=2), turn)
        # From the corner that is furthest from the eye.
        self.mesh.flips = (1 if eye[1] > 0 else -1, 1 if eye[0] > 0 else -1)
        hidden = self.surface.hidden(self.surface.contours, eye)
        self._set(self.contour, np.where(hidden[:, None], np.nan, self.surface.contours), turn)
        self._set(self.ring, self.start, turn)
        self._set(self.stars, self.star_points, turn)
        for one, points, (faint, halo, trail, head) in zip(
            self.entry.competitors, self.points, self.layers, strict=True
        ):  # fmt: skip
            path = self._until(one, points, time)
            hidden = self.surface.hidden(path, eye)
            self._set(faint, path, turn)
            shown = np.where(hidden[:, None], np.nan, path)
            self._set(halo, shown, turn)
            self._set(trail, shown, turn)
            self._set(head, path[-1:], turn)
            head.set_alpha(0.45 if hidden[-1] else 1.0)
        for i, (name, line) in enumerate(zip(self.names, self.leaders, strict=True)):
            name.set_position(tuple(self.centers[frame, i]))
            line.set_visible(bool(self.led[frame, i]))
            line.set_data(*self.lines[frame, i].T)
        final = frame == len(self.times) - 1
        self.step.set_text(f"after {time:.0f} steps" if final else f"step {math.floor(time)}")
        self.verdict.set_visible(final)

    def _until(self, one: Competitor, points: np.ndarray, time: float) -> np.ndarray:
        count = int(np.searchsorted(one.steps, time, side="right"))
        past = points[: max(count, 1)]
        if count < len(points) and count:
            share = (time - one.steps[count - 1]) / (one.steps[count] - one.steps[count - 1])
            past = np.vstack([past, points[count - 1] + share * (points[count] - points[count - 1])])
        # Between two steps a straight line would run through the hills: it follows the ground.
        return _draped(past, self.surface)

    def _set(self, line: Line2D, points: np.ndarray, turn: float) -> None:
        line.set_data(*self._project(points, turn).T)

    def _project(self, points: np.ndarray, turn: float) -> np.ndarray:
        right = np.array([-math.sin(turn), math.cos(turn), 0.0])
        up = np.array([-math.sin(_ELEVATION) * math.cos(turn), -math.sin(_ELEVATION) * math.sin(turn),
                       math.cos(_ELEVATION)])  # fmt: skip
        flat = np.stack([points @ right, points @ up], axis=-1)
        return self.middle + self.scale * flat

    def _frame_it(self, unit: float) -> None:
        """The scale at which the surface fills the room below the words, from all sides of the orbit."""
        self.scale, self.middle = 1.0, np.zeros(2)
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (0.0, _HEIGHT)])
        seen = np.concatenate(
            [self._project(corners, float(turn)) for turn in self.turns[:: max(len(self.turns) // 9, 1)]]
        )
        low, high = seen.min(axis=0), seen.max(axis=0)
        room = np.array([self.wide - 24 * unit, self.high - self.top - 40 * unit])
        self.scale = float((room / (high - low)).min())
        self.middle = np.array([self.wide / 2, 24 * unit + room[1] / 2]) - self.scale * (low + high) / 2

    def _words(self, title: str, subtitle: str, unit: float) -> None:
        theme, figure = self.theme, self.figure
        y = self.high - 12 * unit
        for words, size, color, weight, step in (
            (title, 12.5, theme.ink, "bold", 25), (subtitle, 8.5, theme.muted, "normal", 20)
        ):  # fmt: skip
            if words:
                figure.text(10 * unit / self.wide, y / self.high, words, fontsize=size, color=color, fontweight=weight,
                            va="top")  # fmt: skip
                y -= step * unit
        self.top = self.high - y + 6 * unit
        small: dict[str, Any] = {"fontsize": 8.5, "va": "bottom", "animated": True}
        self.step = figure.text(10 * unit / self.wide, 10 * unit / self.high, "", color=theme.muted, **small)
        self.verdict = figure.text(
            1 - 10 * unit / self.wide, 10 * unit / self.high, self.entry.winner(), color=theme.ink, ha="right",
            gid="verdict", **small,
        )  # fmt: skip

    def _names(self, pixel: float) -> None:
        """Names at the heads, placed for all frames at once."""
        renderer = self.canvas.get_renderer()
        self.names: list[Text] = []
        self.leaders: list[Line2D] = []
        sizes = []
        for one in self.entry.competitors:
            plate = {
                "boxstyle": BoxStyle("Round", pad=0.22, rounding_size=0.35), "fc": self.theme.paper,
                "ec": one.look.color, "lw": 0.8,
            }  # fmt: skip
            name = Text(
                0, 0, one.short, transform=IdentityTransform(), color=one.look.ink, fontsize=8, fontweight="bold",
                ha="center", va="center", bbox=plate, gid=f"name:{one.run_id}",
            )  # fmt: skip
            self._add(name)
            name.update_bbox_position_size(renderer)
            box = name.get_bbox_patch().get_window_extent(renderer)  # type: ignore[union-attr]
            sizes.append([box.width, box.height])
            self.names.append(name)
            self.leaders.append(
                self._line(color=one.look.ink, lw=0.9, transform=IdentityTransform(), clip_on=False)
            )  # fmt: skip
        anchors = np.array([
            [
                self._project(self._until(one, points, float(time))[-1], float(turn))
                for one, points in zip(self.entry.competitors, self.points, strict=True)
            ]
            for time, turn in zip(self.times, self.turns, strict=True)
        ])  # fmt: skip
        off = ~np.isfinite(anchors).all(axis=2)
        anchors = _held(anchors)
        bounds = (4.0, 30 * pixel / 1.39, self.wide - 4.0, self.high - self.top)
        sizes = np.array(sizes)
        self.centers = place(anchors, sizes, bounds, np.empty((0, 2)))
        self.lines, self.led = leaders(anchors, self.centers, sizes)
        self.led &= ~off

    def _line(self, **style: Any) -> Line2D:
        return self._add(Line2D([], [], **style))

    def _add(self, artist: Any) -> Any:
        self.figure.add_artist(artist)
        return artist


def _eye(turn: float) -> np.ndarray:
    """The direction to the eye."""
    level = math.cos(_ELEVATION)
    return np.array([level * math.cos(turn), level * math.sin(turn), math.sin(_ELEVATION)])


def _draped(path: np.ndarray, surface: _Surface) -> np.ndarray:
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


def _held(anchors: np.ndarray) -> np.ndarray:
    """Anchors (frames, n, 2) with the last known place where there is none."""
    held = anchors.copy()
    for frame in range(len(held)):
        gone = ~np.isfinite(held[frame]).all(axis=1)
        held[frame, gone] = held[frame - 1, gone] if frame else 0.0
    return held


def _bilinear(grid: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values of a grid between its points."""
    low_row = np.clip(np.floor(rows).astype(int), 0, grid.shape[0] - 2)
    low_column = np.clip(np.floor(columns).astype(int), 0, grid.shape[1] - 2)
    down, across = rows - low_row, columns - low_column
    upper = grid[low_row, low_column] * (1 - across) + grid[low_row, low_column + 1] * across
    lower = grid[low_row + 1, low_column] * (1 - across) + grid[low_row + 1, low_column + 1] * across
    return upper * (1 - down) + lower * down
