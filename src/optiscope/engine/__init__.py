"""Runs in, frames out. Takes specs and knows no catalogue; may import floors 0 to 2.

`run` is the front door: it checks the pairs, skips what a store holds already, chooses a tier, and lets the records
stream to one writer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..provenance import provenance, provenance_id
from ..record import RunRecord, TraceSpec, as_trace, runs_frame, runs_table, trace_frame, trace_table
from ..spec import Problem, Run
from ..store import Store, as_store
from .check import check_device, check_runs
from .single import OnEvent, run_single

if TYPE_CHECKING:
    import os

    import pandas as pd

ENGINES = ("auto", "single")
BATCH_SECONDS = 5.0  # a killed process loses no more than the runs of this long
BATCH_ROWS = 200_000  # trace rows that a batch may hold

Progress = Callable[[list[Run]], None]


@dataclass
class Results:
    """What `run` gives back: the two frames, from the store or from memory."""

    run_ids: list[str]
    records: list[RunRecord] = field(default_factory=list, repr=False)
    store: Store | None = None

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run, in the order in which the runs were given."""
        frame = self.store.runs(self.run_ids) if self.store else runs_frame(runs_table(self.records))
        place = {run_id: i for i, run_id in enumerate(self.run_ids)}
        return frame.iloc[frame["run_id"].map(place).argsort(kind="stable")].reset_index(drop=True)

    @cached_property
    def trace(self) -> pd.DataFrame:
        """One row a recorded step."""
        return self.store.trace(self.run_ids) if self.store else trace_frame(trace_table(self.records))


def run(
    runs: Run | Iterable[Run],
    store: Store | str | os.PathLike[str] | None = None,
    engine: str = "auto",
    device: str = "cpu",
    jobs: int = 1,
    trace: str | int | TraceSpec = "all",
    purpose: str = "result",
    progress: Progress | None = None,
    on_event: OnEvent | None = None,
) -> Results:
    """Run each of `runs` once, and give the frames.

    `store` keeps finished runs in a folder and skips those that it holds. `jobs` is the number of processes. `trace`
    is `"all"`, `"loss"`, `"best"`, `"none"`, a number n for every n-th step, or a TraceSpec. `progress` is called with the
    runs just finished, or found finished; `on_event` with each event of a run (a change of rate, a note, a divergence).

    Raises InputError for what cannot run: an unknown engine or device, an optimizer that refuses a problem.
    """
    if engine not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if jobs < 1:
        raise InputError(f"jobs must be >= 1, got {jobs}")
    spec = as_trace(trace)
    check_device(device)
    wanted = list(dict.fromkeys([runs] if isinstance(runs, Run) else runs))
    check_runs(wanted)
    kept = as_store(store)
    done = kept.done() if kept else set()
    facts = provenance(device)
    key = provenance_id(facts)
    if kept:
        kept.add_provenance(key, facts)
    todo = [one for one in wanted if one.run_id not in done]
    by_id = {one.run_id: one for one in wanted}
    if progress and done:
        progress([one for one in wanted if one.run_id in done])
    results = Results([one.run_id for one in wanted], store=kept)
    batch: list[RunRecord] = []
    begin, rows = time.monotonic(), 0
    try:
        for records in _stream(todo, spec, device, jobs, purpose, key, on_event):
            batch += records
            rows += sum(len(record.trace.get("step", ())) for record in records)
            if kept is None:
                results.records += records
            elif rows >= BATCH_ROWS or time.monotonic() - begin >= BATCH_SECONDS:
                kept.append(batch)
                batch, rows, begin = [], 0, time.monotonic()
            if progress:
                progress([by_id[record.row["run_id"]] for record in records])
    finally:
        # Interrupted or not: what is finished is kept.
        if kept is not None:
            kept.append(batch)
    return results


def _stream(
    todo: list[Run], trace: TraceSpec, device: str, jobs: int, purpose: str, key: str, on_event: OnEvent | None
) -> Iterator[list[RunRecord]]:
    units = list(_cells(todo)) if trace.which == "best" else [[one] for one in todo]
    if jobs == 1 or len(units) < 2:
        for unit in units:
            yield _unit(unit, trace, device, purpose, key, on_event)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size="auto")
    for records in pool(delayed(_unit)(unit, trace, device, purpose, key, None) for unit in units):
        if on_event:
            _replay(records, {one.run_id: one for one in todo}, on_event)
        yield records


def _unit(
    unit: list[Run], trace: TraceSpec, device: str, purpose: str, key: str, on_event: OnEvent | None
) -> list[RunRecord]:
    records = [run_single(one, trace, device, purpose, key, on_event) for one in unit]
    if trace.which == "best":
        keep = min(range(len(records)), key=lambda i: _badness(records[i]))
        for i, record in enumerate(records):
            if i != keep:
                record.trace = {}
    return records


def _badness(record: RunRecord) -> tuple[bool, float]:
    return record.row["status"] in ("diverged", "error"), record.row["loss_final"]


def _cells(runs: list[Run]) -> Iterable[list[Run]]:
    cells: dict[tuple[Any, ...], list[Run]] = {}
    for one in runs:
        cells.setdefault((one.problem, one.optimizer, one.schedule, one.steps, one.dtype), []).append(one)
    return cells.values()


def _replay(records: list[RunRecord], by_id: dict[str, Run], on_event: OnEvent) -> None:
    import json

    for record in records:
        for event in json.loads(record.row["events"]):
            on_event(by_id[record.row["run_id"]], event)


def run_single_step(problem: Problem, device: str = "cpu") -> float:
    """Seconds that one training step of a problem takes, measured on plain SGD: for estimates, not for results."""
    from ..spec import OptimizerSpec, ScheduleSpec

    sgd = OptimizerSpec("SGD", "torch.optim.SGD")
    none = ScheduleSpec("constant", lambda optimizer, steps: None)
    start = "canonical" if problem.is_function else "random"
    one = Run(problem, sgd, none, 1e-6, 0, start, 1, problem.dtype)
    return float(run_single(one, as_trace("none"), device).row["wall_s"])
