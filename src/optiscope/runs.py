"""The noun `Run`: one cell of a grid, and the `run_id` that names it. Imports none of the specs it is made of."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .groups import as_recorded

if TYPE_CHECKING:
    from .spec import OptimizerSpec, Problem, ScheduleSpec

Start = str | tuple[float, ...]  # "canonical", "random", or a point


@dataclass(frozen=True)
class Run:
    """One cell: problem × optimizer × schedule × lr × seed × start × steps × dtype.

    `target` ends it at the first step whose loss is within so much of the least known (`Problem.floor`), or, where
    none is known, at most so much. A run with a target is another run than one without.
    """

    problem: Problem
    optimizer: OptimizerSpec
    schedule: ScheduleSpec
    lr: float
    seed: int = 0
    start: Start = "canonical"
    steps: int = 500
    dtype: str = "float64"
    target: float | None = None

    def __post_init__(self) -> None:
        if self.target is not None and not math.isfinite(self.target):
            raise InputError(f"target must be a finite number, got {self.target!r}")

    @property
    def end_loss(self) -> float:
        """The loss that ends the run, at or below; minus infinity where no target is set."""
        if self.target is None:
            return -math.inf
        floor = self.problem.floor
        return self.target if math.isnan(floor) else floor + self.target

    @functools.cached_property
    def run_id(self) -> str:
        """Sixteen hexadecimal digits that name what defines the run; machine and versions are provenance."""
        return run_ids([self])[0]

    @property
    def start_label(self) -> str:
        """`canonical`, `random`, or the point itself."""
        return self.start if isinstance(self.start, str) else repr(tuple(self.start))

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The optimizer's and the schedule's arguments, as the runs frame keeps them."""
        optimizer = dict(self.optimizer.arguments) | as_recorded(self.optimizer.groups)
        return {"optimizer": optimizer, "schedule": dict(self.schedule.arguments)}


def run_ids(runs: Sequence[Run]) -> list[str]:
    """The `run_id` of each run. What runs have in common is hashed once: a million of them take a second or two."""
    shared: dict[tuple[Any, ...], Any] = {}
    ids = []
    for one in runs:
        own = one.__dict__
        found = own.get("run_id")
        if found is None:
            family = (id(one.problem), id(one.optimizer), id(one.schedule), one.steps, one.dtype)
            common = shared.get(family)
            if common is None:
                parts = (one.problem.identity, one.optimizer.identity, one.schedule.identity, str(one.steps), one.dtype)
                common = shared[family] = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8)
            digest = common.copy()
            start = one.start if one.start.__class__ is str else one.start_label
            end = "" if one.target is None else f"\x1ftarget={float(one.target)!r}"
            digest.update(f"\x1f{float(one.lr)!r}\x1f{one.seed}\x1f{start}{end}".encode())
            found = own["run_id"] = digest.hexdigest()
        ids.append(found)
    return ids
