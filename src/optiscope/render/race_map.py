"""The map of a race: contours of the landscape, the trails, the heads and their names.

Positions on the map are data; labels and leaders are in inches of the figure, so that they keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import BoxStyle

from ..errors import InputError
from .checks import need
from .clock import Polyline
from .competitors import Competitor
from .labels import leaders, place
from .style import Theme
from .swift import Head, Stamp, Swift

_LEVELS = 15
_TRAIL, _HALO, _COMET = 1.7, 3.6, 2.7
_FAR = 25.0  # in widths of the map: where a path that left is cut, so that Agg is spared numbers like 1e300
_COMET_FRAMES = 0.09
_START, _STAR = 10.0, 20.0  # points across
WITHIN, ENDED, BEYOND = "o", "X", "<>^v"  # markers of a head: on the map, diverged or failed, off the map


def signs(seen: set[str], *, minima: bool) -> list[list[str]]:
    """What the signs of a map mean, of start and minima and of the heads' markers; only those that it holds."""
    lost = ["▶ off the map"] * bool(seen & set(BEYOND)) + ["✖ diverged"] * (ENDED in seen)
    return [["○ start", *["★ minimum"] * minima], lost]


class Landscape:
    """A regular grid of losses, read from a tidy frame with the columns x, y, loss."""

    def __init__(self, frame: pd.DataFrame):
        need(frame, "landscape", ("x", "y", "loss"))
        self.x = np.unique(frame["x"].to_numpy(float))
        self.y = np.unique(frame["y"].to_numpy(float))
        if len(self.x) < 2 or len(self.y) < 2 or len(frame) != len(self.x) * len(self.y):
            raise InputError(
                "the landscape must be a full regular grid of x and y, at least 2 by 2; "
                f"got {len(frame)} rows for {len(self.x)} x and {len(self.y)} y"
            )
        ordered = frame.sort_values(["y", "x"])["loss"].to_numpy(float)
        self.loss = ordered.reshape(len(self.y), len(self.x))
        if not np.isfinite(self.loss).any():
            raise InputError("the landscape holds no finite loss: nothing to draw")

    @property
    def low(self) -> np.ndarray:
        """The lower left corner."""
        return np.array([self.x[0], self.y[0]])

    @property
    def high(self) -> np.ndarray:
        """The upper right corner."""
        return np.array([self.x[-1], self.y[-1]])

    def levels(self, floor: float) -> tuple[np.ndarray, np.ndarray]:
        """log10 of the gap above the floor, and evenly spaced levels of it: from the valley's bed to the highest hill.

        Where no floor is known, or the grid lies below it, the grid's own least loss is the floor.
        """
        finite = self.loss[np.isfinite(self.loss)]
        base = min(floor, finite.min()) if math.isfinite(floor) else finite.min()
        gap = np.where(np.isfinite(self.loss), self.loss, finite.max()) - base
        positive = gap[gap > 0]
        if not len(positive) or positive.max() <= positive.min() * (1 + 1e-9):
            return np.zeros_like(gap), np.array([])
        bed = max(np.quantile(positive, 0.002), positive.max() * 1e-12)
        depth = np.log10(np.maximum(gap, bed))
        return depth, np.linspace(depth.min(), depth.max(), _LEVELS + 1)

    def draw(self, ax: Axes, floor: float, theme: Theme) -> None:
        """Contours of the gap, evenly spaced in its logarithm, on quiet axes."""
        depth, levels = self.levels(floor)
        ax.set_facecolor(theme.ramp[0])
        if len(levels):
            ramp = LinearSegmentedColormap.from_list("ramp", theme.ramp)
            ax.contourf(self.x, self.y, depth, levels, cmap=ramp, zorder=0)
            ax.contour(
                self.x, self.y, depth, levels[1:-1], colors=[theme.contour], linewidths=0.55, alpha=0.6,
                linestyles="solid", zorder=1,
            )  # fmt: skip
        ax.tick_params(length=2.5, width=0.6, labelsize=7, colors=theme.muted, pad=2)
        ax.locator_params(nbins=6)
        for spine in ax.spines.values():
            spine.set(color=theme.muted, linewidth=0.7)


class Map:
    """The artists of the map. `place_labels` before the first `update`."""

    def __init__(
        self, ax: Axes, canvas: FigureCanvasAgg, landscape: Landscape, floor: float, competitors: Sequence[Competitor],
        minima: Sequence[tuple[float, float]], theme: Theme,
    ):  # fmt: skip
        self.ax, self.canvas, self.competitors, self.theme = ax, canvas, competitors, theme
        self.low, self.high = landscape.low, landscape.high
        ax.set_xlim(self.low[0], self.high[0])
        ax.set_ylim(self.low[1], self.high[1])
        self._background(landscape, floor, minima)
        width, height = ax.get_window_extent().size
        span = self.high - self.low
        pixel = (span[0] / width, span[1] / height)
        self.paths = [self._path(competitor, pixel) for competitor in competitors]
        self.halos, self.trails, self.comets, self.heads = [], [], [], []
        for competitor in competitors:
            look, name = competitor.look, competitor.run_id
            halo = Swift([], [], color=theme.halo, lw=_HALO, alpha=0.85, dash=look.dash, animated=True)
            trail = Swift([], [], color=look.color, lw=_TRAIL, dash=look.dash, animated=True, gid=f"trail:{name}")
            comet = Swift([], [], color=look.color, lw=_COMET, animated=True)
            head = Head(
                [], [], color=look.color, marker="o", ms=8.5, mec=theme.halo, mew=1.3, linestyle="", animated=True,
                clip_on=False, gid=f"head:{name}",
            )  # fmt: skip
            for artists, artist in (
                (self.halos, halo), (self.trails, trail), (self.comets, comet), (self.heads, head)
            ):  # fmt: skip
                ax.add_line(artist)
                artists.append(artist)
        self.names, self.leaders = self._names()

    @property
    def artists(self) -> list:
        """What moves, in the order to draw: the first competitor on top."""
        layers = zip(self.halos, self.trails, self.comets, strict=True)
        lines = [artist for trio in reversed(list(layers)) for artist in trio]
        return [*lines, *self.leaders, *self.heads[::-1], *self.stars, *self.names]

    def place_labels(self, times: np.ndarray) -> None:
        """Work out, for all frames at once, where the heads are and where their names go."""
        self.ways = [path.at(times) for path in self.paths]
        spots = [[self._spot(i, time) for i in range(len(self.competitors))] for time in times]
        self.spots = np.array([[spot for spot, _ in row] for row in spots])
        self.marks = np.array([[mark for _, mark in row] for row in spots])
        frames, n, _ = self.spots.shape
        to_pixels = self.ax.transData.transform
        anchors = to_pixels(self.spots.reshape(-1, 2)).reshape(frames, n, 2)
        renderer = self.canvas.get_renderer()
        for name in self.names:
            name.update_bbox_position_size(renderer)
        boxes = [name.get_bbox_patch().get_window_extent(renderer) for name in self.names]
        self.sizes = np.array([[box.width, box.height] for box in boxes])
        view = self.ax.get_window_extent()
        bounds = (view.x0 + 2, view.y0 + 2, view.x1 - 2, view.y1 - 2)
        self.centers = place(anchors, self.sizes, bounds, self._clutter(to_pixels), self._marks(to_pixels))
        self.lines, self.led = leaders(anchors, self.centers, self.sizes)

    def update(self, frame: int) -> None:
        """Set every artist to a frame."""
        since = max(frame - max(2, round(_COMET_FRAMES * len(self.marks))), 0)
        inches = 1 / self.canvas.figure.dpi
        for i, (path, (before, tips)) in enumerate(zip(self.paths, self.ways, strict=True)):
            now, then, tip = before[frame], before[since], tips[frame : frame + 1]
            trail = np.concatenate([path.points[:now], tip])
            self.halos[i].set_points(trail)
            self.trails[i].set_points(trail)
            self.comets[i].set_points(np.concatenate([tips[since : since + 1], path.points[then:now], tip]))
            self.heads[i].set_data(*self.spots[frame, i, :, None])
            self._mark(i, str(self.marks[frame, i]))
            self.names[i].set_position(tuple(self.centers[frame, i] * inches))
            self.leaders[i].set_visible(bool(self.led[frame, i]))
            self.leaders[i].set_points(self.lines[frame, i] * inches)

    def _background(self, landscape: Landscape, floor: float, minima: Sequence[tuple[float, float]]) -> None:
        theme, ax = self.theme, self.ax
        landscape.draw(ax, floor, theme)
        start = self.competitors[0].xy[0]
        starts = np.unique([competitor.xy[0] for competitor in self.competitors], axis=0)
        ax.plot(
            *starts.T, linestyle="", marker="o", ms=_START, mfc="none", mec=theme.ink, mew=1.4, zorder=3, gid="start"
        )  # fmt: skip
        self.start, self.starts = start, starts
        self.minima = np.array(minima, float).reshape(-1, 2)
        self.stars = []
        if len(self.minima):
            star = {"linestyle": "", "marker": "*", "ms": _STAR, "mec": "#16181b", "mew": 1.0}
            ax.plot(*self.minima.T, mfc=theme.star, zorder=4, gid="minimum", **star)
            # Its outline once more over the heads, or whoever arrives would hide where.
            self.stars = ax.plot(*self.minima.T, mfc="none", animated=True, **star)

    def _path(self, competitor: Competitor, pixel: tuple[float, float]) -> Polyline:
        span = self.high - self.low
        points = np.clip(competitor.xy, self.low - _FAR * span, self.high + _FAR * span)
        return Polyline.thinned(competitor.steps, points, pixel)

    def _spot(self, i: int, time: float) -> tuple[np.ndarray, str]:
        """Where the head is drawn, and with which marker: within, beyond an edge, or ended early."""
        competitor = self.competitors[i]
        position, _ = competitor.at(time)
        ended = bool(competitor.fate) and time >= competitor.last
        if ((position >= self.low) & (position <= self.high)).all():
            return position, ENDED if ended else WITHIN
        seen = competitor.xy[competitor.steps <= time]
        inside = ((seen >= self.low) & (seen <= self.high)).all(axis=1)
        if inside.any():
            row = int(np.flatnonzero(inside)[-1])
            beyond = competitor.xy[row + 1] if row + 1 < len(seen) else position
            spot = self._border(seen[row], beyond)
        else:
            beyond = position
            spot = np.clip(position, self.low, self.high)
        return spot, ENDED if ended else self._outward(beyond)

    def _outward(self, beyond: np.ndarray) -> str:
        """The triangle that points over the edge which a place is furthest beyond, in widths of the map."""
        beyond = np.clip(beyond, -1e150, 1e150)
        left, bottom = (self.low - beyond) / (self.high - self.low)
        right, top = (beyond - self.high) / (self.high - self.low)
        far = {"<": left, ">": right, "v": bottom, "^": top}
        return max(far, key=lambda marker: far[marker])

    def _border(self, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
        """Where the segment between the two meets the edge of the map."""
        step = np.clip(outside, -1e150, 1e150) - inside
        edge = np.where(step > 0, self.high, self.low)
        share = np.divide(edge - inside, step, out=np.full(2, np.inf), where=step != 0)
        return np.clip(inside + max(share.min(), 0.0) * step, self.low, self.high)

    def _names(self) -> tuple[list, list]:
        inches = self.canvas.figure.dpi_scale_trans
        names, lines = [], []
        for competitor in self.competitors:
            plate = {
                "boxstyle": BoxStyle("Round", pad=0.22, rounding_size=0.35),
                "fc": self.theme.paper, "ec": competitor.look.color, "lw": 0.8,
            }  # fmt: skip
            name = Stamp(
                0, 0, competitor.short, transform=inches, color=competitor.look.ink, fontsize=8, fontweight="bold",
                ha="center", va="center", bbox=plate, animated=True, gid=f"name:{competitor.run_id}",
            )  # fmt: skip
            self.ax.add_artist(name)
            name.set_clip_on(False)
            line = Swift(
                [], [], transform=inches, color=competitor.look.ink, lw=0.9, animated=True, clip_on=False,
                gid=f"leader:{competitor.run_id}",
            )  # fmt: skip
            self.ax.add_line(line)
            names.append(name)
            lines.append(line)
        return names, lines

    def _mark(self, i: int, marker: str) -> None:
        head, look = self.heads[i], self.competitors[i].look
        if marker == head.get_marker():
            return
        head.set(marker=marker, markersize=8.5 if marker == WITHIN else 10.5, color=look.color)
        head.set_markeredgecolor(self.theme.halo)

    def _marks(self, to_pixels) -> np.ndarray:
        """The start and the minima, in pixels, with their radii: what names must leave to be seen."""
        pixels = self.canvas.figure.dpi / 72
        spots = np.r_[self.starts, self.minima]
        radii = np.r_[np.full(len(self.starts), _START), np.full(len(self.minima), _STAR)] * pixels / 2
        return np.c_[to_pixels(spots), radii]

    def _clutter(self, to_pixels) -> np.ndarray:
        """Points of the picture that names had better not cover: trails, start and stars."""
        thin = [path.points[:: max(1, len(path.points) // 60)] for path in self.paths]
        stars = np.repeat(np.r_[self.minima, self.start[None]], 12, axis=0)
        everything = np.concatenate([*thin, stars])
        return to_pixels(everything[((everything >= self.low) & (everything <= self.high)).all(axis=1)])
