"""What each run is judged by, as one number of which less is better. Imports pandas and NumPy.

Everything that compares takes the frame that `costs` gives. A run that failed is infinitely bad, and stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError, nearest
from .cells import (
    KEY,
    SETTING,
    as_categories,
    competitors,
    failed,
    final_loss,
    group_codes,
    grouped_quantile,
    left_domain,
    numbers,
    one_row_a_run,
    require,
)  # fmt: skip
from .targets import HARDEST_RATIO, SOLVED, of_trace

ITERATES = ("last", "best")
# Less than this is not told apart where a ratio or a logarithm is taken. Gaps are cut there from the start.
LEAST = {"gap": SOLVED, "error": 1e-3, "loss": SOLVED}


def costs(runs: pd.DataFrame, at: str = "last") -> pd.DataFrame:
    """One row a run with its `cost`, of which less is better, and with who competes.

    In a setting where accuracy was measured, the cost of the last iterate is the share of errors, `1 - accuracy`. Else,
    where the least loss is known, it is the gap above it, cut at 1e-8: below the last target nobody is told apart. Else
    it is the loss. The last iterate of a run that diverged, failed or left the domain costs infinity; its best one is
    what it had reached before.

    Args:
        runs: one row a run, of any purpose; `shown_runs` picks those that a comparison shows.
        at: the `"last"` iterate, or the `"best"` one by its loss.

    Returns:
        `SETTING`, `optimizer`, `schedule`, `competitor` (the two as one name), `lr`, `seed`, `run_id`, `purpose`,
        `status`, `judged_by` (`error`, `gap` or `loss`), `cost`, and `shortfall`: how much of the way from the start to
        the last target set before the runs is left, on a logarithmic scale: 0 at the target, 1 where nothing was
        gained, above 1 where it got worse, infinite where it failed. The target is a gap of 1e-8, or a loss of a
        thousandth of the start's (NaN where that is not positive); of the share of errors the shortfall is the share
        itself. Shortfalls of several problems may be averaged, costs may not.

    Raises:
        InputError: a column is missing, or `at` is neither.
    """
    if at not in ITERATES:
        raise InputError(f"at must be one of {', '.join(ITERATES)}, got {at!r}{nearest(str(at), ITERATES)}")
    runs = one_row_a_run(runs)
    floor, start = numbers(runs, "loss_floor"), numbers(runs, "loss_start")
    known = ~np.isnan(floor)
    accuracy = numbers(runs, "accuracy_final")
    # One measure a setting: a run that failed before it could measure is judged like its neighbours.
    setting, keys = group_codes(runs, SETTING)
    measured = np.zeros(len(keys), dtype=bool)
    measured[setting[~np.isnan(accuracy)]] = at == "last"
    by_error = measured[setting]
    loss = final_loss(runs) if at == "last" else _best_loss(runs)
    above = np.where(known, np.maximum(loss - np.where(known, floor, 0.0), SOLVED), loss)
    error = np.where(failed(runs) | np.isnan(accuracy), np.inf, 1.0 - accuracy)
    cost = np.where(by_error, error, above)
    judged_by = np.select([by_error, known], ["error", "gap"], "loss")
    begun = np.where(known, start - np.where(known, floor, 0.0), start)
    shortfall = np.where(by_error, error, _left(above, begun, known))
    out = as_categories(runs[[*KEY, "lr", "seed", "run_id", "purpose", "status"]], (*KEY, "purpose", "status"))
    return out.assign(competitor=competitors(out), judged_by=pd.Categorical(judged_by), cost=cost, shortfall=shortfall)


def log_costs(frame: pd.DataFrame) -> NDArray[np.float64]:
    """The cost's decimal logarithm, cut at `LEAST`; NaN where a loss is not positive, and has none."""
    require(frame, ("judged_by", "cost"), "costs")
    cost = numbers(frame, "cost")
    least = frame["judged_by"].astype(str).map(LEAST).to_numpy(float)
    unfit = (frame["judged_by"] == "loss").to_numpy(bool) & (cost <= 0)
    return np.where(unfit, np.nan, np.log10(np.maximum(cost, least)))


def median_costs(frame: pd.DataFrame, by: str = "competitor", within: Sequence[str] = SETTING) -> pd.DataFrame:
    """The median cost over runs of each competitor in each setting: `within`, `by`, `judged_by`, `runs`, `cost`.

    Infinite as soon as an infinite run weighs in.
    """
    require(frame, (*within, by, "judged_by", "cost"), "costs")
    codes, keys = group_codes(frame, (*within, by, "judged_by"))
    cost = grouped_quantile(frame["cost"], codes, len(keys), 0.5)
    return keys.assign(runs=np.bincount(codes, minlength=len(keys)), cost=cost)


def best_so_far(runs: pd.DataFrame, trace: pd.DataFrame) -> pd.DataFrame:
    """The trace with what its run had reached by each row: `loss_best`, and `gap_best` above the least loss known.

    A loss outside the problem's domain, or that is no number, is no progress; before the first that is, both are
    infinite. Where no floor is known the gap is the loss. Rows are sorted by run and step.
    """
    runs = one_row_a_run(runs)
    codes, floor = of_trace(runs, trace, numbers(runs, "loss_floor"))
    loss = numbers(trace, "loss")
    loss = np.where(np.isnan(loss) | left_domain(loss, floor), np.inf, loss)
    order = np.lexsort((numbers(trace, "step"), codes))
    best = pd.Series(loss[order]).groupby(codes[order]).cummin().to_numpy()
    gap = best - np.where(np.isnan(floor), 0.0, floor)[order]
    return trace.iloc[order].reset_index(drop=True).assign(loss_best=best, gap_best=gap)


def _best_loss(runs: pd.DataFrame) -> NDArray[np.float64]:
    best = numbers(runs, "loss_best")
    return np.where(np.isnan(best) | left_domain(best, numbers(runs, "loss_floor")), np.inf, best)


def _left(above: NDArray[np.float64], begun: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of the decades from the start to the target that is left."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        to_floor = np.log10(above / SOLVED) / np.log10(np.maximum(begun, SOLVED * 10) / SOLVED)
        ratio = np.maximum(above / np.where(begun > 0, begun, np.nan), HARDEST_RATIO)
        to_ratio = 1.0 - np.log10(ratio) / np.log10(HARDEST_RATIO)
    left = np.where(known, to_floor, to_ratio)
    # A loss at or below zero from a start above it: beyond any ratio.
    left = np.where(~known & (begun > 0) & (above <= 0), 0.0, left)
    return np.where(np.isposinf(above), np.inf, left)
