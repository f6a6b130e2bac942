"""A problem's own metrics along a run of the plain loop, taken off its clock."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from ..spec import Run
from .instance import Instance
from .training import TrainingStep


class Measured:
    """What was measured at which step; `off_clock` are the seconds that this took since the first step."""

    def __init__(self, run: Run, instance: Instance, training: TrainingStep | None):
        self._run, self._instance, self._training = run, instance, training
        self._found: dict[int, dict[str, float]] = {}
        self.off_clock = 0.0

    def evaluate(self, step: int) -> None:
        """Take the metrics that need a pass of their own."""
        begin = time.perf_counter()
        found = self._instance.evaluate()
        if self._training is not None:
            found = found | self._training.evaluate(step)
        self._keep(step, found)
        # What comes before the first step is not on the clock anyway.
        self.off_clock += time.perf_counter() - begin if step else 0.0

    def batch(self, step: int) -> None:
        """Take the metrics that the loss of this step left behind."""
        begin = time.perf_counter()
        self._keep(step, self._instance.batch_metrics())
        self.off_clock += time.perf_counter() - begin

    def monitored(self, step: int, losses: Sequence[Any]) -> float:
        """What an adaptive schedule looks at after `step`: the mean loss of the epoch so far, or its metric's latest.

        Raises InputError for a metric that the problem does not have.
        """
        problem, schedule = self._run.problem, self._run.schedule
        if schedule.monitor == "loss":
            window = losses[step - step % problem.steps_per_epoch :]
            return math.fsum(float(value) for value in window) / len(window)
        for found in (self._found[k] for k in sorted(self._found, reverse=True)):
            if schedule.monitor in found:
                return found[schedule.monitor]
        known = ", ".join(sorted({"loss", *problem.metrics}))
        raise InputError(f"{schedule.name} monitors {schedule.monitor!r}; {problem.name} has {known}")

    def finals(self, rows: int) -> dict[str, float]:
        """The latest value of each metric, of a run with so many finite losses."""
        return {f"{name}_final": value for k in self._steps(rows) for name, value in self._found[k].items()}

    def columns(self, steps: np.ndarray, rows: int) -> dict[str, np.ndarray]:
        """Trace columns at these steps, NaN where nothing was measured."""
        found = {k: self._found[k] for k in self._steps(rows)}
        names = sorted({name for one in found.values() for name in one})
        return {name: np.array([found.get(int(k), {}).get(name, math.nan) for k in steps]) for name in names}

    def _steps(self, rows: int) -> list[int]:
        return [k for k in sorted(self._found) if k < max(1, rows)]

    def _keep(self, step: int, found: dict[str, float]) -> None:
        if found:
            self._found.setdefault(step, {}).update(found)
