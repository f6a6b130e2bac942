"""Runs and their traces for a page: which go in, which rows of them, and what a page leaves out it says. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...audit import at_default
from ...metrics.rate_curves import PLAIN
from .charts import spread
from .evidence import MOST_RUNS, Evidence

MOST_ROWS = 320_000  # of the trace: about five megabytes on the page
FEWEST = 64  # rows of one run, below which a path has corners that the run had not
KEPT = (
    "run_id", "setting", "problem", "optimizer", "schedule", "competitor", "shown", "untuned", "hyperparameters",
    "seed", "start", "steps", "dtype", "device", "engine", "status", "purpose", "loss_start", "loss_final",
    "loss_best", "step_best", "steps_done", "loss_floor", "grad_evals", "wall_s", "error", "notes", "lr", "first",
    "rows",
)  # fmt: skip


@dataclass(frozen=True)
class Paths:
    """The runs that a page holds, those of `first >= 0` with rows of the trace; and what was left out, in sentences."""

    runs: pd.DataFrame
    trace: pd.DataFrame
    left_out: tuple[str, ...]


def paths(evidence: Evidence) -> Paths:
    """The runs and rows that fit a page."""
    runs, said = _some_runs(evidence)
    own = [name for name in runs.columns if name.endswith("_final") and name != "loss_final"]
    trace, more = _some_rows(evidence, runs)
    place = trace.groupby("run_id", sort=False).size() if len(trace) else pd.Series(dtype=np.int64)
    first = (place.cumsum() - place).reindex(runs["run_id"])
    runs = runs.assign(
        setting=evidence.setting_of(runs) if len(runs) else [],
        notes=[_notes(text) for text in runs["events"]],
        shown=runs["run_id"].isin(evidence.shown["run_id"]),
        untuned=_untuned(runs),
        lr=[repr(float(lr)) for lr in runs["lr"]],  # to the last bit: it is part of what defines the run
        first=first.fillna(-1).to_numpy(),
        rows=place.reindex(runs["run_id"]).fillna(0).to_numpy(),
    )
    return Paths(runs[[*KEPT, *own]], trace.drop(columns="run_id"), (*said, *more))


def _untuned(runs: pd.DataFrame) -> pd.Series:
    """Which rows are results at the default and constant rate: the column with no tuning."""
    plain = (runs["purpose"] == "result") & (runs["schedule"] == PLAIN)
    return plain & at_default(runs) if plain.any() else plain


def _some_runs(evidence: Evidence) -> tuple[pd.DataFrame, list[str]]:
    runs = evidence.runs
    if len(runs) <= MOST_RUNS:
        return runs, []
    # Shown runs first, then other results, then trials of the search, of these every so many.
    order = np.where(runs["run_id"].isin(evidence.shown["run_id"]), 0, np.where(runs["purpose"] == "result", 1, 2))
    kept = []
    room = MOST_RUNS
    for level in range(3):
        own = np.flatnonzero(order == level)
        if len(own) > room:
            own = own[np.linspace(0, len(own) - 1, room).round().astype(np.intp)] if room else own[:0]
        kept.append(own)
        room -= len(own)
    chosen = runs.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True)
    told = f"Of {len(runs):,} runs this page lists {len(chosen):,}, evenly picked; every statistic is of all of them."
    return chosen, [told]


def _some_rows(evidence: Evidence, runs: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    trace = evidence.trace
    columns = [name for name in ("run_id", "step", "loss", "lr_t", "x0", "x1") if name in trace]
    if trace.empty:
        return pd.DataFrame(columns=columns), []
    trace = trace.loc[trace["run_id"].isin(runs["run_id"]), columns]
    traced = trace["run_id"].nunique()
    if len(trace) <= MOST_ROWS:
        return trace.reset_index(drop=True), []
    room = MOST_ROWS // FEWEST
    said = []
    if traced > room:
        shown = evidence.shown.sort_values("seed", kind="stable")["run_id"]
        wanted = pd.unique(np.concatenate([shown.to_numpy(object), trace["run_id"].unique()]))
        there = set(trace["run_id"])
        keep = [run_id for run_id in wanted if run_id in there][:room]
        trace = trace[trace["run_id"].isin(keep)]
        said.append(f"Of {traced:,} traced runs this page draws {room:,}, those of the first seeds.")
        traced = room
    most = max(FEWEST, MOST_ROWS // traced)
    kept = [own.iloc[spread(len(own), most)] for _, own in trace.groupby("run_id", sort=False)]
    return pd.concat(kept, ignore_index=True), [*said, f"Curves of runs are drawn with up to {most} of their steps."]


def _notes(text: object) -> str:
    """What the engine noted of a run, changes of rate left out: the curve shows them."""
    if not isinstance(text, str) or text in ("", "[]"):
        return ""
    try:
        events = json.loads(text)
    except ValueError:
        return text
    said = [f"{one.get('text', '')}" for one in events if isinstance(one, dict) and one.get("kind") != "lr"]
    return "; ".join(dict.fromkeys(filter(None, said)))
