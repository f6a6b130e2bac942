"""The noise floor: how low a rate lets the loss come where gradients are noisy. Frames in, frame out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..errors import InputError
from .cells import failed, require


def noise_floor(runs: pd.DataFrame, trace: pd.DataFrame, share: float = 0.25) -> pd.DataFrame:
    """How far above the minimum each optimizer hovers at each rate: problem, optimizer, schedule, lr, and so on.

    Of each run the median gap over the last `share` of its steps; of those the median over seeds, `floor`, and the
    quartiles `q25` and `q75`. A run that diverged counts as infinite. `settled` says whether it had stopped
    falling, which is so where less than four fifths of the seeds were lower than a while before; where it had not, the
    floor is only how far the run came. Rows are sorted by optimizer and rate.

    Raises InputError where a column is missing, no minimum is known, or `share` is not within 0 and 1.
    """
    if not 0 < share <= 1:
        raise InputError(f"share must be between 0 and 1, got {share!r}")
    require(runs, ("run_id", "problem", "optimizer", "schedule", "lr", "steps", "status", "loss_floor"), "runs")
    require(trace, ("run_id", "step", "loss"), "trace")
    if runs["loss_floor"].isna().any():
        name = runs.loc[runs["loss_floor"].isna(), "problem"].iloc[0]
        raise InputError(f"the least loss of {name} is not known: there is no gap to it")
    rows = trace.merge(runs[["run_id", "steps", "loss_floor"]], on="run_id")
    rows = rows.assign(gap=np.maximum(rows["loss"] - rows["loss_floor"], 0.0), part=1 - rows["step"] / rows["steps"])
    late = rows[rows["part"] <= share].groupby("run_id")["gap"].median()
    before = rows[(rows["part"] > share) & (rows["part"] <= 2 * share)].groupby("run_id")["gap"].median()
    level = runs["run_id"].map(late).to_numpy(float)
    earlier = runs["run_id"].map(before).to_numpy(float)
    level = np.where(failed(runs) | np.isnan(level), np.inf, level)
    table = runs.assign(level=level, fell=level / np.where(earlier > 0, earlier, np.nan))
    cells = table.groupby(["problem", "optimizer", "schedule", "lr"], sort=True)
    # "lower" and "higher" never weigh an infinity against a number.
    return cells.agg(
        floor=("level", "median"), q25=("level", lambda v: v.quantile(0.25, interpolation="lower")),
        q75=("level", lambda v: v.quantile(0.75, interpolation="higher")), seeds=("level", "size"),
        settled=("fell", lambda v: bool((v[np.isfinite(v)] < 1).mean() < 0.8)),
    ).reset_index()  # fmt: skip
