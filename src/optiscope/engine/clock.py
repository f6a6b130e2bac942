"""When a run is evaluated and its schedule stepped: one rule for the plain loop and for lanes."""

from __future__ import annotations

from ..spec import Run


class Clock:
    """The calendar of a run, or of the first `steps` of it; lanes of one batch share one.

    `evaluations` are the steps at which metrics are taken that need a pass of their own.
    """

    def __init__(self, run: Run, steps: int):
        task = run.problem.task
        self._steps, self._epoch = steps, run.problem.steps_per_epoch
        self._per_epoch = run.schedule.interval == "epoch"
        self._per_evaluation = run.schedule.evaluated(run.problem)
        self.evaluations: frozenset[int] = frozenset()
        if task is not None and (task.validation_metrics or (task.training and task.training.noise_scale)):
            cadence = task.evaluate_every * self._epoch
            self.evaluations = frozenset({*range(0, steps + 1, cadence), steps})

    def ticks(self, done: int) -> bool:
        """Whether the schedule steps after so many steps."""
        if self._per_evaluation:
            return done in self.evaluations
        return not self._per_epoch or done % self._epoch == 0 or done == self._steps
