"""Runs in, frames out. Takes specs and knows no catalogue; may import floors 0 to 2.

`run` is the front door: it checks the pairs, skips what a store holds already, chooses a tier, and lets the records
stream to one writer.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..catalogues.problems.landscape import landscape, view_bounds
from ..errors import InputError
from ..provenance import provenance, provenance_id
from ..record import Batch, TraceSpec, as_trace, runs_frame, trace_frame
from ..spec import Problem, Run, run_ids
from ..store import Store, as_store
from .check import check_axes, check_device, check_runs, check_settings
from .chooser import Verdicts, batches, cells, replay
from .cluster import Cluster
from .single import OnEvent, run_single
from .training import check_autocast
from .work import Settings, do
from .workers import Processes, stream
from .workers import kept as keep_processes

if TYPE_CHECKING:
    import os

    import pandas as pd

ENGINES = ("auto", "single", "grouped", "stacked")
BATCH_SECONDS = 5.0  # a killed process loses no more than the runs of this long
BATCH_ROWS = 200_000  # trace rows that a batch may hold
TOGETHER_STEPS = 1_000  # of the plain loop, that short runs are handed to another process in: about a quarter second

Progress = Callable[[list[Run]], None]


@dataclass
class Results:
    """What `run` gives back: the two frames, from the store or from memory."""

    run_ids: list[str]
    batches: list[Batch] = field(default_factory=list, repr=False)
    store: Store | None = None
    problems: list[Problem] = field(default_factory=list, repr=False)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run, in the order in which the runs were given."""
        frame = self.store.runs(self.run_ids) if self.store else runs_frame(self._batch.runs if self.batches else None)
        if frame["run_id"].tolist() == self.run_ids:
            return frame.reset_index(drop=True)
        place = {run_id: i for i, run_id in enumerate(self.run_ids)}
        return frame.iloc[frame["run_id"].map(place).argsort(kind="stable")].reset_index(drop=True)

    @cached_property
    def trace(self) -> pd.DataFrame:
        """One row a recorded step."""
        if self.store:
            return self.store.trace(self.run_ids)
        return trace_frame(self._batch.trace if self.batches else None)

    def landscape(
        self, resolution: tuple[int, int] = (361, 271), bounds: Sequence[tuple[float, float]] | None = None
    ) -> pd.DataFrame:
        """The loss around the paths of the trace, on a grid: x, y, loss; what `render.race` draws them on.

        `bounds`, ((x_low, x_high), (y_low, y_high)), take the place of a rectangle that the paths ask for.

        Raises InputError where the runs are not all of one function of two coordinates.
        """
        problem = self._one_problem()
        points = self.trace[["x0", "x1"]].to_numpy() if {"x0", "x1"} <= set(self.trace.columns) else ()
        return landscape(problem, bounds or view_bounds(problem, points), resolution)

    def minima(self) -> list[tuple[float, float]]:
        """The known minima of that function."""
        return [(point[0], point[1]) for point in self._one_problem().minima]

    def _one_problem(self) -> Problem:
        if len(self.problems) != 1:
            names = ", ".join(one.name for one in self.problems)
            raise InputError(f"a landscape is one problem's, these runs are of {len(self.problems)}: {names}")
        return self.problems[0]

    @cached_property
    def _batch(self) -> Batch:
        return Batch.joined(self.batches)


def run(
    runs: Run | Iterable[Run],
    store: Store | str | os.PathLike[str] | None = None,
    engine: str = "auto",
    device: str = "cpu",
    jobs: int = 1,
    cluster: str | None = None,
    trace: str | int | TraceSpec = "all",
    purpose: str = "result",
    progress: Progress | None = None,
    on_event: OnEvent | None = None,
    memory_mb: int = 512,
    target: float | None = None,
) -> Results:
    """Run each of `runs` once, and give the frames.

    `store` keeps finished runs in a folder and skips those that it holds; where they lack the trace asked for, or were
    made by another engine than the one asked for, a warning says so. `trace` is `"all"`, `"loss"`, `"best"`,
    `"sample"` (of ten runs), `"ends"` (the last state alone), `"none"`, a number n for every n-th step, or a TraceSpec.
    `progress` is called with the runs just finished, or found finished; `on_event` with each event of a run (a change
    of rate, a note, a divergence).

    `jobs` is the number of processes; `cluster` the address of a Dask scheduler whose workers run everything instead
    (`"tcp://host:8786"`, needs the extra `cluster`). Either way each process uses one thread of torch, a process that
    dies costs what it was at, which is run again, and `provenance_id` names the process that made the run.

    `engine` is `"single"` (the plain loop), `"stacked"` or `"grouped"` (lanes, unproved), or `"auto"`: the fastest tier
    that a few lanes beside the plain loop prove right. Lanes are cut to batches of `memory_mb`.

    `target` ends each run at the first step whose loss is within so much of the least known (`loss_floor`), or, where
    none is known, is at most so much: its status is then `target_hit`, and its trace goes as far. It is part of what
    defines a run: one with a target has another `run_id` than one without.

    Raises InputError for what cannot run: an unknown engine or device, an optimizer that refuses a problem. Raises
    WorkerError for a cluster that does not answer, and for runs over which worker processes died again and again, when
    all others are finished.
    """
    if engine not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, got {engine!r}")
    runs = check_axes(runs)
    check_settings(jobs=jobs, memory_mb=memory_mb, device=device, purpose=purpose, progress=progress, on_event=on_event)
    if cluster is not None and jobs > 1:
        raise InputError(f"give jobs or cluster, not both: a cluster brings its own workers, got jobs={jobs}")
    spec = as_trace(trace)
    if cluster is None:
        check_device(device)  # a cluster's workers check it, where they are
    by_id = _by_id(runs if target is None else [replace(one, target=target) for one in runs])
    ids, wanted = list(by_id), list(by_id.values())
    check_runs(wanted)
    if cluster is None:
        for problem in {id(one.problem): one.problem for one in wanted}.values():
            check_autocast(problem, device)
    kept = as_store(store)
    there = kept.finished(ids).tolist() if kept else [False] * len(wanted)
    todo = [one for one, found in zip(wanted, there, strict=True) if not found]
    if progress and len(todo) < len(wanted):
        progress([one for one, found in zip(wanted, there, strict=True) if found])
    if kept and any(there):
        _tell_otherwise_made(
            kept, [run_id for run_id, found in zip(ids, there, strict=True) if found], engine, spec, ids
        )
    settings = Settings(engine, spec, device, purpose)
    verdicts = Verdicts(kept.verdicts() if kept else None)
    results = Results(ids, store=kept, problems=list({one.problem: None for one in wanted}))
    waiting: list[Batch] = []
    parts = [(todo, settings)]
    if spec.which == "sample":
        # Summaries of all but the sample, then the sample with its traces: a store holds both as they finish.
        chosen = spec.sample(ids)
        plain = replace(settings, trace=TraceSpec(every=0, norms=False))
        traced = replace(settings, trace=replace(spec, which="all"))
        parts = [
            ([one for one in todo if one.run_id not in chosen], plain),
            ([one for one in todo if one.run_id in chosen], traced),
        ]
    finished = _in_turn(parts, jobs, cluster, memory_mb * 2**20, verdicts, on_event)
    begin = time.monotonic()

    def write() -> None:
        if kept is not None and waiting:
            kept.append(Batch.joined(waiting))
            waiting.clear()

    with closing(finished):
        try:
            for unit, batch, facts in finished:
                (waiting if kept else results.batches).append(batch)
                if kept:
                    kept.add_provenance(provenance_id(facts), facts)
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


def _tell_otherwise_made(store: Store, found: list[str], engine: str, trace: TraceSpec, ids: list[str]) -> None:
    """Warn, in one line, of finished runs that lack the trace asked for now, or were made in another tier."""
    traced = [] if not trace.any or trace.which == "best" else found
    if trace.which == "sample":
        chosen = trace.sample(ids)
        traced = [run_id for run_id in found if run_id in chosen]
    told = []
    if traced:
        frame = store.runs(traced, columns=["run_id", "steps_done", "loss_start"]).set_index("run_id").loc[traced]
        least = trace.least_rows(frame["steps_done"].to_numpy()) * frame["loss_start"].notna().to_numpy()
        if lacking := int((store.trace_rows(traced) < least).sum()):
            told.append(f"{lacking} lack the trace asked for")
    if engine != "auto":
        tiers = store.runs(found, columns=["engine"])["engine"].value_counts()
        told += [f"{count} were made by engine={tier!r}" for tier, count in tiers.items() if tier != engine]
    if told:
        text = f"of {len(found)} runs that {str(store.path)!r} holds already, {' and '.join(told)}"
        warnings.warn(f"{text}: they stay as they are; another folder makes them anew", stacklevel=3)


def _by_id(runs: list[Run]) -> dict[str, Run]:
    """Each run once, by its run_id."""
    found: dict[str, Run] = {}
    for run_id, one in zip(run_ids(runs), runs, strict=True):
        found.setdefault(run_id, one)
    return found


def _in_turn(
    parts: Sequence[tuple[list[Run], Settings]], jobs: int, cluster: str | None, memory: int, verdicts: Verdicts,
    on_event: OnEvent | None,
) -> Generator[tuple[list[Run], Batch, dict[str, Any]]]:  # fmt: skip
    """Parts of the work, each with settings of its own, one after the other in the same processes."""
    with keep_processes():
        for todo, settings in parts:
            with closing(_stream(todo, settings, jobs, cluster, memory, verdicts, on_event)) as finished:
                yield from finished


def _stream(
    todo: list[Run], settings: Settings, jobs: int, cluster: str | None, memory: int, verdicts: Verdicts,
    on_event: OnEvent | None,
) -> Generator[tuple[list[Run], Batch, dict[str, Any]]]:  # fmt: skip
    """Units of work, what came of them, as they finish, and the facts of the process that ran them."""
    if not todo:
        return
    if cluster is None and (jobs == 1 or len(todo) == 1):
        facts = provenance(settings.device)
        here = replace(settings, provenance_id=provenance_id(facts))
        for unit in _units(todo, settings, memory, 1):
            yield unit, do(unit, here, verdicts, on_event), facts
        return
    with closing(Processes(jobs) if cluster is None else Cluster(cluster)) as pool:
        units = _units(todo, settings, memory, pool.workers)
        for unit, found in stream(units, settings, verdicts, pool):
            yield unit, found.batch, found.facts
            # Told once they are safe: an interrupt in the middle of telling loses none of them.
            if on_event:
                replay(found.batch, {one.run_id: one for one in unit}, on_event)


def _units(todo: list[Run], settings: Settings, memory: int, workers: int) -> list[list[Run]]:
    if settings.engine != "single":
        return list(batches(todo, settings.trace, memory, workers, settings.device, settings.engine))
    if settings.trace.which == "best":
        return list(cells(todo))
    if workers == 1:
        return [[one] for one in todo]
    # A few runs at a time: handing one of some milliseconds over takes about as long.
    units: list[list[Run]] = []
    for one in todo:
        if units and one.problem.is_function and sum(other.steps for other in units[-1]) + one.steps <= TOGETHER_STEPS:
            units[-1].append(one)
        else:
            units.append([one])
    return units


def run_single_step(problem: Problem, device: str = "cpu") -> float:
    """Seconds that one training step of a problem takes, measured on plain SGD: for estimates, not for results."""
    from ..spec import OptimizerSpec, ScheduleSpec

    sgd = OptimizerSpec("SGD", "torch.optim.SGD")
    none = ScheduleSpec("constant", lambda optimizer, steps: None)
    start = "canonical" if problem.is_function else "random"
    one = Run(problem, sgd, none, 1e-6, 0, start, 1, problem.dtype)
    return float(run_single(one, as_trace("none"), device).row["wall_s"])
