"""Many runs as one curve: medians and quartiles by step, in which a lost run counts as infinite. NumPy and pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd

LOST = ("diverged", "error")


def quantile(values: np.ndarray, share: float) -> np.ndarray:
    """A quantile down the rows of (runs, steps), infinities included; NaN counts as infinite and is never skipped.

    >>> quantile(np.array([[1.0], [2.0], [np.nan]]), 0.5).tolist(), quantile(np.array([[1.0], [np.inf]]), 0.5).tolist()
    ([2.0], [inf])
    """
    ordered = np.sort(np.where(np.isnan(values), np.inf, values), axis=0)
    place = share * (len(ordered) - 1)
    low, high = int(np.floor(place)), int(np.ceil(place))
    part = place - low
    if part == 0:
        return ordered[low]
    # inf - inf is NaN, so the two ends are weighed and not subtracted.
    return ordered[low] * (1 - part) + ordered[high] * part


def by_step(runs: pd.DataFrame, trace: pd.DataFrame, column: str, axis: str = "step") -> tuple[np.ndarray, np.ndarray]:
    """The steps of all the runs, and (runs, steps) values of a column.

    Between two rows a run keeps its value; a run that reached its end or its target keeps the last; one that was lost
    is infinite after its last finite row.
    """
    # A metric is measured now and then: only where it was, there is anything to draw. A loss that is no number is news.
    measured = [axis] if column == "loss" else [axis, column]
    who = pd.Index(runs["run_id"]).get_indexer(pd.Index(trace["run_id"]))
    there = (who >= 0) & trace[measured].notna().all(axis=1).to_numpy(bool)
    who, every, taken = who[there], trace[axis].to_numpy(float)[there], trace[column].to_numpy(float)[there]
    lost = runs["status"].astype(str).isin(LOST).to_numpy(bool) if "status" in runs else np.zeros(len(runs), bool)
    return lined_up(who, every, taken, lost, loss=column == "loss")


def lined_up(
    who: np.ndarray, every: np.ndarray, taken: np.ndarray, lost: np.ndarray, *, loss: bool
) -> tuple[np.ndarray, np.ndarray]:
    """`by_step` on plain columns: row k of a trace is of run `who[k]`, at step `every[k]`, with the value `taken[k]`.

    `lost` has an entry a run; `loss` says that a value which is no number means a lost run, too.
    """
    order = np.lexsort((every, who))
    who, every, taken = who[order], every[order], taken[order]
    counts = np.bincount(who, minlength=len(lost))
    ends = np.cumsum(counts)
    steps = np.unique(every)
    # The same rows for all, and nobody lost: there is nothing to line up.
    alike = len(steps) and (counts == len(steps)).all() and (every.reshape(len(lost), -1) == steps).all()
    if alike and not lost.any() and np.isfinite(taken).all():
        return steps, taken.reshape(len(lost), -1)
    values = np.full((len(lost), len(steps)), np.nan)
    for i, gone in enumerate(lost):
        own = slice(ends[i - 1] if i else 0, ends[i])
        at, column_values = every[own], taken[own]
        if not len(at):
            values[i] = np.inf if gone else np.nan
            continue
        known = np.isfinite(column_values)
        if loss:
            known = np.logical_and.accumulate(known)  # what comes after a loss that is no number is no run any more
        if not known.any():
            values[i] = np.inf
            continue
        at, column_values = at[known], column_values[known]
        index = np.searchsorted(at, steps, side="right") - 1
        values[i] = np.where(index >= 0, column_values[index.clip(0)], np.nan)
        # Rows that are no number at the end of a trace say the same as the status.
        gone_early = not known[-1] and loss
        if gone or gone_early:
            values[i, steps > at[-1]] = np.inf
            if steps[-1] == at[-1]:
                values[i, -1] = np.inf  # nobody went further: the loss shows at the end
    return steps, values


def with_fates(runs: pd.DataFrame, trace: pd.DataFrame) -> pd.DataFrame:
    """The runs frame, the runs whose trace holds a loss that is no finite number counted as diverged."""
    broken = runs["run_id"].isin(trace.loc[~np.isfinite(trace["loss"].to_numpy(float)), "run_id"])
    if not broken.any():
        return runs
    status = runs["status"] if "status" in runs else pd.Series("max_steps", index=runs.index)
    return runs.assign(status=status.where(~broken | status.isin(LOST), "diverged"))


def is_lost(row: dict) -> bool:
    """Whether a runs row did not reach its end."""
    return str(row.get("status", "")) in LOST
