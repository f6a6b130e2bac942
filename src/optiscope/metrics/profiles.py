"""Who solves which share of the problems, and how soon: performance profiles and ECDFs. Imports pandas and NumPy.

A performance profile depends on who competes (Gould, Scott 2016, 10.1145/2950048): the ECDF over targets that were set
before the runs does not, and belongs beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from .cells import SETTING, group_codes, numbers, require

INSTANCE = (*SETTING, "seed", "metric", "target")
POINTS = 200


def performance_profile(
    hits: pd.DataFrame, by: str = "competitor", *, value: str = "evaluations", instance: Sequence[str] = INSTANCE,
    least: float = 1.0, points: int = POINTS,
) -> pd.DataFrame:  # fmt: skip
    """The share of instances on which each competitor needs at most `tau` times what the best one needs.

    At `tau = 1` it is the share of instances that the competitor wins or ties, far to the right the share that it
    solves at all. A miss is infinite; an instance that nobody solved counts, against all (Dolan, Moré 2002,
    10.1007/s101070100263).

    Args:
        hits: as `steps_to_target` gives it; or any frame with a column of costs above nought, infinite where lost, such
            as that of `costs` with `value="cost"` and `instance=(*SETTING, "seed")`.
        by: the column that names the competitors.
        value: what was needed. In a frame with a column `hit`, a row without one is a miss.
        instance: the columns that name an instance.
        least: less than this is not told apart.
        points: at most so many of each curve: where any of them steps, or else spaced evenly in the logarithm of tau.

    Returns:
        Rows of each competitor: `by`, `tau`, `share`, `instances`, and `area`, the same in all its rows: the area
        under the curve over log tau, from 1 to the greatest ratio of anybody, as a share of the whole.

    Raises:
        InputError: a column is missing, a value is negative, or a competitor has two rows for one instance.
    """
    if not least > 0:
        raise InputError(f"least must be > 0, got {least}: a ratio to nought means nothing")
    needed, codes, who, names = _read(hits, by, value, instance, least)
    best = np.full(int(codes.max(initial=-1)) + 1, np.inf)
    np.minimum.at(best, codes, needed)
    with np.errstate(invalid="ignore"):
        ratio = np.where(np.isinf(needed), np.inf, needed / best[codes])
    return _curves(ratio, who, names, by, "tau", len(best), points)


def target_ecdf(
    hits: pd.DataFrame, by: str = "competitor", *, value: str = "evaluations", instance: Sequence[str] = INSTANCE,
    points: int = POINTS,
) -> pd.DataFrame:  # fmt: skip
    """The share of all (run, target) pairs that each competitor had met with at most so many evaluations, or seconds.

    Who else competes changes nothing but where the axis ends (Hansen, Auger, Ros, Mersmann, Tušar, Brockhoff 2021,
    "COCO", 10.1080/10556788.2020.1808977).

    Args:
        hits: as `steps_to_target` gives it.
        by: the column that names the competitors.
        value: `"evaluations"`, `"seconds"` or `"step"`.
        instance: the columns that name a pair of a run and a target.
        points: at most so many of each curve: where any of them steps, or else spaced evenly in the logarithm.

    Returns:
        Rows of each competitor: `by`, `value`, `share`, `instances`, and `area` under the curve over the logarithm,
        from 1, or the least that any hit took where that is less, to the most, as a share of the whole.
        An instance that a competitor did not run counts as missed.

    Raises:
        InputError: a column is missing, a value is negative, or a competitor has two rows for one instance.
    """
    needed, codes, who, names = _read(hits, by, value, instance, 1.0 if value != "seconds" else 0.0)
    return _curves(needed, who, names, by, value, int(codes.max(initial=-1)) + 1, points)


def _read(
    hits: pd.DataFrame, by: str, value: str, instance: Sequence[str], least: float
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp], pd.DataFrame]:
    require(hits, (*instance, by, value), "hits")
    needed = numbers(hits, value)
    lost = np.isnan(needed) if "hit" not in hits else ~hits["hit"].to_numpy(bool)
    if (np.isnan(needed) & ~lost).any():
        raise InputError(f"{value} is unknown in some rows: a run in lanes has no time of its own")
    if (needed[~lost] < 0).any():
        raise InputError(f"{value} must be >= 0, got {needed[~lost].min():g}: a ratio of such values means nothing")
    needed = np.where(lost, np.inf, np.maximum(needed, least))
    codes, _ = group_codes(hits, instance)
    who, names = group_codes(hits, (by,))
    if not pd.Index(codes * max(len(names), 1) + who).is_unique:
        raise InputError(f"some {by} has several rows for one instance ({', '.join(instance)})")
    return needed, codes, who, names


def _curves(
    needed: NDArray[np.float64], who: NDArray[np.intp], names: pd.DataFrame, by: str, axis: str, count: int, points: int
) -> pd.DataFrame:
    """Shares at points along a logarithmic axis, and the exact area under each step function."""
    if points < 2:
        raise InputError(f"a curve needs 2 points or more, got {points}")
    met = needed[np.isfinite(needed) & (needed > 0)]
    low = min(1.0, float(met.min(initial=1.0)))
    high = max(float(met.max(initial=low)), low)
    grid = np.sort(pd.unique(np.append(np.maximum(met, low), low)))
    if len(grid) > points:
        grid = np.geomspace(low, high, points)
        grid[-1] = high  # not a rounding short of it: the last hit counts
    order = np.lexsort((needed, who))
    ends = np.cumsum(np.bincount(who, minlength=len(names)))
    shares, areas = [], []
    wide = np.log(high / low)
    for own in np.split(needed[order], ends[:-1]) if len(names) else []:
        hit = np.maximum(own[np.isfinite(own)], low)
        shares.append(np.searchsorted(own, grid, side="right") / count)
        areas.append(float((np.log(high / hit) / wide).sum() / count) if wide else float(len(hit) / count))
    rows = names.iloc[np.repeat(np.arange(len(names)), len(grid))].reset_index(drop=True)
    return rows.assign(
        **{axis: np.tile(grid, len(names)), "share": np.concatenate([np.zeros(0), *shares]), "instances": count},
        area=np.repeat(areas, len(grid)),
    )
