"""The clock of a race: which time, in steps, each frame shows; and paths thinned to what a picture can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError, nearest

CLOCKS = ("log", "linear")
_MOST_VERTICES = 3000


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


@dataclass(frozen=True)
class Polyline:
    """A path over time, with only the vertices that show."""

    times: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @classmethod
    def thinned(cls, times: np.ndarray, x: np.ndarray, y: np.ndarray, pixel: tuple[float, float]) -> Polyline:
        """The path without the vertices that stay within about a third of a pixel of the one kept before."""
        cells = np.stack([np.round(3 * x / pixel[0]), np.round(3 * y / pixel[1])], axis=1)
        keep = np.ones(len(times), bool)
        keep[1:-1] = (np.diff(cells, axis=0)[:-1] != 0).any(axis=1)
        chosen = np.flatnonzero(keep)
        if len(chosen) > _MOST_VERTICES:
            # Even in the clock's own measure, so that the early steps keep theirs.
            clock = np.log1p(times[chosen])
            even = np.searchsorted(clock, np.linspace(clock[0], clock[-1], _MOST_VERTICES))
            chosen = chosen[np.unique(np.r_[0, even.clip(0, len(chosen) - 1), len(chosen) - 1])]
        return cls(times[chosen], x[chosen], y[chosen])

    def between(self, start: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
        """The vertices from one time to another, both ends interpolated."""
        first = int(np.searchsorted(self.times, start, side="right"))
        after = int(np.searchsorted(self.times, stop, side="left"))
        inner = slice(first, max(first, after))
        ends = np.array([start, min(stop, self.times[-1])])
        x, y = np.interp(ends, self.times, self.x), np.interp(ends, self.times, self.y)
        return (
            np.concatenate([x[:1], self.x[inner], x[1:]]),
            np.concatenate([y[:1], self.y[inner], y[1:]]),
        )
