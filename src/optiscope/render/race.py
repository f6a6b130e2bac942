"""A race: optimizers run over a landscape, as a film; one map, or a grid of several problems side by side.

A race is a composition of parts (map, strips, table) on a stage; this file says where they stand and what the words
beside the film are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from ..errors import InputError
from ..metrics.verdicts import verdicts
from .clock import frame_times, overhang
from .competitors import LEAST_GAP, Competitor, competitors_of, rank
from .picture import Film
from .race_map import BEYOND, ENDED, Landscape, Map, signs
from .race_strip import RateStrip, Strip
from .race_table import Table, column_width
from .stage import DESIGN, LARGEST, Stage
from .style import Theme, theme_of
from .words import count_words

STRIPS = {"gap": Strip, "lr": RateStrip}


def race(
    landscape: Any, runs: pd.DataFrame | None = None, trace: pd.DataFrame | None = None, *,
    minima: Sequence[tuple[float, float]] = (), title: str = "", subtitle: str = "", size: tuple[int, int] = DESIGN,
    frames: int = 220, seconds: float = 11.0, hold: float = 2.5, clock: str = "log", theme: str = "light",
    strips: Sequence[str] = ("gap",),
) -> Film:  # fmt: skip
    """Let the runs race over the landscape.

    `landscape` has the columns x, y, loss on a regular grid; `runs` and `trace` are the two frames, with x0 and x1 in
    the trace; an `edge` of "low" or "high" in `runs` says that a rate is on the bound of its search, and is marked so.
    Instead of the three, give what `osc.run` gave. `minima` are marked with stars. The film shows `frames` frames in
    `seconds`, then holds the verdict for `hold` more; `size` is in pixels; `clock` is "log" or "linear" in steps;
    `theme` is "light" or "dark"; `strips` below the map show the "gap" above the minimum, the "lr", or both.

    Raises InputError for frames that cannot race: empty, not two-dimensional, more than 16 runs, of several problems.
    """
    width, height = _checked(size)
    unknown = [name for name in strips if name not in STRIPS]
    if unknown:
        raise InputError(f"strips are {' and '.join(STRIPS)}, got {', '.join(map(str, unknown))}")
    look = theme_of(theme)
    course = Course.of(landscape, runs, trace, minima)
    entry = Entry(course, theme)
    times = frame_times(clock, frames, entry.last)

    def compose() -> Stage:
        return _one_map(entry, title, subtitle, (width, height), clock, times, look, strips)

    return Film(compose, times, seconds, hold, entry.told(title))


@dataclass(frozen=True)
class Course:
    """What is raced on and who races: landscape, runs and trace as `race` takes them, the minima, and a title."""

    landscape: pd.DataFrame
    runs: pd.DataFrame
    trace: pd.DataFrame
    minima: Sequence[tuple[float, float]] = ()
    title: str = ""

    @classmethod
    def of(cls, landscape: Any, runs: Any, trace: Any, minima: Sequence[tuple[float, float]]) -> Course:
        """From three frames, or from results that know their landscape."""
        if isinstance(landscape, Course):
            return landscape
        if runs is None and hasattr(landscape, "landscape"):
            ground = landscape.landscape()
            return cls(ground, landscape.runs, landscape.trace, minima or landscape.minima())
        if runs is None or trace is None:
            raise InputError("a race takes a landscape, a runs and a trace frame, or the results of osc.run")
        return cls(landscape, runs, trace, minima)


def races(
    courses: Sequence[Course], *, title: str = "", subtitle: str = "", size: tuple[int, int] | None = None,
    across: int = 2, frames: int = 180, seconds: float = 9.0, hold: float = 3.0, clock: str = "log",
    theme: str = "light",
) -> Film:  # fmt: skip
    """Several races side by side: one map and strip a problem, one legend for all, and below each who ended lowest.

    Each course runs on its own clock, from its start to its end. Otherwise as `race`. Raises InputError for no course,
    more than nine, or a course that cannot race.
    """
    if not 1 <= len(courses) <= 9:
        raise InputError(f"a grid of races has 1 to 9 courses, got {len(courses)}")
    if across < 1:
        raise InputError(f"across must be >= 1, got {across}")
    across = min(across, len(courses))
    rows = math.ceil(len(courses) / across)
    width, height = _checked(size or (360 * across, 60 + 310 * rows), least=(240 * across, 200 * rows))
    look = theme_of(theme)
    entries = [Entry(course, theme) for course in courses]
    times = [frame_times(clock, frames, entry.last) for entry in entries]

    def compose() -> Stage:
        return _grid(entries, title, subtitle, (width, height), across, clock, times, look)

    words = " ".join(entry.told(entry.course.title) for entry in entries)
    return Film(compose, times[0], seconds, hold, f"{title}. {words}".lstrip(". "))


class Entry:
    """A course that was read: competitors, floor, ground, how each ended, and all that in words."""

    def __init__(self, course: Course, theme: str):
        self.course = course
        self.competitors, self.floor = competitors_of(course.runs, course.trace, theme)
        self.ground = Landscape(course.landscape)
        self.last = max(competitor.last for competitor in self.competitors)
        self.stars = [(float(x), float(y)) for x, y in course.minima]
        judged = verdicts(course.runs, course.trace, course.landscape).set_index("run_id")
        self.endings = [
            (str(judged.loc[one.run_id, "verdict"]), int(judged.loc[one.run_id, "step"])) for one in self.competitors
        ]
        self.sentences = [str(judged.loc[one.run_id, "words"]) for one in self.competitors]

    @property
    def signs(self) -> set[str]:
        """The markers that the heads have besides the usual one, now or then."""
        low, high = self.ground.low, self.ground.high
        leave = any(((one.xy < low) | (one.xy > high)).any() for one in self.competitors)
        return set(BEYOND[0] * leave + ENDED * any(bool(one.fate) for one in self.competitors))

    def told(self, title: str) -> str:
        """What is shown, and who did how well."""
        count = len(self.competitors)
        known = math.isfinite(self.floor)
        told = f"{title or 'A race'}: {count_words(count)} path{'s' * (count > 1)} over contours, "
        told += f"{self.last:.0f} steps. At the end"
        parts = []
        for place, i in rank(self.competitors, known=known):
            one = self.competitors[i]
            where = f"at {_gap_words(one.final, known)}{' above the minimum' if known and not parts else ''}, "
            parts.append(f"{place}. {one.short} ({'' if one.fate or one.left else where}{self.sentences[i]})")
        return f"{told} {'; '.join(parts)}."

    def winner(self) -> str:
        """Who ended lowest, in a line."""
        known = math.isfinite(self.floor)
        places = [(place, self.competitors[i]) for place, i in rank(self.competitors, known=known)]
        first = [one for place, one in places if place == 1 and not one.fate and not one.left]
        if not first:
            return "none ended within the domain"
        end = first[0].final
        at = f"{end:.0e}".replace("e-0", "e-") if known and LEAST_GAP <= end < 1e-3 else _gap_words(end, known)
        return f"lowest: {', '.join(one.short for one in first[:2])}{', …' * (len(first) > 2)}, {at}"


def _gap_words(end: float, known: bool) -> str:
    """A gap in two digits; less than rounding leaves is told as that."""
    return "<1e-16" if known and 0 < end < LEAST_GAP else f"{end:.2g}"


def _checked(size: tuple[int, int], least: tuple[int, int] = (480, 360)) -> tuple[int, int]:
    width, height = size
    if width < least[0] or height < least[1]:
        raise InputError(f"a race needs at least {least[0]} by {least[1]} pixels, got {width} by {height}")
    if max(width, height) > LARGEST:
        raise InputError(f"a race has at most {LARGEST} pixels a side, got {width} by {height}")
    return width, height


def _one_map(
    entry: Entry, title: str, subtitle: str, size: tuple[int, int], clock: str, times: np.ndarray, theme: Theme,
    strips: Sequence[str],
) -> Stage:  # fmt: skip
    """The map with its strips below, and the table beside them."""
    competitors, floor = entry.competitors, entry.floor
    stage = Stage(size, theme, competitors, len(times))
    width, height = stage.width, stage.height
    left, right, column = 0.46, 0.1, column_width(competitors)
    top = 0.16 + 0.24 * bool(title) + 0.2 * bool(subtitle)
    beside = max(0.13, overhang(entry.last) + 0.04)  # between the map and the table
    edge = width - column - right - (beside - 0.13)
    stage.heading(title, 0.1, height - 0.12, width - 0.2, 12.5, theme.ink, "bold")
    stage.heading(subtitle, 0.1, height - 0.12 - 0.25 * bool(title), width - 0.2, 8.5, theme.muted, "normal")
    low = 0.38
    each = (0.19 if len(strips) == 1 else 0.145) * height
    boxes = []
    for name in reversed(strips):
        boxes.append((name, low, low + each))
        low += each + 0.16
    map_low = (low - 0.16 + 0.3) if strips else 0.3
    part = Map(stage.box(left, map_low, edge, height - top), stage.canvas, entry.ground, floor, competitors,
               entry.stars, theme)  # fmt: skip
    part.place_labels(times)
    stage.maps.append(part)
    for i, (name, bottom, upper) in enumerate(boxes):
        strip = STRIPS[name](stage.box(left, bottom, edge, upper), competitors, floor, clock, theme)
        strip.place(times)
        if i:
            strip.without_steps()
        stage.strips.append(strip)
    box = (edge + beside, 0.14, width - right, height - top)
    stage.table = Table(
        stage.figure, box, competitors, floor, bool(entry.stars), part.marks, theme, endings=entry.endings
    )
    stage.table.place(times)
    return stage


def _grid(
    entries: Sequence[Entry], title: str, subtitle: str, size: tuple[int, int], across: int, clock: str,
    times: Sequence[np.ndarray], theme: Theme,
) -> Stage:  # fmt: skip
    """Cells of a map over a strip; the legend in a line above, the winner of each cell below its title at the end."""
    everyone = list({(one.short, one.look): one for entry in entries for one in entry.competitors}.values())
    stage = Stage(size, theme, everyone, len(times[0]))
    width, height = stage.width, stage.height
    stage.heading(title, 0.1, height - 0.1, width - 0.2, 12.5, theme.ink, "bold")
    stage.heading(subtitle, 0.1, height - 0.1 - 0.25 * bool(title), width - 0.2, 8.5, theme.muted, "normal")
    top = height - 0.12 - 0.25 * bool(title) - 0.2 * bool(subtitle)
    seen = set().union(*(entry.signs for entry in entries))
    key = [word for line in signs(seen, minima=any(entry.stars for entry in entries)) for word in line]
    top -= _legend_line(stage, everyone, "   ".join(key), top) + 0.08
    rows = math.ceil(len(entries) / across)
    cell_width, cell_height = (width - 0.1) / across, (top - 0.06) / rows
    margin = max(0.06, overhang(max(entry.last for entry in entries)))
    for i, (entry, clocked) in enumerate(zip(entries, times, strict=True)):
        row, place = divmod(i, across)
        left, right = 0.1 + place * cell_width + 0.36, 0.1 + (place + 1) * cell_width - margin
        high, low = top - row * cell_height, top - (row + 1) * cell_height
        name = stage.heading(entry.course.title, left - 0.3, high, right - left, 9.5, theme.ink, "bold")
        taken = name.get_window_extent(stage.canvas.get_renderer()).width / stage.figure.dpi
        end = stage.heading(entry.winner(), left - 0.3 + taken + 0.12, high - 0.015, right - left + 0.3 - taken - 0.12,
                            8.0, theme.muted, "normal")  # fmt: skip
        stage.ending(end)
        strip_low = low + 0.36
        strip_high = strip_low + 0.2 * cell_height
        part = Map(stage.box(left, strip_high + 0.24, right, high - 0.24), stage.canvas, entry.ground, entry.floor,
                   entry.competitors, entry.stars, theme)  # fmt: skip
        part.place_labels(clocked)
        stage.maps.append(part)
        strip = Strip(stage.box(left, strip_low, right, strip_high), entry.competitors, entry.floor, clock, theme)
        strip.place(clocked)
        stage.strips.append(strip)
    return stage


def _legend_line(stage: Stage, everyone: Sequence[Competitor], key: str, top: float) -> float:
    """Swatches, names and a key of signs, left to right in as many lines as they need; their height, in inches."""
    x, y, lines = 0.1, top - 0.12, 1
    renderer = stage.canvas.get_renderer()
    for one in everyone:
        text = stage.figure.text(
            x + 0.34, y, one.short, fontsize=8.5, color=one.look.ink, fontweight="bold", va="center",
            transform=stage.figure.dpi_scale_trans, gid=f"legend:{one.short}",
        )  # fmt: skip
        taken = text.get_window_extent(renderer).width / stage.figure.dpi
        if x > 0.1 and x + 0.34 + taken > stage.width - 0.1:
            x, y, lines = 0.1, y - 0.2, lines + 1
            text.set_position((x + 0.34, y))
        swatch = Line2D(
            [x, x + 0.27], [y, y], color=one.look.color, lw=2.4, linestyle=one.look.linestyle(2.4),
            dash_capstyle="butt", transform=stage.figure.dpi_scale_trans,
        )  # fmt: skip
        stage.figure.add_artist(swatch)
        x += 0.34 + taken + 0.22
    text = stage.figure.text(
        stage.width - 0.1, y, key, fontsize=7.5, color=stage.theme.muted, ha="right", va="center",
        transform=stage.figure.dpi_scale_trans, gid="key:",
    )  # fmt: skip
    if x + text.get_window_extent(renderer).width / stage.figure.dpi > stage.width - 0.1:
        lines += 1
        text.set_y(y - 0.2)
    return 0.24 + 0.2 * (lines - 1)
