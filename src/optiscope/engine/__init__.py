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
from ..record import Batch, TraceSpec, as_trace, runs_frame, trace_frame
from ..spec import Problem, Run
from ..store import Store, as_store
from .check import check_device, check_runs
from .chooser import Verdict, Verdicts, batches, cells, replay, run_batch
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
    batches: list[Batch] = field(default_factory=list, repr=False)
    store: Store | None = None

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run, in the order in which the runs were given."""
        frame = self.store.runs(self.run_ids) if self.store else runs_frame(self._batch.runs if self.batches else None)
        place = {run_id: i for i, run_id in enumerate(self.run_ids)}
        return frame.iloc[frame["run_id"].map(place).argsort(kind="stable")].reset_index(drop=True)

    @cached_property
    def trace(self) -> pd.DataFrame:
        """One row a recorded step."""
        if self.store:
            return self.store.trace(self.run_ids)
        return trace_frame(self._batch.trace if self.batches else None)

    @cached_property
    def _batch(self) -> Batch:
        return Batch.joined(self.batches)


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
    found = kept.finished([one.run_id for one in wanted]).tolist() if kept else [False] * len(wanted)
    facts = provenance(device)
    key = provenance_id(facts)
    if kept:
        kept.add_provenance(key, facts)
    todo = [one for one, there in zip(wanted, found, strict=True) if not there]
    if progress and any(found):
        progress([one for one, there in zip(wanted, found, strict=True) if there])
    settings = _Settings(engine, spec, device, purpose, key)
    verdicts = Verdicts(kept.verdicts() if kept else None)
    results = Results([one.run_id for one in wanted], store=kept)
    waiting: list[Batch] = []
    begin = time.monotonic()

    def write() -> None:
        if kept is not None and waiting:
            kept.append(Batch.joined(waiting))
            waiting.clear()

    try:
        for unit, batch in _stream(todo, settings, jobs, memory_mb * 2**20, verdicts, on_event):
            (waiting if kept else results.batches).append(batch)
            if sum(one.trace_rows for one in waiting) >= BATCH_ROWS or time.monotonic() - begin >= BATCH_SECONDS:
                write()
                begin = time.monotonic()
            if progress:
                progress(unit)
    finally:
        # Interrupted or not: what is finished is kept.
        write()
        if kept is not None:
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
) -> Iterator[tuple[list[Run], Batch]]:
    """Units of work and what came of them, as they finish."""
    units = list(batches(todo, settings.trace, memory, jobs)) if settings.engine != "single" else _alone(todo, settings)
    if jobs == 1 or len(units) < 2:
        for unit in units:
            yield unit, _unit(unit, settings, verdicts, on_event)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    for i, batch, fresh in pool(
        delayed(_remote_unit)(i, unit, settings, verdicts.by_key) for i, unit in enumerate(units)
    ):
        for key, verdict in fresh.items():
            verdicts.add(key, verdict)
        if on_event:
            replay(batch, {one.run_id: one for one in units[i]}, on_event)
        yield units[i], batch


def _alone(todo: list[Run], settings: _Settings) -> list[list[Run]]:
    return list(cells(todo)) if settings.trace.which == "best" else [[one] for one in todo]


def _remote_unit(
    i: int, unit: list[Run], settings: _Settings, known: dict[str, Verdict]
) -> tuple[int, Batch, dict[str, Verdict]]:
    verdicts = Verdicts(known)
    return i, _unit(unit, settings, verdicts, None), verdicts.fresh


def _unit(unit: list[Run], settings: _Settings, verdicts: Verdicts, on_event: OnEvent | None) -> Batch:
    def go(runs: list[Run], trace: TraceSpec, tell: OnEvent | None) -> Batch:
        return run_batch(
            runs, settings.engine, trace, settings.device, settings.purpose, settings.provenance_id, verdicts, tell
        )

    if settings.trace.which != "best":
        return go(unit, settings.trace, on_event)
    # Summaries of all first; what is best is run once more, for its trace.
    summaries = go(unit, TraceSpec(every=0, norms=False), on_event).runs
    names = ("run_id", "status", "loss_final")
    rows = zip(*(summaries[name].to_pylist() for name in names), strict=True)
    badness = {run_id: (status in ("diverged", "error"), loss) for run_id, status, loss in rows}
    best = [min(cell, key=lambda one: badness[one.run_id]) for cell in cells(unit)]
    return Batch(summaries, go(best, replace(settings.trace, which="all"), None).trace)


def run_single_step(problem: Problem, device: str = "cpu") -> float:
    """Seconds that one training step of a problem takes, measured on plain SGD: for estimates, not for results."""
    from ..spec import OptimizerSpec, ScheduleSpec

    sgd = OptimizerSpec("SGD", "torch.optim.SGD")
    none = ScheduleSpec("constant", lambda optimizer, steps: None)
    start = "canonical" if problem.is_function else "random"
    one = Run(problem, sgd, none, 1e-6, 0, start, 1, problem.dtype)
    return float(run_single(one, as_trace("none"), device).row["wall_s"])
