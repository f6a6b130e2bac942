"""The clock of a race: which time, in steps, each frame shows; and paths thinned to what a picture can show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from ..errors import InputError, nearest
from .style import Theme

CLOCKS = ("log", "linear")
_MOST_VERTICES = 3000
_TICK = 0.42  # inches that the last two numbers of an axis need between them


def frame_times(clock: str, frames: int, last: float) -> np.ndarray:
    """Times of all frames, in steps: never falling, from 0 to `last`.

    The logarithmic clock gives the first step, the next two, the next four … the same share of the film, for that is
    where the methods part.

    >>> frame_times("log", 4, 7.0).round(6).tolist()
    [0.0, 1.0, 3.0, 7.0]
    """
    if clock not in CLOCKS:
        raise InputError(f"clock must be one of {', '.join(CLOCKS)}, got {clock!r}{nearest(str(clock), CLOCKS)}")
    if frames < 1:
        raise InputError(f"frames must be >= 1, got {frames}")
    share = np.linspace(0.0, 1.0, frames) if frames > 1 else np.ones(1)
    times = np.expm1(share * np.log1p(last)) if clock == "log" else share * last
    times[-1] = last
    return times


def clock_axis(ax: Axes, clock: str, last: float, theme: Theme) -> None:
    """Make the steps' axis go with the clock: 0, 1, 10, 100 … and the last step, where they leave each other room."""
    last = max(last, 1.0)
    if clock == "log":
        ax.set_xscale("function", functions=(_log1p, np.expm1))
        ticks = [0.0] + [10.0**k for k in range(int(math.log10(last)) + 1) if 10.0**k < last] + [last]
        inches = ax.get_window_extent().width / ax.figure.dpi  # type: ignore[union-attr]
        if len(ticks) > 2 and inches * (1 - math.log1p(ticks[-2]) / math.log1p(last)) < _TICK:
            del ticks[-2]
        ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: step_words(value))
    ax.set_xlim(0.0, last)
    ax.set_xlabel("step" + " (log)" * (clock == "log"), fontsize=7.5, color=theme.muted, labelpad=1)


def step_words(step: float) -> str:
    """A step as an axis tells it, thousands apart.

    >>> step_words(20000.0)
    '20\u2009000'
    """
    return f"{step:,.0f}".replace(",", "\u2009")


def overhang(last: float) -> float:
    """Inches that the number of the last step stands out beyond the end of its axis, in letters of seven points."""
    return 0.5 * 0.64 * 7.0 / 72 * len(step_words(last)) + 0.02


def _log1p(step):
    # Axis limits may be asked for a little below zero.
    return np.log1p(np.maximum(step, -0.5))


@dataclass(frozen=True)
class Polyline:
    """A path over time, with only the vertices that show: (n,) times and (n, 2) points."""

    times: np.ndarray
    points: np.ndarray

    @classmethod
    def thinned(cls, times: np.ndarray, points: np.ndarray, pixel: tuple[float, float]) -> Polyline:
        """The path without the vertices that stay within about a third of a pixel of the one before."""
        cells = np.round(3 * points / np.array(pixel))
        keep = np.ones(len(times), bool)
        keep[1:-1] = (np.diff(cells, axis=0)[:-1] != 0).any(axis=1)
        chosen = np.flatnonzero(keep)
        if len(chosen) > _MOST_VERTICES:
            # Even in the clock's own measure, so that the early steps keep theirs.
            clock = np.log1p(times[chosen])
            even = np.searchsorted(clock, np.linspace(clock[0], clock[-1], _MOST_VERTICES))
            chosen = chosen[np.unique(np.concatenate([[0], even.clip(0, len(chosen) - 1), [len(chosen) - 1]]))]
        return cls(times[chosen], points[chosen])

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many vertices lie before each time, and the (n, 2) points that the path is at."""
        x, y = (np.interp(times, self.times, self.points[:, axis]) for axis in (0, 1))
        return np.searchsorted(self.times, times), np.stack([x, y], axis=1)
