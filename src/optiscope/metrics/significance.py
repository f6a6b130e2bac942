"""Differences that chance does not explain: paired tests by seed, Holm's correction, what n seeds can show.

Imports pandas, NumPy and, where it is needed, SciPy.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .blocks import Block, average_rank, blocks_of
from .cells import SETTING, group_codes
from .costs import log_costs
from .pairs import SEED, _check_share, _rival

EXACT = 50  # pairs up to which all signs are counted; beyond, the normal approximation is within a percent
POWER = 0.8


def paired_tests(
    frame: pd.DataFrame, against: Any = None, by: str = "competitor", *, within: Sequence[str] = SETTING,
    pairs: Sequence[str] = SEED, alpha: float = 0.05, power: float = POWER,
) -> pd.DataFrame:  # fmt: skip
    """Each competitor set against one, in each setting, by Wilcoxon's signed-rank test on pairs of the same seed.

    The differences are those of the costs' logarithms, in decades, or of the costs where a loss has no logarithm. A
    failed run differs infinitely from one that did not fail, and not at all from another failed one. Seeds on which
    every competitor has the same cost as on another seed (a problem without chance, started from one point) are one
    seed, not many. Within a setting p-values are corrected by Holm's method.

    Args:
        frame: one row a run, as `costs` gives it.
        against: the competitor that the others are set against. Unless given, the one with the least median in each
            setting: the more competitors it was picked from, the luckier it is, so a verdict against it needs new seeds
            to be sure.
        by, within, pairs: as in `win_rates`.
        alpha: the level of the tests.
        power: with which `detectable` would have been shown.

    Returns:
        One row a setting and other competitor: `within`, `by`, `against`, `pairs`, `wins` and `losses` (of `by` against
        `against`; the rest are ties), `difference` (the median, in `unit`: `decades` or the costs' own), `p`, `p_holm`,
        `detectable` (see `smallest_detectable`, at the level of Holm's first step; infinite where no outcome of so few
        pairs is significant), and `verdict`: `better`, `worse` or `indistinguishable at n seeds`.

    Raises:
        InputError: a column is missing, or a competitor has two runs for one pair.
    """
    _check_share("alpha", alpha)
    _check_share("power", power)
    frame = scaled(frame, within)
    _, plain = group_codes(frame, (*within, "_plain"))
    blocks = blocks_of(frame, "_scaled", by, within, pairs)
    if against is not None:
        blocks.place(against)
    rows = []
    for block, cost in zip(blocks, plain["_plain"], strict=True):
        rival = int(np.argmin(block.medians())) if against is None else None
        here = np.flatnonzero(block.rows == (_rival(blocks, against) if rival is None else block.rows[rival]))
        if not len(here):
            continue
        tested, differences = compare_with(block, int(here[0]), alpha)
        level = alpha / max(len(block.rows) - 1, 1)
        tested["detectable"] = [
            smallest_detectable(float(spread), int(n), level, power)
            for spread, n in zip(spreads_of(differences), tested["pairs"], strict=True)
        ]
        tested.insert(0, by, [blocks.names[i] for i in block.rows])
        tested = tested.drop(index=here).assign(against=blocks.names[block.rows[here[0]]])
        tested = tested.assign(unit="cost" if cost else "decades")
        rows.append(tested.assign(**block.setting))
    columns = [
        *within, by, "against", "pairs", "wins", "losses", "difference", "unit", "p", "p_holm", "detectable", "verdict",
    ]  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=columns)
    return pd.concat(rows, ignore_index=True)[columns]


def worse_than(values: NDArray[np.float64], rival: int, alpha: float) -> NDArray[np.bool_]:
    """Which rows the tests of `compare_with` call worse than one of them."""
    found, _ = _tested(values, rival)
    return ~(found["wins"] > found["losses"]) & (found["p_holm"] < alpha)


def compare_with(block: Block, rival: int, alpha: float) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """The tests of every row of a block against one of its rows, and the differences, NaN where there is no pair.

    The row itself has p = 1 and no part in Holm's correction.
    """
    tested, differences = _tested(block.values, rival)
    verdict = np.where(tested["wins"] > tested["losses"], "better", "worse").astype(object)
    level_with = ~(tested["p_holm"] < alpha)
    verdict[level_with] = [f"indistinguishable at {n} seed{'' if n == 1 else 's'}" for n in tested["pairs"][level_with]]
    return pd.DataFrame(tested | {"difference": _middles(differences), "verdict": verdict}), differences


def _tested(values: NDArray[np.float64], rival: int) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """Counts and p-values of every row against one, and the differences."""
    values = distinct_seeds(values)
    with np.errstate(invalid="ignore"):
        differences = values - values[rival]
    both = ~np.isnan(values) & ~np.isnan(values[rival])
    # Two failed runs are equal, whatever infinity less infinity is.
    differences = np.where(both & (values == values[rival]), 0.0, np.where(both, differences, np.nan))
    count = both.sum(axis=1)
    p = signed_rank_p(differences)
    others = np.arange(len(values)) != rival
    adjusted = np.ones(len(values))
    adjusted[others] = holm(p[others])
    wins, losses = (differences < 0).sum(axis=1), (differences > 0).sum(axis=1)
    return {"pairs": count, "wins": wins, "losses": losses, "p": p, "p_holm": adjusted}, differences


def signed_rank_p(differences: ArrayLike, exact: int = EXACT) -> Any:
    """The two-sided p-value of Wilcoxon's signed-rank test along the last axis.

    Nought and NaN are dropped, equal sizes share a rank. Up to `exact` differences all ways of giving them signs are
    counted, so that ties and infinities are exact; beyond, it is normal, with the correction for ties. Without any
    difference it is 1 (Wilcoxon 1945, 10.2307/3001968).

    >>> float(signed_rank_p([1.0, 2.0, 3.0, 4.0, 5.0, float("inf")]))
    0.03125
    """
    given = np.asarray(differences, dtype=np.float64)
    rows = given.reshape(math.prod(given.shape[:-1]), given.shape[-1])
    there = ~np.isnan(rows) & (rows != 0)
    count = there.sum(axis=1)
    # What is dropped is last in the order, and above all ranks that count.
    ranks = average_rank(np.where(there, np.abs(rows), np.nan)) if rows.size else rows
    ranks = np.where(there, ranks, 0.0)
    total, positive = ranks.sum(axis=1), np.where(rows > 0, ranks, 0.0).sum(axis=1)
    p = np.ones(len(rows))
    for i in np.flatnonzero((count > 0) & (count <= exact)):
        doubled = np.rint(2 * ranks[i][there[i]]).astype(np.int64)
        below = _below(tuple(sorted(doubled.tolist())))
        at, most = round(2 * positive[i]), int(doubled.sum())
        p[i] = min(1.0, 2 * below[min(at, most - at)])
    many = count > exact
    spread = np.sqrt((ranks[many] ** 2).sum(axis=1) / 4)
    p[many] = [math.erfc(away) for away in np.abs(positive[many] - total[many] / 2) / spread / math.sqrt(2)]
    return p.reshape(given.shape[:-1])


@functools.lru_cache(maxsize=4096)
def _below(doubled: tuple[int, ...]) -> NDArray[np.float64]:
    """P(the sum of the ranks with a plus <= s / 2) for each s, every sign being a fair coin's."""
    chance = np.zeros(sum(doubled) + 1)
    chance[0] = 1.0
    for rank in doubled:
        moved = np.zeros_like(chance)
        moved[rank:] = chance[: len(chance) - rank]
        chance = (chance + moved) / 2
    return np.cumsum(chance)


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down correction of p-values: below alpha are those that may be believed together.

    NaN stays NaN and does not count (Holm 1979, "A simple sequentially rejective multiple test procedure",
    Scandinavian Journal of Statistics 6, 65-70).

    >>> holm([0.01, 0.04, 0.03]).round(3)
    array([0.03, 0.06, 0.06])
    """
    given = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    steps = np.arange(len(order), 0, -1)
    out = np.full(len(given), np.nan)
    out[order] = np.minimum(np.maximum.accumulate(given[order] * steps), 1.0) if len(order) else []
    return out


def smallest_detectable(
    spread: float, seeds: int, alpha: float = 0.05, power: float = POWER, *, paired: bool = True
) -> float:
    """The smallest mean difference, in the unit of `spread`, that a t-test on `seeds` seeds shows with `power`.

    `spread` is the standard deviation of the differences, or of the runs of either side where they are not `paired`.
    Infinite where no outcome of Wilcoxon's test on so few has a p below alpha: the least is 2 / 2^n of the signed-rank
    test on n pairs, 2 / C(2n, n) of the rank-sum test on n and n runs.

    >>> round(smallest_detectable(1.0, 10), 3), smallest_detectable(1.0, 4)
    (0.996, inf)
    """
    _check_share("alpha", alpha)
    _check_share("power", power)
    # Not at alpha itself: a verdict needs a p below it.
    if seeds < 2 or math.isnan(spread) or math.isinf(spread):
        return math.inf
    if (2.0 ** (1 - seeds) if paired else 2 / math.comb(2 * seeds, seeds)) >= alpha:
        return math.inf
    free, scale = (seeds - 1, seeds) if paired else (2 * seeds - 2, seeds / 2)
    return spread * _effect(free, scale, alpha, power)


@functools.lru_cache(maxsize=1024)
def _effect(free: int, scale: float, alpha: float, power: float) -> float:
    """The mean over the standard deviation at which the t-test has this power, by bisection on the noncentral t."""
    from scipy import special

    critical = special.stdtrit(free, 1 - alpha / 2)

    def missing(effect: float) -> float:
        shift = effect * math.sqrt(scale)
        # The far tail, in the wrong direction: where it is too small to be computed SciPy calls it NaN.
        wrong = float(np.nan_to_num(special.nctdtr(free, shift, -critical)))
        return 1.0 - float(special.nctdtr(free, shift, critical)) + wrong - power

    return rising_root(missing)


def rising_root(function: Callable[[float], float]) -> float:
    """Where a function that rises over the positive numbers, from below zero to above it, is zero: by bisection."""
    top = 1.0
    while function(top) < 0:
        top *= 2
    low = 0.0
    while low < (middle := (low + top) / 2) < top:
        low, top = (middle, top) if function(middle) < 0 else (low, middle)
    return top


def spread_of(differences: NDArray[np.float64]) -> float:
    """The standard deviation of the differences; where some are infinite, that of a normal with their quartiles."""
    known = differences[~np.isnan(differences)]
    if len(known) < 2:
        return math.nan
    if np.isfinite(known).all():
        return float(known.std(ddof=1))
    low, high = np.quantile(known, [0.25, 0.75], method="inverted_cdf")
    return float(high - low) / 1.3489795 if np.isfinite([low, high]).all() else math.inf


def spreads_of(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """`spread_of` each row."""
    there = ~np.isnan(differences)
    count = there.sum(axis=1)
    plain = (count >= 2) & (np.isfinite(differences) | ~there).all(axis=1)
    found = np.full(len(differences), np.nan)
    found[plain] = np.nanstd(differences[plain], axis=1, ddof=1)
    # The others as `spread_of` has them: the quartiles of what is there, NaN being last in order.
    some = ~plain & (count >= 2)
    ordered, row = np.sort(differences[some], axis=1), np.arange(int(some.sum()))
    low, high = (ordered[row, np.ceil(share * count[some]).astype(np.intp) - 1] for share in (0.25, 0.75))
    known = np.isfinite(low) & np.isfinite(high)
    found[some] = np.inf
    found[np.flatnonzero(some)[known]] = (high[known] - low[known]) / 1.3489795
    return found


def distinct_seeds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The columns of a block without those that repeat another one in every row."""
    bits = np.where(np.isnan(values), -np.inf, values) + 0.0  # no cost is that good; and one nought, not two
    first: dict[bytes, int] = {}
    for i, column in enumerate(np.ascontiguousarray(bits.T)):
        first.setdefault(column.tobytes(), i)
    return values[:, list(first.values())]


def _middles(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median of each row's pairs; where the two in the middle are infinite of either sign, nought."""
    ordered = np.sort(differences, axis=1)  # NaN last
    count = (~np.isnan(ordered)).sum(axis=1)
    some = count > 0
    row = np.arange(len(ordered))
    low, high = (ordered[row, np.where(some, place, 0)] for place in ((count - 1) // 2, count // 2))
    with np.errstate(invalid="ignore"):
        middle = np.where(low == high, low, np.where(low == -high, 0.0, (low + high) / 2))
    return np.where(some, middle, np.nan)


def scaled(frame: pd.DataFrame, within: Sequence[str]) -> pd.DataFrame:
    """The frame with `_scaled`, what is subtracted: logarithms, or in a setting with a cost that has none, costs."""
    logs = log_costs(frame)
    setting, keys = group_codes(frame, within)
    plain = np.zeros(len(keys), dtype=bool)
    plain[setting[np.isnan(logs)]] = True
    return frame.assign(_scaled=np.where(plain[setting], frame["cost"], logs), _plain=plain[setting])
