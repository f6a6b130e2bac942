"""What the rate and the schedule do to a cell: curves over lr, how wide the good band is, gains over a constant rate.

Imports pandas and NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError
from .cells import KEY, SETTING, as_categories, failed, group_codes, median_iqr, numbers, one_row_a_run, require
from .costs import log_costs, median_costs
from .targets import SOLVED
from .trials import selection_loss

PLAIN = "constant"


def lr_curves(runs: pd.DataFrame, by: Sequence[str] = KEY) -> pd.DataFrame:
    """How good each rate of each cell is: the median over seeds of what a search judges by, above the least loss known.

    Where a cell has rows of purpose `"tuning"` these alone count, for they were run at every rate. Judged is the
    validation loss where the problem measures one, else the gap, cut at 1e-8, else the loss. A failed run is infinite.

    Returns:
        One row a cell and rate, sorted: `by`, `lr`, `judged_by` (`val_loss`, `gap` or `loss`), `cost` (median), `low`
        and `high` (quartiles), `runs`, `lost` (the share that diverged or failed), `purpose`.
    """
    runs = as_categories(one_row_a_run(runs), (*KEY, "purpose", "status"))
    cell, _ = group_codes(runs, by)
    tuning = (runs["purpose"] == "tuning").to_numpy(bool)
    pool = runs[tuning | ~np.isin(cell, cell[tuning])].reset_index(drop=True)
    floor, validation = numbers(pool, "loss_floor"), numbers(pool, "val_loss_final")
    problem, names = group_codes(pool, ("problem",))
    by_validation = np.zeros(len(names), dtype=bool)
    by_validation[problem[~np.isnan(validation)]] = True
    judged_by = np.select([by_validation[problem], ~np.isnan(floor)], ["val_loss", "gap"], "loss")
    judged = selection_loss(pool)
    judged = np.where(judged_by == "gap", np.maximum(judged - floor, SOLVED), judged)
    codes, keys = group_codes(pool, (*by, "lr"))
    size = len(keys)
    count = np.bincount(codes, minlength=size)
    keys["judged_by"] = pd.Series(judged_by).groupby(codes).first().to_numpy()
    for name, values in zip(("cost", "low", "high"), median_iqr(judged, codes, size), strict=True):
        keys[name] = values
    lost = np.bincount(codes, weights=failed(pool).astype(float), minlength=size)
    purpose = pool["purpose"].groupby(codes).first().to_numpy()
    return keys.assign(runs=count, lost=np.divide(lost, count, out=np.zeros(size), where=count > 0), purpose=purpose)


def lr_robustness(curves: pd.DataFrame, by: Sequence[str] = KEY, *, factor: float = 10.0) -> pd.DataFrame:
    """How many decades of rates are good: the band around the best one in which no cost exceeds `factor` times its own.

    The band goes from grid rate to grid rate without a gap and is not extended between them, so a cell with one good
    rate has 0 decades: less than its grid can show.

    Args:
        curves: as `lr_curves` gives it.
        by: the columns of a cell.
        factor: above 1.

    Returns:
        One row a cell: `by`, `lr` (the best; the least of equals), `cost` there, `decades`, `lr_low`, `lr_high` (the
        band), `open` (`low`, `high`, `both` or nothing: the ends of the range that the band reaches, beyond which it
        may go on), `rates` and `good` (how many there are, and are in the band). Where every rate failed, `decades` is
        0, the band is NaN and `good` is 0. A cost at or below zero has no multiple: only as good a one is in the band.
    """
    require(curves, (*by, "lr", "cost"), "curves")
    if not factor > 1:
        raise InputError(f"factor must be > 1, got {factor}")
    codes, keys = group_codes(curves, by)
    order = np.lexsort((curves["lr"], codes))
    lr, cost = numbers(curves, "lr")[order], numbers(curves, "cost")[order]
    ends = np.cumsum(np.bincount(codes, minlength=len(keys)))
    rows = []
    for own, values in zip(_parts(lr, ends), _parts(cost, ends), strict=True):
        best = int(np.argmin(values))
        if np.isinf(values[best]):
            rows.append((own[0], np.inf, 0.0, np.nan, np.nan, "", len(own), 0))
            continue
        least = max(values[best], SOLVED) if values[best] > 0 else values[best]
        good = values <= (least * factor if least > 0 else least)
        first = best - int(np.argmin(np.append(good[: best + 1][::-1], False))) + 1
        last = best + int(np.argmin(np.append(good[best:], False))) - 1
        reach = ("low" * (first == 0), "high" * (last == len(own) - 1))
        told = "both" if all(reach) else "".join(reach)
        decades = float(np.log10(own[last] / own[first]))
        rows.append((own[best], values[best], decades, own[first], own[last], told, len(own), last - first + 1))
    columns = ["lr", "cost", "decades", "lr_low", "lr_high", "open", "rates", "good"]
    return keys.join(pd.DataFrame(rows, columns=columns))


def schedule_gains(frame: pd.DataFrame, constant: str = PLAIN) -> pd.DataFrame:
    """What each schedule gains over the constant rate, in decades of the median cost, both at their own tuned rate.

    One decade is a tenth of the cost. Costs are cut at 1e-8 (gap and loss) or 1e-3 (share of errors), below which
    nothing is gained.

    Args:
        frame: one row a run, as `costs(shown_runs(runs))` gives it.
        constant: the schedule that the others are set against.

    Returns:
        One row a setting, optimizer and other schedule whose optimizer also ran with the constant rate: `SETTING`,
        `optimizer`, `schedule`, `judged_by`, `cost`, `cost_constant`, and `gain`: `log10(cost_constant / cost)`,
        infinite where one of the two failed, 0 where both did, NaN where a cost has no logarithm.
    """
    require(frame, ("optimizer", "schedule"), "costs")
    medians = median_costs(frame)
    _, keys = group_codes(frame, ("competitor", "optimizer", "schedule"))
    medians = medians.merge(keys, on="competitor").drop(columns=["competitor", "runs"])
    medians["log"] = log_costs(medians)
    plain = medians[medians["schedule"] == constant]
    on = [*SETTING, "optimizer"]
    plain = plain[[*on, "cost", "log"]].rename(columns={"cost": "cost_constant", "log": "log_constant"})
    other = medians[medians["schedule"] != constant].merge(plain, on=on)
    log, log_constant = other["log"].to_numpy(float), other["log_constant"].to_numpy(float)
    with np.errstate(invalid="ignore"):
        gain = np.where(np.isinf(log) & np.isinf(log_constant), 0.0, log_constant - log)
    other = other.assign(gain=gain)[[*on, "schedule", "judged_by", "cost", "cost_constant", "gain"]]
    return other.sort_values([*on, "schedule"], ignore_index=True)


def median_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """The median gain over settings of each optimizer and schedule, out of `schedule_gains`.

    Returns:
        `optimizer`, `schedule`, `gain` (of an even number of settings the lower of the two in the middle where one is
        infinite), `settings`, and `better`, the share of settings with a gain above 0. Rows without a gain are left
        out of all three.
    """
    require(gains, ("optimizer", "schedule", "gain"), "gains")
    known = gains[gains["gain"].notna()]
    codes, keys = group_codes(known, ("optimizer", "schedule"))
    values = known["gain"].to_numpy(float)
    order = np.lexsort((values, codes))
    parts = _parts(values[order], np.cumsum(np.bincount(codes, minlength=len(keys))))
    rows = [(_middle(own), len(own), float((own > 0).mean())) for own in parts]
    return keys.join(pd.DataFrame(rows, columns=["gain", "settings", "better"]))


def _middle(ordered: NDArray[np.float64]) -> float:
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float((low + high) / 2) if np.isfinite([low, high]).all() else float(low)


def _parts(values: NDArray[np.float64], ends: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    return np.split(values, ends[:-1]) if len(ends) else []
