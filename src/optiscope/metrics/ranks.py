"""Places: ties by test share one, and the average over problems has a critical difference. Imports pandas and NumPy."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .blocks import Block, average_rank, blocks_of
from .cells import SETTING
from .costs import median_costs
from .pairs import SEED, _check_share
from .significance import compare_with, distinct_seeds, rising_root, scaled


def tied_ranks(
    frame: pd.DataFrame, by: str = "competitor", *, within: Sequence[str] = SETTING, pairs: Sequence[str] = SEED,
    alpha: float = 0.05,
) -> pd.DataFrame:  # fmt: skip
    """The place of each competitor in each setting; who cannot be told from the head of a place shares it.

    The least median heads the first place. All who are worse than it by a paired test with Holm's correction
    (`paired_tests`) go on to the next place, headed by the best of them, and so on; as in sport, a place shared by
    three is followed by the fourth.

    Args:
        frame: one row a run, as `costs` gives it.
        by, within, pairs: as in `win_rates`.
        alpha: the level of the tests.

    Returns:
        One row a setting and competitor, best first: `within`, `by`, `median` (of the costs), `rank`, `tied` (how many
        share the place), `head` (whom the tests were against), `seeds` (pairs that are not copies), `verdict`.
    """
    _check_share("alpha", alpha)
    found = blocks_of(scaled(frame, within), "_scaled", by, within, pairs)
    rows = []
    for cost, block in zip(
        blocks_of(frame, "cost", by, within, pairs), found, strict=True
    ):  # fmt: skip
        medians = cost.medians()
        order = np.lexsort((block.rows, medians))
        place = 1
        while len(order):
            part = Block(block.setting, block.rows[order], block.values[order])
            verdicts = compare_with(part, 0, alpha)[0]["verdict"].to_numpy(object)
            stays = verdicts != "worse"
            seeds = distinct_seeds(part.values).shape[1]
            for i in np.flatnonzero(stays):
                told = "alone" if stays.sum() == 1 else verdicts[i] if i else _head(int(stays.sum()) - 1, seeds)
                rows.append(
                    (*block.setting.values(), found.names[part.rows[i]], medians[order[i]], place, int(stays.sum()),
                     found.names[part.rows[0]], seeds, told)
                )  # fmt: skip
            place += int(stays.sum())
            order = order[~stays]
    return pd.DataFrame(rows, columns=[*within, by, "median", "rank", "tied", "head", "seeds", "verdict"])


def _head(others: int, seeds: int) -> str:
    return f"indistinguishable from {others} other{'s' * (others > 1)} at {seeds} seed{'s' * (seeds != 1)}"


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
