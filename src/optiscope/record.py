"""The two tidy tables: their columns, the statuses, and what to save and how often. Imports pandas, pyarrow late.

runs  — one row a run. trace — one row a recorded step. Row `step = k` is the state after k optimizer steps: `loss` and
`grad_norm` are taken there,
        `lr_t` is the rate that the next step uses, `update_norm` is the length of the step that led there (NaN at 0).
        `grad_norm` is NaN in the last row, where no gradient is needed any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .spec import Run

SCHEMA_VERSION = 1

# name -> Arrow type; a problem's own metrics come behind these, as `NAME_final` (runs) and `NAME` (trace).
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
    "steps_done": "int64",  # the last finite step: fewer than `steps` where the run diverged or failed
    "loss_floor": "double",  # the least loss known for the problem; NaN where none is
    "grad_evals": "int64",
    "wall_s": "double",  # seconds spent on steps; evaluation of metrics is off the clock
    "events": "string",  # JSON: [{"step": …, "kind": "lr" | "note" | "diverged" | "error", …}]
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

    `every` n steps (0: nothing; the last state is always kept); `norms` of gradient and update, or the loss alone;
    `which` runs keep their trace: all, or the best of each problem × optimizer × schedule.
    """

    every: int = 1
    norms: bool = True
    which: Literal["all", "best"] = "all"

    def __post_init__(self) -> None:
        if self.every < 0:
            raise InputError(f"trace every n steps needs n >= 0, got {self.every}")


def as_trace(value: str | int | TraceSpec) -> TraceSpec:
    """`"all"`, `"loss"` (no norms), `"best"`, `"none"`, every n steps, or a TraceSpec.

    >>> as_trace("none").every
    0
    """
    named = {
        "all": TraceSpec(),
        "loss": TraceSpec(norms=False),
        "best": TraceSpec(which="best"),
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


def runs_row(
    run: Run, *, engine: str, device: str, purpose: str, status: Status, losses: Mapping[str, Any], error: str = "",
    events: Iterable[Mapping[str, Any]] = (), metrics: Mapping[str, float] | None = None, provenance_id: str = "",
) -> dict[str, Any]:  # fmt: skip
    """One row of the runs frame. `losses` holds loss_start … steps_done, grad_evals and wall_s."""
    row = {
        "run_id": run.run_id,
        "problem": run.problem.name,
        "optimizer": run.optimizer.name,
        "schedule": run.schedule.name,
        "lr": float(run.lr),
        "hyperparameters": json.dumps(run.hyperparameters, sort_keys=True, default=repr),
        "seed": run.seed,
        "start": run.start_label,
        "steps": run.steps,
        "dtype": run.dtype,
        "device": device,
        "engine": engine,
        "status": str(status),
        **losses,
        "loss_floor": run.problem.floor,
        "events": json.dumps(list(events)),
        "error": error,
        "purpose": purpose,
        "provenance_id": provenance_id,
    }
    return row | {f"{name}_final": value for name, value in (metrics or {}).items()}


def runs_table(records: Iterable[RunRecord]) -> pa.Table:
    """Arrow table of the runs rows, fixed columns first."""
    import pyarrow as pa

    rows = [record.row for record in records]
    extra = sorted({key for row in rows for key in row} - RUNS_COLUMNS.keys())
    arrays = {name: pa.array([row.get(name) for row in rows], type=kind) for name, kind in RUNS_COLUMNS.items()}
    arrays |= {name: pa.array([row.get(name) for row in rows], type="double") for name in extra}
    return pa.table(arrays)


def trace_table(records: Iterable[RunRecord]) -> pa.Table | None:
    """Arrow table of the traces, fixed columns first; None where nothing was traced."""
    import pyarrow as pa

    traced = [record for record in records if record.trace]
    if not traced:
        return None
    present = {name for record in traced for name in record.trace}
    names = [name for name in TRACE_COLUMNS if name in present or name == "run_id"]
    names += sorted(present - TRACE_COLUMNS.keys())
    lengths = [len(record.trace["step"]) for record in traced]
    columns: dict[str, Any] = {}
    for name in names:
        if name == "run_id":
            ids = pa.array([record.row["run_id"] for record in traced])
            columns[name] = pa.DictionaryArray.from_arrays(
                np.repeat(np.arange(len(traced), dtype=np.int32), lengths), ids
            ).cast("string")
            continue
        parts = [
            record.trace.get(name, np.full(length, np.nan)) for record, length in zip(traced, lengths, strict=True)
        ]
        columns[name] = pa.array(np.concatenate(parts), type=TRACE_COLUMNS.get(name, "double"))
    return pa.table(columns)


def runs_frame(table: pa.Table | None) -> pd.DataFrame:
    """Pandas frame of a runs table, with every fixed column even when empty."""
    return _frame(table, RUNS_COLUMNS)


def trace_frame(table: pa.Table | None) -> pd.DataFrame:
    """Pandas frame of a trace table."""
    return _frame(table, {name: kind for name, kind in TRACE_COLUMNS.items() if not name.startswith("x")})


def _frame(table: pa.Table | None, columns: Mapping[str, str]) -> pd.DataFrame:
    import pyarrow as pa

    if table is None:
        table = pa.table({name: pa.array([], type=kind) for name, kind in columns.items()})
    return table.to_pandas()
