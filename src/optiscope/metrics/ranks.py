"""Places: ties by test share one, and the average over problems has a critical difference. Imports pandas and NumPy."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .blocks import average_rank, blocks_of
from .cells import SETTING, group_codes
from .costs import median_costs
from .pairs import SEED, _check_share
from .rank_sum import NO_TEST, SIGNED_RANK, choose_test, rank_sum_p
from .significance import distinct_seeds, holm, rising_root, scaled, smallest_detectable, spreads_of, worse_than


def tied_ranks(
    frame: pd.DataFrame, by: str = "competitor", *, within: Sequence[str] = SETTING, pairs: Sequence[str] = SEED,
    alpha: float = 0.05,
) -> pd.DataFrame:  # fmt: skip
    """The place of each competitor in each setting; who cannot be told from the head of a place shares it.

    The least median heads the first place, of equal ones the one with the least mean rank. All who are worse than it by
    a test with Holm's correction go on to the next place, headed by the best of them, and so on; as in sport, a place
    shared by three is followed by the fourth. The test is that of `choose_test`: on pairs of a seed, unless so many
    compete on so few seeds that it could tell nobody apart. Seeds on which everybody has the same cost as on another
    one count once. The head is picked by the same runs, which flatters it a little: new seeds would tell.

    Args:
        frame: one row a run, as `costs` gives it.
        by, within, pairs: as in `win_rates`.
        alpha: the level of the tests.

    Returns:
        One row a setting and competitor, best first: `within`, `by`, `median` (of the costs), `rank`, `tied` (how many
        share the place), `head` (whom the tests were against), `seeds` (those that are not copies), `test`,
        `detectable` (the smallest difference from the head of the first place that so many seeds would have shown, by
        `smallest_detectable` at Holm's first step; NaN of the head), `unit` of that (`decades`, or `cost`), `verdict`.
    """
    _check_share("alpha", alpha)
    rows = []
    logs = scaled(frame, within)
    _, plain = group_codes(logs, (*within, "_plain"))
    found = blocks_of(logs, "_scaled", by, within, pairs)
    for cost, block, unit in zip(blocks_of(frame, "cost", by, within, pairs), found, plain["_plain"], strict=True):
        medians = cost.medians()
        order = np.lexsort((block.rows, _mean_ranks(block.values), medians))
        values = distinct_seeds(block.values[order])
        seeds, level = values.shape[1], alpha / max(len(order) - 1, 1)
        test = choose_test(seeds, len(order), alpha)
        shown = [np.nan, *_detectable(values[0], values[1:], test, level)]
        place, left = 1, np.arange(len(order))
        while len(left):
            worse = _worse(values[left], test, alpha)
            level_with = left[~worse]
            for i in level_with:
                told = _told(int(i == left[0]), len(level_with), seeds)
                rows.append(
                    (*block.setting.values(), found.names[block.rows[order[i]]], medians[order[i]], place,
                     len(level_with), found.names[block.rows[order[left[0]]]], seeds, test, shown[i],
                     "cost" if unit else "decades", told)
                )  # fmt: skip
            place += len(level_with)
            left = left[worse]
    columns = [*within, by, "median", "rank", "tied", "head", "seeds", "test", "detectable", "unit", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _mean_ranks(values: np.ndarray) -> np.ndarray:
    """The mean rank of each row's runs among all runs of a block; NaN, where one was not run, does not count."""
    there = ~np.isnan(values)
    ranks = np.full(values.shape, np.nan)
    ranks[there] = average_rank(values[there])
    return np.nansum(ranks, axis=1) / np.maximum(there.sum(axis=1), 1)


def _worse(values: np.ndarray, test: str, alpha: float) -> np.ndarray:
    """Who is worse than the first row."""
    if test == SIGNED_RANK:
        return worse_than(values, 0, alpha)
    if test == NO_TEST:
        return np.zeros(len(values), dtype=bool)
    p = np.array([1.0, *(rank_sum_p(row, values[0]) for row in values[1:])])
    told = np.zeros(len(values), dtype=bool)
    told[1:] = holm(p[1:]) < alpha
    means = np.array([np.diff(_mean_ranks(np.stack([values[0], row])))[0] for row in values])
    return told & (means > 0)


def _detectable(head: np.ndarray, rows: np.ndarray, test: str, level: float) -> list[float]:
    """The smallest difference from the head that each row's seeds would have shown."""
    both = ~np.isnan(head) & ~np.isnan(rows)
    if test == SIGNED_RANK:
        with np.errstate(invalid="ignore"):
            apart = np.where(both, np.where(head == rows, 0.0, rows - head), np.nan)
        spreads = spreads_of(apart)
    else:
        sides = [spreads_of(np.where(both, side, np.nan)) for side in (np.broadcast_to(head, rows.shape), rows)]
        spreads = np.sqrt((sides[0] ** 2 + sides[1] ** 2) / 2)
    paired = test == SIGNED_RANK
    return [
        math.inf if test == NO_TEST or not n else smallest_detectable(float(spread), int(n), level, paired=paired)
        for spread, n in zip(spreads, both.sum(axis=1), strict=True)
    ]


def _told(head: int, sharing: int, seeds: int) -> str:
    at = f"at {seeds} seed{'s' * (seeds != 1)}"
    if sharing == 1:
        return "alone"
    others = sharing - 1
    return f"indistinguishable from {others} other{'s' * (others > 1)} {at}" if head else f"indistinguishable {at}"


def average_ranks(
    frame: pd.DataFrame, by: str = "competitor", *, within: Sequence[str] = SETTING, alpha: float = 0.05
) -> pd.DataFrame:
    """The mean rank over settings, by medians over seeds, with the critical difference of Nemenyi's test.

    Two competitors whose mean ranks differ by less than `cd` are not told apart. Only settings in which everybody has a
    run count. Failed medians share the last rank (Demšar 2006, "Statistical comparisons of classifiers over multiple
    data sets", Journal of Machine Learning Research 7, 1-30).

    Args:
        frame: one row a run, as `costs` gives it.
        by: the column that names the competitors.
        within: the columns of a setting.
        alpha: the level of the tests.

    Returns:
        One row a competitor, best first: `by`, `rank`, `cd`, `settings` (that counted), `of` (that there are),
        `friedman_p` (of the hypothesis that all are alike; NaN with fewer than three competitors or two settings), and
        `with_best`, whether it is less than the critical difference from the first.
    """
    _check_share("alpha", alpha)
    medians = median_costs(frame, by, within).pivot(index=list(within), columns=by, values="cost")
    everybody = medians.to_numpy(float)
    table = everybody[~np.isnan(everybody).any(axis=1)]
    count, size = table.shape
    mean = average_rank(table).mean(axis=0) if count else np.full(size, np.nan)
    cd = critical_difference(size, count, alpha)
    out = pd.DataFrame(
        {
            by: medians.columns.to_numpy(), "rank": mean, "cd": cd, "settings": count, "of": len(medians),
            "friedman_p": _friedman(table),
        }
    )  # fmt: skip
    out = out.sort_values("rank", kind="stable", ignore_index=True)
    return out.assign(with_best=out["rank"] - out["rank"].min() < cd)


def critical_difference(competitors: int, settings: int, alpha: float = 0.05) -> float:
    """Nemenyi's `q sqrt(k (k + 1) / (6 N))` for k competitors on N settings; NaN where there is nothing to compare.

    >>> round(critical_difference(4, 14), 3)
    1.254
    """
    if competitors < 2 or settings < 1:
        return math.nan
    return _studentized(competitors, alpha) * math.sqrt(competitors * (competitors + 1) / (6 * settings))


@functools.lru_cache(maxsize=256)
def _studentized(competitors: int, alpha: float) -> float:
    """The range that so many standard normals exceed with chance alpha, over the root of two."""
    # scipy.stats knows it as well, and takes longer to import than a small report takes to write.
    from scipy import special

    at = np.linspace(-9.0, 9.0, 721)
    density = np.exp(-(at**2) / 2) / math.sqrt(2 * math.pi) * (at[1] - at[0])

    def missing(width: float) -> float:
        # One of them lies highest, and all others within the width below it.
        within = (special.ndtr(at) - special.ndtr(at - width)) ** (competitors - 1)
        return float(competitors * (density * within).sum()) - (1 - alpha)

    return rising_root(missing) / math.sqrt(2)


def _friedman(table: np.ndarray) -> float:
    """Friedman's test of a (settings, competitors) table, with the correction for ties."""
    from scipy import special

    count, size = table.shape
    if count < 2 or size < 3:
        return math.nan
    ranks = average_rank(table)
    spread = float(((ranks - (size + 1) / 2) ** 2).sum()) / (size - 1)
    if spread == 0:
        return 1.0  # everybody ties everywhere
    statistic = float(((ranks.sum(axis=0) - count * (size + 1) / 2) ** 2).sum()) / spread
    return float(special.chdtrc(size - 1, statistic))
