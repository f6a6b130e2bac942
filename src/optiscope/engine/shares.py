"""How a sweep is cut for several workers: into as few pieces as keep them all busy, the longest first.

A step of stacked lanes costs a fixed time, which every piece pays again, and a little for each lane.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from ..spec import Run

FIXED = 8_000  # lanes that cost as much as a step itself: 0.29 ms against 0.035 us a lane, Adam on two coordinates
NETWORK = 20  # a step of a small network over one of a function; which networks are large is not known beforehand


def cost(runs: Sequence[Run]) -> float:
    """What a unit of such runs takes, in lane-steps: to put the longest first, not to foretell seconds."""
    first = runs[0]
    return first.steps * (FIXED + len(runs)) * (1 if first.problem.is_function else NETWORK)


def pieces(groups: Sequence[Sequence[Run]], workers: int) -> list[int]:
    """Into how many pieces to cut each group of lanes so that `workers` are done soonest.

    >>> from optiscope import grid
    >>> pieces([grid("beale", "Adam", lr=0.1, seed=range(10_000), start="random")], workers=2)
    [2]
    """
    if workers == 1:
        return [1] * len(groups)
    whole = [cost(group) for group in groups]
    fixed = [cost(group[:1]) for group in groups]
    fair = sum(whole) / workers
    best, soonest = [1] * len(groups), math.inf
    for finer in (0, 1, 2, 4):
        cut = [max(1, min(math.ceil(finer * one / fair), len(group))) for one, group in zip(whole, groups, strict=True)]
        parts = [
            start + (one - start) / count for one, start, count in zip(whole, fixed, cut, strict=True)
            for _ in range(count)
        ]  # fmt: skip
        end = _end(parts, workers)
        if end < soonest:
            best, soonest = cut, end
    return best


def _end(parts: Sequence[float], workers: int) -> float:
    """When the last of the workers is done, each taking the longest part that is left."""
    busy = [0.0] * workers
    for part in sorted(parts, reverse=True):
        heapq.heappushpop(busy, busy[0] + part)
    return max(busy)
