"""The interquartile mean with stratified bootstrap intervals. Imports pandas and NumPy.

Half of the runs, the middle ones, are averaged: as hard to move by a few outliers as a median needs, and less noisy
(Agarwal, Schwarzer, Castro, Courville, Bellemare 2021, arXiv:2108.13264). A failed run is infinite and is cut off with
the worst quarter; once more than a quarter failed, the mean is infinite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from ..streams import uniform
from .cells import SETTING, group_codes, numbers, observed_interval, require
from .pairs import _check_share

BLOCK = 40_000_000  # numbers that the counts of one block of resamples may hold


def interquartile_mean(
    frame: pd.DataFrame, by: Sequence[str] = ("competitor",), *, value: str = "shortfall",
    strata: Sequence[str] = SETTING, resamples: int = 1000, confidence: float = 0.95, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The mean of the middle half of the runs of each group, pooled over settings, with an interval.

    Of n runs the least and the greatest `floor(n / 4)` are left out. The bootstrap draws runs anew within each setting,
    so that every resample has as many of each; groups of the same make share their draws. The interval is that of
    percentiles, each an observed one: infinities allow no average.

    Args:
        frame: one row a run, as `costs` gives it.
        by: the columns that name a group.
        value: the column to average. Costs of several problems have no common unit; their `shortfall` has.
        strata: the columns of a setting.
        resamples: number of bootstrap resamples; 0 for no interval (NaN).
        confidence: the share of resamples within the interval.
        seed: of the bootstrap's own random numbers.

    Returns:
        One row a group: `by`, `runs`, `failed` (how many are infinite), `iqm`, `low`, `high`.

    Raises:
        InputError: a column is missing, or a number is out of its range.
    """
    require(frame, (*by, *strata, value), "costs")
    _check_share("confidence", confidence)
    if resamples < 0:
        raise InputError(f"resamples must be >= 0, got {resamples}")
    number = numbers(frame, value)
    number = np.where(np.isnan(number), np.inf, number)
    group, keys = group_codes(frame, by)
    stratum, _ = group_codes(frame, strata)
    order = np.lexsort((number, stratum, group))
    ends = np.cumsum(np.bincount(group, minlength=len(keys)))
    drawn = _Draws(resamples, seed)
    rows = []
    for own in np.split(order, ends[:-1]) if len(keys) else []:
        values = number[own]
        low = high = np.nan
        if resamples:
            sizes = np.unique(stratum[own], return_counts=True)[1]
            means = np.concatenate([_means(values, counts) for counts in drawn.counts(sizes)])
            low, high = (float(end[0]) for end in observed_interval(means[:, None], confidence))
        mean = _means(values, np.ones((len(values), 1), dtype=np.uint16))[0]
        rows.append((len(own), int(np.isinf(values).sum()), mean, low, high))
    return keys.join(pd.DataFrame(rows, columns=["runs", "failed", "iqm", "low", "high"]))


class _Draws:
    """How often each run of a pool is drawn in each resample; pools of the same make share their draws."""

    def __init__(self, resamples: int, seed: int):
        self._resamples, self._seed = resamples, seed
        self._kept: tuple[tuple[int, ...], NDArray[np.uint16] | None] = ((), None)

    def counts(self, sizes: NDArray[np.int64]) -> Iterator[NDArray[np.uint16]]:
        """Blocks of counts, (runs, resamples): the runs of one stratum after those of another."""
        key, total = tuple(sizes.tolist()), int(sizes.sum())
        if self._kept[0] == key and self._kept[1] is not None:
            yield self._kept[1]
            return
        step = max(1, BLOCK // total)
        for first in range(0, self._resamples, step):
            counts = self._some(sizes, total, first, min(step, self._resamples - first))
            if step >= self._resamples:
                self._kept = (key, counts)
            yield counts

    def _some(self, sizes: NDArray[np.int64], total: int, first: int, count: int) -> NDArray[np.uint16]:
        starts, sizes = np.repeat(np.cumsum(sizes) - sizes, sizes), np.repeat(sizes, sizes)
        counts = np.empty((total, count), dtype=np.uint16)
        step = max(1, BLOCK // (8 * total))
        for begin in range(0, count, step):
            width = min(step, count - begin)
            # One stream for all: resample r of a pool takes the numbers from r * total on.
            chance = uniform(self._seed, "interquartile mean", (first + begin) * total, width * total)
            picked = starts + (chance.reshape(width, total) * sizes).astype(np.int64)
            flat = (picked + np.arange(width)[:, None] * total).ravel()
            counts[:, begin : begin + width] = np.bincount(flat, minlength=total * width).reshape(width, total).T
        return counts


def _means(values: NDArray[np.float64], counts: NDArray[np.uint16]) -> NDArray[np.float64]:
    """The mean of the middle half of each column's multiset: value i, `counts[i]` times."""
    order = np.argsort(values, kind="stable")
    values, total = values[order], len(values)
    low, high = total // 4, total - total // 4
    # Whole numbers, as small as they may be, all resamples of a run side by side: each sum adds whole vectors.
    reached = counts[order].astype(np.uint16 if total < 1 << 16 else np.int32, copy=False)
    for i in range(1, total):
        np.add(reached[i - 1], reached[i], out=reached[i])
    finite = int(np.isfinite(values).sum())
    lost = reached[finite - 1] < high if finite else np.ones(counts.shape[1], dtype=bool)
    # Values that are cut off in every resample have no weight; of many runs it is nearly half of them.
    first = int(np.searchsorted(reached.max(axis=1), low, side="right"))
    last = min(int(np.searchsorted(reached.min(axis=1), high)) + 1, finite)
    middle = np.clip(reached[first:last], low, high)
    weights = np.diff(middle, axis=0, prepend=middle.dtype.type(low))
    return np.where(lost, np.inf, values[first:last] @ weights / (high - low))
