"""The two tidy tables: their columns, the statuses, and what to save and how often. Imports pandas, pyarrow late.

runs  — one row a run. trace — one row a recorded step.

Row `step = k` is the state after k optimizer steps. `loss` and `grad_norm` are taken there; `grad_norm` is NaN in the
last row, where no gradient is needed any more. `lr_t` is the rate that the next step uses. Where there are several
parameter groups it is the first one's, and `lr_group0`, `lr_group1`, … are the rates of each, NaN while it is frozen.
`update_norm` is the length of the step that led there (NaN at 0).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .errors import InputError
from .spec import Run, run_ids

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SCHEMA_VERSION = 1

# name -> Arrow type. Behind these come `target`, where a run has one, and a problem's own metrics: `NAME_final` among
# the runs, `NAME` in the trace.
RUNS_COLUMNS: dict[str, str] = {
    "run_id": "string",
    "problem": "string",
    "optimizer": "string",
    "schedule": "string",
    "lr": "double",
    "hyperparameters": "string",  # JSON: {"optimizer": {…}, "schedule": {…}}
    "seed": "int64",
    "start": "string",
    "steps": "int64",
    "dtype": "string",
    "device": "string",
    "engine": "string",
    "status": "string",
    "loss_start": "double",
    "loss_final": "double",  # at the last finite step
    "loss_best": "double",
    "step_best": "int64",
    "steps_done": "int64",  # the last finite step: fewer than `steps` where the run diverged, failed or hit its target
    "loss_floor": "double",  # the least loss known for the problem; NaN where none is
    "grad_evals": "int64",
    "wall_s": "double",  # seconds spent on steps; evaluation of metrics is off the clock
    "events": "string",  # JSON: [{"step": …, "kind": "lr" | "note" | "training" | "diverged" | "error", …}]
    "error": "string",
    "purpose": "string",  # "result", or "tuning" for the trials of a search
    "provenance_id": "string",
}

TRACE_COLUMNS: dict[str, str] = {
    "run_id": "string",
    "step": "int64",
    "loss": "double",
    "lr_t": "double",
    "grad_norm": "double",
    "update_norm": "double",
    "x0": "double",
    "x1": "double",
    "x2": "double",
}


class Status(StrEnum):
    """How a run ended."""

    MAX_STEPS = "max_steps"
    TARGET_HIT = "target_hit"
    DIVERGED = "diverged"
    ERROR = "error"


@dataclass(frozen=True)
class TraceSpec:
    """What is traced, chosen apart from what is run.

    `every` n steps, and wherever a network was evaluated (0: none of them); `norms` of gradient and update, or the loss
    alone; `which` runs keep their trace: all, the best of each problem × optimizer × schedule, or a sample of `count`
    runs spread evenly over those that were given: of each of `count` equal stretches the run with the least run_id, so
    that the same are chosen again. With `every=0`, `ends` keeps the last finite state of each run, and, where `target`
    is a gap, the first state whose loss is within it of the least known: two rows a run, however long it is and however
    many there are.
    """

    every: int = 1
    norms: bool = True
    which: Literal["all", "best", "sample"] = "all"
    ends: bool = False
    target: float | None = None
    count: int = 10

    def __post_init__(self) -> None:
        if self.which not in (allowed := ("all", "best", "sample")):
            raise InputError(f"which must be one of {', '.join(allowed)}, got {self.which!r}")
        if not isinstance(self.count, int) or self.count < 1:
            raise InputError(f"a sample needs a count >= 1, got {self.count!r}")
        if self.every < 0:
            raise InputError(f"trace every n steps needs n >= 0, got {self.every}")
        if self.ends and (self.every or self.norms):
            raise InputError("ends are kept where nothing else is: give every=0 and norms=False with them")
        if self.target is not None and not (self.ends and self.target >= 0):
            raise InputError(f"target is a gap >= 0 and needs ends=True, got {self.target!r}")

    @property
    def any(self) -> bool:
        """Whether there is a trace at all."""
        return bool(self.every) or self.ends

    def least_rows(self, steps_done: np.ndarray) -> np.ndarray:
        """The rows that runs of so many steps have at least."""
        return 1 + np.ceil(steps_done / self.every).astype(int) if self.every else np.ones(len(steps_done), int)

    def sample(self, run_ids: Sequence[str]) -> set[str]:
        """The runs of the sample; all where they are no more than it."""
        cuts = np.linspace(0, len(run_ids), min(self.count, len(run_ids)) + 1).astype(int).tolist()
        return {min(run_ids[low:high]) for low, high in pairwise(cuts)}

    def rows(self, losses: np.ndarray, floor: float, evaluations: Collection[int] = ()) -> np.ndarray:
        """The steps of a run that are traced, from its losses up to the last finite one."""
        last = len(losses) - 1
        if not self.ends:
            return self.steps(last, evaluations)
        near = np.flatnonzero(losses - floor <= self.target) if self.target is not None else []
        return np.unique([*near[:1], last])

    def steps(self, last: int, evaluations: Collection[int]) -> np.ndarray:
        """Every n steps up to the last, that one, and those with an evaluation: a metric is no use without its row."""
        return np.unique([*range(0, last + 1, self.every), *(step for step in evaluations if step < last), last])


def as_trace(value: str | int | TraceSpec) -> TraceSpec:
    """The spec of `"all"`, `"loss"` (no norms), `"best"`, `"sample"`, `"ends"`, `"none"`, every n steps, or itself.

    >>> as_trace("none").every
    0
    """
    named = {
        "all": TraceSpec(),
        "loss": TraceSpec(norms=False),
        "best": TraceSpec(which="best"),
        "sample": TraceSpec(which="sample"),
        "ends": TraceSpec(every=0, norms=False, ends=True),
        "none": TraceSpec(every=0, norms=False),
    }
    if isinstance(value, TraceSpec):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return TraceSpec(every=value)
    if isinstance(value, str) and value in named:
        return named[value]
    raise InputError(f"trace must be one of {', '.join(named)} or a number of steps >= 1, got {value!r}")


@dataclass
class RunRecord:
    """What one finished run leaves behind: a runs row, and columns of the trace (empty where nothing is traced)."""

    row: dict[str, Any]
    trace: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """Finished runs as two Arrow tables: what travels from an engine to the one that writes."""

    runs: pa.Table
    trace: pa.Table | None = None

    @classmethod
    def of(cls, records: Sequence[RunRecord]) -> Batch:
        """The batch of some records."""
        return cls(_rows_table([record.row for record in records]), _joined_traces(records))

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        """One batch of many; a problem's own columns are null in the rows of the others."""
        import pyarrow as pa

        traces = [batch.trace for batch in batches if batch.trace is not None]
        return cls(
            pa.concat_tables([batch.runs for batch in batches], promote_options="default"),
            pa.concat_tables(traces, promote_options="default") if traces else None,
        )

    @property
    def trace_rows(self) -> int:
        """Rows of the trace."""
        return 0 if self.trace is None else self.trace.num_rows


def run_columns(runs: Sequence[Run]) -> dict[str, Any]:
    """The columns of the runs table that the runs themselves decide; one value where all runs share it."""
    arguments: dict[tuple[int, int], str] = {}
    for one in runs:
        key = (id(one.optimizer), id(one.schedule))
        if key not in arguments:
            arguments[key] = json.dumps(one.hyperparameters, sort_keys=True, default=repr)

    def of(noun: str, value: Callable[[Any], Any]) -> Any:
        held = list(map(attrgetter(noun), runs))
        found = {key: value(one) for key, one in {id(one): one for one in held}.items()}
        return value(held[0]) if len(found) == 1 else [found[id(one)] for one in held]

    return {
        "run_id": run_ids(runs),
        "problem": of("problem", lambda one: one.name),
        "optimizer": of("optimizer", lambda one: one.name),
        "schedule": of("schedule", lambda one: one.name),
        "lr": [float(one.lr) for one in runs],
        "hyperparameters": (
            [arguments[id(one.optimizer), id(one.schedule)] for one in runs]
            if len(arguments) > 1
            else next(iter(arguments.values()))
        ),
        "seed": [one.seed for one in runs],
        "start": [one.start if one.start.__class__ is str else one.start_label for one in runs],
        "steps": [one.steps for one in runs],
        "dtype": of("dtype", str),
        "loss_floor": of("problem", lambda one: one.floor),
        **({"target": [one.target for one in runs]} if any(one.target is not None for one in runs) else {}),
    }


def runs_table(columns: Mapping[str, Any]) -> pa.Table:
    """Arrow table of runs columns; a single value stands for all rows. Fixed columns come first, in their order."""
    import pyarrow as pa

    count = len(columns["run_id"])
    kinds = RUNS_COLUMNS | dict.fromkeys(sorted(columns.keys() - RUNS_COLUMNS.keys()), "double")

    def array(name: str, kind: str) -> pa.Array:
        value = columns[name]
        if isinstance(value, (list, np.ndarray)):
            return pa.array(value, type=kind)
        return pa.repeat(pa.scalar(value, type=kind), count)

    return pa.table({name: array(name, kind) for name, kind in kinds.items()})


def _rows_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    names = dict.fromkeys([*RUNS_COLUMNS, *(key for row in rows for key in row)])
    return runs_table({name: [row.get(name) for row in rows] for name in names})


def trace_table(run_ids: Sequence[str], lengths: Any, columns: Mapping[str, np.ndarray]) -> pa.Table:
    """Arrow table of traces laid end to end: `lengths` rows of each run. Fixed columns come first."""
    import pyarrow as pa

    owner = np.repeat(np.arange(len(run_ids), dtype=np.int32), lengths)
    ids = pa.DictionaryArray.from_arrays(owner, pa.array(run_ids)).cast("string")
    names = [name for name in TRACE_COLUMNS if name in columns] + sorted(columns.keys() - TRACE_COLUMNS.keys())
    arrays = {name: pa.array(columns[name], type=TRACE_COLUMNS.get(name, "double")) for name in names}
    return pa.table({"run_id": ids} | arrays)


def _joined_traces(records: Sequence[RunRecord]) -> pa.Table | None:
    traced = [record for record in records if record.trace]
    if not traced:
        return None
    lengths = [len(record.trace["step"]) for record in traced]
    columns = {
        name: np.concatenate([
            record.trace.get(name, np.full(length, np.nan)) for record, length in zip(traced, lengths, strict=True)
        ])
        for name in {name for record in traced for name in record.trace}
    }  # fmt: skip
    return trace_table([record.row["run_id"] for record in traced], lengths, columns)


def runs_frame(table: pa.Table | None) -> pd.DataFrame:
    """Pandas frame of a runs table, with every fixed column even when empty."""
    return _frame(table, RUNS_COLUMNS)


def trace_frame(table: pa.Table | None) -> pd.DataFrame:
    """Pandas frame of a trace table."""
    return _frame(table, {name: kind for name, kind in TRACE_COLUMNS.items() if not name.startswith("x")})


def _frame(table: pa.Table | None, columns: Mapping[str, str]) -> pd.DataFrame:
    import pyarrow as pa

    found = pa.table({name: pa.array([], type=kind) for name, kind in columns.items()}) if table is None else table
    return found.to_pandas()
