"""Runs in, frames out. Takes specs and knows no catalogue; may import floors 0 to 2.

`run` is the front door: it checks the pairs, skips what a store holds already, chooses a tier, and lets the records
stream to one writer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import InputError
from ..provenance import provenance, provenance_id
from ..record import RunRecord, TraceSpec, as_trace, runs_frame, runs_table, trace_frame, trace_table
from ..spec import Problem, Run
from ..store import Store, as_store
from .check import check_device, check_runs
from .chooser import Verdict, Verdicts, batches, cells, run_batch
from .single import OnEvent, run_single

if TYPE_CHECKING:
    import os

    import pandas as pd

ENGINES = ("auto", "single", "grouped", "stacked")
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
    memory_mb: int = 512,
) -> Results:
    """Run each of `runs` once, and give the frames.

    `store` keeps finished runs in a folder and skips those that it holds. `jobs` is the number of processes. `trace` is
    `"all"`, `"loss"`, `"best"`, `"none"`, a number n for every n-th step, or a TraceSpec. `progress` is called with the
    runs just finished, or found finished; `on_event` with each event of a run (a change of rate, a note, a divergence).

    `engine` is `"single"` (the plain loop), `"stacked"` or `"grouped"` (lanes, unproved), or `"auto"`: the fastest tier
    that a few lanes beside the plain loop prove right. Lanes are cut to batches of `memory_mb`.

    Raises InputError for what cannot run: an unknown engine or device, an optimizer that refuses a problem.
    """
    if engine not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    if jobs < 1:
        raise InputError(f"jobs must be >= 1, got {jobs}")
    if memory_mb < 1:
        raise InputError(f"memory_mb must be >= 1, got {memory_mb}")
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
    settings = _Settings(engine, spec, device, purpose, key)
    verdicts = Verdicts(kept.verdicts() if kept else None)
    results = Results([one.run_id for one in wanted], store=kept)
    batch: list[RunRecord] = []
    begin, rows = time.monotonic(), 0
    try:
        for records in _stream(todo, settings, jobs, memory_mb * 2**20, verdicts, on_event):
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
            kept.add_verdicts({name: verdict.as_dict() for name, verdict in verdicts.fresh.items()})
    return results


@dataclass(frozen=True)
class _Settings:
    """What every unit of work needs to know beside its runs."""

    engine: str
    trace: TraceSpec
    device: str
    purpose: str
    provenance_id: str


def _stream(
    todo: list[Run], settings: _Settings, jobs: int, memory: int, verdicts: Verdicts, on_event: OnEvent | None
) -> Iterator[list[RunRecord]]:
    units = list(batches(todo, settings.trace, memory, jobs)) if settings.engine != "single" else _alone(todo, settings)
    if jobs == 1 or len(units) < 2:
        for unit in units:
            yield _unit(unit, settings, verdicts, on_event)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    by_id = {one.run_id: one for one in todo}
    for records, fresh in pool(delayed(_remote_unit)(unit, settings, verdicts.by_key) for unit in units):
        for key, verdict in fresh.items():
            verdicts.add(key, verdict)
        if on_event:
            _replay(records, by_id, on_event)
        yield records


def _alone(todo: list[Run], settings: _Settings) -> list[list[Run]]:
    return list(cells(todo)) if settings.trace.which == "best" else [[one] for one in todo]


def _remote_unit(
    unit: list[Run], settings: _Settings, known: dict[str, Verdict]
) -> tuple[list[RunRecord], dict[str, Verdict]]:
    verdicts = Verdicts(known)
    return _unit(unit, settings, verdicts, None), verdicts.fresh


def _unit(unit: list[Run], settings: _Settings, verdicts: Verdicts, on_event: OnEvent | None) -> list[RunRecord]:
    def go(runs: list[Run], trace: TraceSpec) -> list[RunRecord]:
        return run_batch(
            runs, settings.engine, trace, settings.device, settings.purpose, settings.provenance_id, verdicts, on_event
        )

    if settings.trace.which != "best":
        return go(unit, settings.trace)
    # Summaries of all first; what is best is run once more, for its trace.
    records = go(unit, TraceSpec(every=0, norms=False))
    by_id = {record.row["run_id"]: record for record in records}
    best = [
        min(cell, key=lambda one: _badness(by_id[one.run_id])) for cell in cells(unit)
    ]  # fmt: skip
    for record in go(best, replace(settings.trace, which="all")):
        by_id[record.row["run_id"]].trace = record.trace
    return records


def _badness(record: RunRecord) -> tuple[bool, float]:
    return record.row["status"] in ("diverged", "error"), record.row["loss_final"]


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
