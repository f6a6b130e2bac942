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
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
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
from .stage import DESIGN, LARGEST
from .style import Theme, theme_of
from .surface import Mesh, Surface, draped

_ELEVATION = math.radians(38)
_SIDES = np.linspace(0, 1, 7)  # places of the orbit from which the surface must fit the picture
_SWING = math.radians(17)  # to either side


def race_3d(
    landscape: Any, runs: pd.DataFrame | None = None, trace: pd.DataFrame | None = None, *,
    minima: Sequence[tuple[float, float]] = (), title: str = "", subtitle: str = "", size: tuple[int, int] = DESIGN,
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
    if min(size) < 360 or max(size) > LARGEST:
        raise InputError(f"a race has 360 to {LARGEST} pixels a side, got {size[0]} by {size[1]}")
    look = theme_of(theme)
    entry = Entry(Course.of(landscape, runs, trace, minima), theme)
    times = frame_times(clock, frames, entry.last)
    surface = Surface(entry.ground, entry.floor, height, look)
    turns = math.radians(azimuth) + _SWING * np.sin(np.linspace(-math.pi / 2, math.pi / 2, len(times)))

    def compose() -> BlitScene:
        return _Orbit(entry, surface, turns, times, title, subtitle, size, look).scene()

    words = "logarithm of the gap" if surface.log else "loss"
    return Film(compose, times, seconds, hold, f"{entry.told(title)} Seen as a surface, its height the {words}.")


class _Orbit:
    """All artists of the film, and how a frame sets them."""

    def __init__(
        self, entry: Entry, surface: Surface, turns: np.ndarray, times: np.ndarray, title: str, subtitle: str,
        size: tuple[int, int], theme: Theme,
    ):  # fmt: skip
        self.entry, self.surface, self.turns, self.times, self.theme = entry, surface, turns, times, theme
        dpi = 100 * max(min(size[0] / DESIGN[0], size[1] / DESIGN[1]), 1.0)
        self.figure = Still(figsize=(size[0] / dpi, size[1] / dpi), dpi=dpi, facecolor=theme.paper)
        self.canvas = FigureCanvasAgg(self.figure)
        self.wide, self.high = size
        self._words(title, subtitle, dpi / 100)
        self._frame_it(dpi / 100)
        pixel = dpi / 72
        plain = {"transform": IdentityTransform(), "clip_on": False}
        self.mesh = self._add(Mesh(surface))
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
        floor = entry.floor if math.isfinite(entry.floor) else 0.0
        self.points = [surface.points(one.xy, one.gap + floor) for one in entry.competitors]
        self.start = surface.points(entry.competitors[0].xy[:1], entry.competitors[0].gap[:1] + floor)
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
        return draped(past, self.surface)

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
        ground = np.stack([self.surface.x, self.surface.y, self.surface.z], axis=2)[::5, ::5].reshape(-1, 3)
        seen = np.concatenate([self._project(ground, float(turn)) for turn in np.quantile(self.turns, _SIDES)])
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


def _held(anchors: np.ndarray) -> np.ndarray:
    """Anchors (frames, n, 2) with the last known place where there is none."""
    held = anchors.copy()
    for frame in range(len(held)):
        gone = ~np.isfinite(held[frame]).all(axis=1)
        held[frame, gone] = held[frame - 1, gone] if frame else 0.0
    return held
