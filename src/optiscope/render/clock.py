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
