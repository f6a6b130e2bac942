"""The rank-sum test, and which test can tell so many competitors apart on so few seeds. Imports NumPy alone."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .blocks import average_rank

EXACT = 25  # runs of one side up to which all ways of dealing the ranks are counted

SIGNED_RANK, RANK_SUM, NO_TEST = "signed-rank", "rank-sum", "none"


def choose_test(seeds: int, competitors: int, alpha: float = 0.05) -> str:
    """The test that places in a setting rest on: told from the counts alone, before anything is known of the costs.

    Wilcoxon's `signed-rank` test on pairs of a seed, as long as some outcome of it is below alpha at Holm's first step.
    Its least p is 2 / 2^n: at ten seeds it can tell up to 26 competitors apart, at sixteen up to 1639. Beyond that the
    `rank-sum` test, whose least p is 2 / C(2n, n): as if everybody had seeds of their own, which is the more careful
    the more a seed is easy or hard for all alike. `none` where that can show nothing either.

    >>> choose_test(10, 13), choose_test(10, 117), choose_test(3, 5)
    ('signed-rank', 'rank-sum', 'none')
    """
    level = alpha / max(competitors - 1, 1)
    if seeds >= 1 and 2.0 ** (1 - seeds) < level:
        return SIGNED_RANK
    return RANK_SUM if seeds >= 1 and 2 / math.comb(2 * seeds, seeds) < level else NO_TEST


def least_seeds(competitors: int, alpha: float = 0.05) -> int:
    """The fewest seeds with which anybody can be told apart from so many others.

    >>> least_seeds(2), least_seeds(13), least_seeds(117)
    (4, 6, 8)
    """
    return next(n for n in range(2, 200) if choose_test(n, competitors, alpha) != NO_TEST)


def rank_sum_p(ours: ArrayLike, theirs: ArrayLike, exact: int = EXACT) -> float:
    """The two-sided p-value of Wilcoxon's rank-sum test (Mann-Whitney's) of two sets of runs.

    Equal values share a rank, infinite ones too. Up to `exact` runs a side, all ways of dealing out these ranks are
    counted, so that ties are exact; beyond, it is normal, with the correction for ties. NaN is left out; without a run
    on either side it is 1 (Wilcoxon 1945, 10.2307/3001968; Mann, Whitney 1947, 10.1214/aoms/1177730491).

    >>> round(rank_sum_p([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, float("inf")]), 4)
    0.0286
    """
    one, two = (np.asarray(side, dtype=np.float64) for side in (ours, theirs))
    one, two = one[~np.isnan(one)], two[~np.isnan(two)]
    count, total = len(one), len(one) + len(two)
    if not count or not len(two):
        return 1.0
    ranks = average_rank(np.concatenate([one, two]))
    if max(count, total - count) <= exact:
        doubled = np.rint(2 * ranks).astype(np.int64)
        chance = _dealt(tuple(sorted(doubled.tolist())), count)
        away = np.abs(np.arange(len(chance)) - count * (total + 1))
        return float(min(1.0, chance[away >= abs(int(doubled[:count].sum()) - count * (total + 1))].sum()))
    spread = math.sqrt(count * (total - count) * float(((ranks - (total + 1) / 2) ** 2).sum()) / (total * (total - 1)))
    away = abs(float(ranks[:count].sum()) - count * (total + 1) / 2)
    return math.erfc(away / spread / math.sqrt(2)) if spread else 1.0


@functools.lru_cache(maxsize=8192)
def _dealt(doubled: tuple[int, ...], count: int) -> NDArray[np.float64]:
    """P(the sum of `count` of these doubled ranks is s) for each s, every choice of them being as likely."""
    most = sum(doubled[-count:])
    ways = np.zeros((count + 1, most + 1))
    ways[0, 0] = 1.0
    for rank in doubled:
        ways[1:, rank:] += ways[:-1, : most + 1 - rank].copy()
    return ways[count] / math.comb(len(doubled), count)
