"""Which runs show how a schedule goes. Imports pandas."""

from __future__ import annotations

import pandas as pd


def one_of_each_schedule(runs: pd.DataFrame, trace: pd.DataFrame) -> pd.DataFrame:
    """A frame of schedule, step, lr_t: one run each, of the longest horizon, its rate relative to the peak."""
    finished = runs[runs["status"].isin(("max_steps", "target_hit"))]
    finished = finished[finished["steps"] == finished["steps"].max()] if len(finished) else finished
    # Of an adaptive schedule, the run in which it acted most; constant first.
    acts = trace.groupby("run_id")["lr_t"].nunique()
    order = finished.assign(acts=finished["run_id"].map(acts), constant=finished["schedule"] == "constant")
    order = order.sort_values(["constant", "acts"], ascending=False, kind="stable")
    first = order.drop_duplicates("schedule")[["run_id", "schedule", "lr"]]
    frame = trace.loc[trace["run_id"].isin(first["run_id"]), ["run_id", "step", "lr_t"]].merge(first, on="run_id")
    # The last row holds the rate of a step that is never taken.
    frame = frame[frame["step"] < frame.groupby("run_id")["step"].transform("max")]
    frame = frame.assign(lr_t=frame["lr_t"] / frame["lr"])[["schedule", "step", "lr_t"]]
    place = {name: i for i, name in enumerate(first["schedule"])}
    return frame.sort_values("schedule", key=lambda names: names.map(place), kind="stable", ignore_index=True)
