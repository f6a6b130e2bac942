"""Who beats whom: win rates by seed, and the probability of improvement. Imports pandas and NumPy.

Settings count alike, whatever their number of seeds. An infinite cost loses against a finite one, two tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from .blocks import Blocks, blocks_of
from .cells import SETTING

SEED = ("seed",)


def win_rates(
    frame: pd.DataFrame, by: str = "competitor", *, value: str = "cost", within: Sequence[str] = SETTING,
    pairs: Sequence[str] = SEED,
) -> pd.DataFrame:  # fmt: skip
    """How often each competitor is better than each other one on the same seed; a tie is half a win.

    Args:
        frame: one row a run, as `costs` gives it.
        by: the column that names the competitors.
        value: the column that is compared, less being better.
        within: the columns of a setting; only runs of one setting meet.
        pairs: the columns that make a pair: the seed; with `("schedule", "seed")` and `by="optimizer"`, optimizers meet
            under each schedule.

    Returns:
        One row an ordered pair that ever met: `by`, `other`, `win_rate` and `tie_rate` (means over settings), `pairs`
        and `settings` (how many).

    Raises:
        InputError: a column is missing, or a competitor has two runs for one pair.
    """
    blocks = blocks_of(frame, value, by, within, pairs)
    size = len(blocks.names)
    wins, ties, met, settings = (np.zeros((size, size)) for _ in range(4))
    for block in blocks:
        values = block.values
        there = ~np.isnan(values)
        for i, row in enumerate(block.rows):
            both = (there & there[i]).sum(axis=1)
            equal = (values == values[i]).sum(axis=1)
            less = (values[i] < values).sum(axis=1)
            some = both > 0
            others = block.rows[some]
            wins[row, others] += ((less + 0.5 * equal)[some]) / both[some]
            ties[row, others] += equal[some] / both[some]
            met[row, others] += both[some]
            settings[row, others] += 1
    np.fill_diagonal(settings, 0)
    one, other = np.nonzero(settings)
    names = np.array(blocks.names, dtype=object)
    count = settings[one, other]
    return pd.DataFrame(
        {
            by: names[one], "other": names[other], "win_rate": wins[one, other] / count,
            "tie_rate": ties[one, other] / count, "pairs": met[one, other].astype(np.int64),
            "settings": count.astype(np.int64),
        }
    )  # fmt: skip


def probability_of_improvement(
    frame: pd.DataFrame, against: Any = None, by: str = "competitor", *, value: str = "cost",
    within: Sequence[str] = SETTING, pairs: Sequence[str] = SEED, confidence: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """P(a run of the one is better than a run of `against`), ties being half, as a mean over settings.

    In each setting it is the Mann-Whitney statistic over the number of pairs (Agarwal, Schwarzer, Castro, Courville,
    Bellemare 2021, "Deep reinforcement learning at the edge of the statistical precipice", arXiv:2108.13264). The
    interval is normal, with the variance of DeLong, DeLong, Clarke-Pearson 1988 (10.2307/2531595): exact in how it
    treats ties and infinities, and as if the two were run on seeds of their own. It needs two runs of both in every
    setting, else it is NaN.

    Args:
        frame: one row a run, as `costs` gives it.
        against: the competitor that all others are set against; the one with the best mean rank unless given.
        by, value, within, pairs: as in `win_rates`; the pairs only tell the runs apart here.
        confidence: of the interval.

    Returns:
        One row for each other competitor that met it: `by`, `against`, `probability`, `low`, `high`, `settings`.
    """
    _check_share("confidence", confidence)
    blocks = blocks_of(frame, value, by, within, pairs)
    rival = _rival(blocks, against)
    size = len(blocks.names)
    total, variance, settings = np.zeros(size), np.zeros(size), np.zeros(size, dtype=np.int64)
    for block in blocks:
        here = np.flatnonzero(block.rows == rival)
        if not len(here):
            continue
        theirs = np.sort(_present(block.values[here[0]]))
        for row, values in zip(block.rows, block.values, strict=True):
            if row != rival:
                mean, spread = _improvement(np.sort(_present(values)), theirs)
                total[row] += mean
                variance[row] += spread
                settings[row] += 1
    met = np.flatnonzero(settings)
    mean = total[met] / settings[met]
    half = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(variance[met]) / settings[met]
    return pd.DataFrame(
        {
            by: [blocks.names[i] for i in met], "against": blocks.names[rival] if blocks.names else "",
            "probability": mean, "low": np.maximum(mean - half, 0.0), "high": np.minimum(mean + half, 1.0),
            "settings": settings[met],
        }
    )  # fmt: skip


def _improvement(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> tuple[float, float]:
    """P(ours < theirs) + P(equal) / 2 of sorted values, and the variance of that estimate."""
    # Of each value, the share of the others that it beats: DeLong's structural components.
    won = 1 - _below(theirs, ours)
    lost = _below(ours, theirs)
    if min(len(ours), len(theirs)) < 2:
        return float(won.mean()), float("nan")
    return float(won.mean()), float(won.var(ddof=1) / len(ours) + lost.var(ddof=1) / len(theirs))


def _below(ordered: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of `ordered` that lies below each value, equal ones by half."""
    left, right = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (left + right) / (2 * len(ordered))


def _present(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _rival(blocks: Blocks, against: Any) -> int:
    if not blocks.names:
        return 0
    return blocks.leader() if against is None else blocks.place(against)


def _check_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise InputError(f"{name} must be between 0 and 1, got {value}")
