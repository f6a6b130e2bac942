"""How good the best of k trials is: quality as a function of the budget of a search. Imports pandas and NumPy.

A search of n trials is a pool. The best of k of them, drawn without replacement, is the i-th best of the pool with
probability C(n - i, k - 1) / C(n, k). Its mean is the unbiased estimate of what a search of k trials ends with (Tang,
Lee, Xin, Liu, Yu, Lin 2020, "Showing your work doesn't always work", arXiv:2004.13705; drawing with replacement, as in
Dodge et al. 2019, arXiv:1909.03004, is biased). Comparing optimizers so is due to Sivaprasad, Mai, Vogels, Jaggi,
Fleuret 2020, "Optimizer benchmarking needs to account for hyperparameter tuning", arXiv:1910.11758.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from ..streams import uniform
from .cells import KEY, group_codes, numbers, observed_interval, require

BLOCK = 2_000_000  # numbers that one block of resampled pools may hold


def expected_best(
    trials: pd.DataFrame,
    ks: Iterable[int] | None = None,
    by: Sequence[str] = KEY,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """The best score that a search of k trials ends with, for each k up to the size of the pool.

    The mean, `expected`, is infinite as soon as k trials may all have diverged, and one bad trial may rule it where
    scores span decades. `median` has neither weakness: it is the score that the best of k meets in half of all cases.
    The bands are percentiles of a bootstrap over the pool. Near k = n they are one-sided: no resampled pool holds
    anything better than the best of the pool.

    Args:
        trials: one row a trial, as `trials` or a search gives them: the columns of `by`, and `score` (less is better,
            divergence infinite; NaN counts as infinite).
        ks: the budgets, 1 … n unless given.
        by: the columns that name a pool.
        resamples: number of bootstrap resamples; 0 for no bands (NaN).
        confidence: the share of resamples within a band.
        seed: of the bootstrap's own random numbers.

    Returns:
        One row a pool and budget: `by`, `k`, `trials` (n), `expected`, `low`, `high`, `median`, `median_low`,
        `median_high`, and `finite`, the chance that not all k trials are infinite. A budget beyond a pool has no row.

    Raises:
        InputError: a column is missing, a budget is no whole number >= 1, or `confidence` is not between 0 and 1.
    """
    require(trials, [*by, "score"], "trials")
    budgets = None if ks is None else _budgets(ks)
    if not 0 < confidence < 1:
        raise InputError(f"confidence must be between 0 and 1, got {confidence}")
    if resamples < 0:
        raise InputError(f"resamples must be >= 0, got {resamples}")
    score = numbers(trials, "score")
    score = np.where(np.isnan(score), np.inf, score)
    codes, keys = group_codes(trials, by)
    order = np.lexsort((score, codes))
    ends = np.cumsum(np.bincount(codes, minlength=len(keys)))
    drawn = _Draws(resamples, confidence, seed)
    curves = [_curves(np.zeros(1), np.ones(0, dtype=np.int64), drawn)]  # the columns, where there is no pool
    for scores in np.split(score[order], ends[:-1]) if len(keys) else []:
        own = np.arange(1, len(scores) + 1) if budgets is None else budgets[budgets <= len(scores)]
        curves.append(_curves(scores, own, drawn))
    counts = [len(curve["k"]) for curve in curves[1:]]
    rows = keys.iloc[np.repeat(np.arange(len(keys)), counts)].reset_index(drop=True)
    return rows.assign(**{name: np.concatenate([curve[name] for curve in curves]) for name in curves[0]})


def _budgets(ks: Iterable[int]) -> NDArray[np.int64]:
    given = list(ks)
    for k in given:
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise InputError(f"a budget is a whole number of trials >= 1, got {k!r}")
    return np.array(sorted(set(given)), dtype=np.int64)


def _curves(scores: NDArray[np.float64], ks: NDArray[np.int64], drawn: _Draws) -> dict[str, Any]:
    """The columns of a pool whose scores are sorted, by name."""
    n = len(scores)
    drawn.plan(n, ks)
    unknown = np.full(len(ks), np.nan)
    low = high = median_low = median_high = unknown
    if drawn.resamples and len(ks):
        means = np.concatenate([_mean(scores[picked], drawn.weights, ks) for picked in drawn.pools(n)])
        low, high = observed_interval(means, drawn.confidence)
        median_low, median_high = scores[drawn.low], scores[drawn.high]
    finite = drawn.weights[:, np.isfinite(scores)].sum(axis=1)
    return {
        "k": ks,
        "trials": np.full(len(ks), n),
        "expected": _mean(scores[None], drawn.weights, ks)[0],
        "low": low,
        "high": high,
        "median": scores[drawn.rank],
        "median_low": median_low,
        "median_high": median_high,
        # More draws than infinite trials: certain, whatever the rounding of the sum.
        "finite": np.where(ks > np.isinf(scores).sum(), 1.0, finite),
    }


def best_of_k_weights(n: int, ks: NDArray[np.int64]) -> NDArray[np.float64]:
    """P(the best of k out of n is the i-th best), shape (budgets, n): `C(n - i, k - 1) / C(n, k)`.

    >>> best_of_k_weights(3, np.array([1, 2, 3])).round(3)
    array([[0.333, 0.333, 0.333],
           [0.667, 0.333, 0.   ],
           [1.   , 0.   , 0.   ]])
    """
    below = n - np.arange(1, n + 1, dtype=np.float64)  # trials worse than the i-th
    row = np.full(n, 1 / n)
    rows = np.empty((len(ks), n))
    for k in range(1, int(ks.max(initial=0)) + 1):
        rows[ks == k] = row / row.sum()  # one but for rounding; at k = n exactly one
        if k < n:
            # From k to k + 1 by a factor: no binomial, which would overflow, and no difference, which would cancel.
            row = row * np.maximum(below - (k - 1), 0) * ((k + 1) / (k * (n - k)))
    return rows


def _middle(weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """The rank that the best of k meets with a chance of at least one half."""
    return (np.cumsum(weights, axis=1) >= 0.5 - 1e-12).argmax(axis=1)


def _mean(pools: NDArray[np.float64], weights: NDArray[np.float64], ks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Expected best of each sorted pool and budget, infinite where k infinite trials may be drawn."""
    infinite = np.isinf(pools)
    if not infinite[:, -1:].any():
        return pools @ weights.T  # sorted, so that nothing is infinite
    mean = np.where(infinite, 0.0, pools) @ weights.T
    return np.where(ks[None] <= infinite.sum(axis=1)[:, None], np.inf, mean)


class _Draws:
    """The resampled pools as places in a sorted pool, with all that depends on a pool's size and the budgets alone.

    `weights` are `best_of_k_weights`, `rank` is where the median of the best of k lies, `low` and `high` are the ends
    of that median's band: an order of places is an order of scores. `plan` sets them for pools of one size.
    """

    def __init__(self, resamples: int, confidence: float, seed: int):
        self.resamples, self.confidence, self._seed = resamples, confidence, seed
        self._planned: tuple[int, bytes] = (-1, b"")
        self._size, self._pools = 0, np.empty((0, 0), dtype=np.intp)

    def plan(self, n: int, ks: NDArray[np.int64]) -> None:
        """Get ready for pools of n trials and these budgets; nothing is done where that is so already."""
        if self._planned == (n, ks.tobytes()):
            return
        self._planned = (n, ks.tobytes())
        self.weights = best_of_k_weights(n, ks)
        self.rank = _middle(self.weights)
        if self.resamples and len(ks):
            places = np.concatenate([picked[:, self.rank] for picked in self.pools(n)])
            self.low, self.high = observed_interval(places, self.confidence)

    def pools(self, n: int) -> Iterator[NDArray[np.intp]]:
        """Blocks of (resamples, n) places, sorted within each pool: best trial first."""
        if n == self._size:
            yield self._pools
            return
        step = max(1, BLOCK // n)
        for first in range(0, self.resamples, step):
            count = min(step, self.resamples - first)
            chance = uniform(self._seed, "expected best", first * n, count * n).reshape(count, n)
            picked = np.sort((chance * n).astype(np.intp), axis=1)
            if step >= self.resamples:
                self._size, self._pools = n, picked
            yield picked
