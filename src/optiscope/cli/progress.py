"""A live progress bar in steps, with an estimate of what is left that learns each problem's cost as it goes."""

from __future__ import annotations

import time
from collections import defaultdict
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..spec import Problem, Run
from .output import Console

# Seconds a step before anything is measured; only the first estimate depends on them.
GUESS = {True: 2.5e-4, False: 5e-3}


class StudyProgress:
    """Use as a context; give `finished` to `run` as its `progress`."""

    def __init__(self, work: dict[Problem, int], console: Console):
        self._left: dict[Problem, int] = dict(work)
        self._seconds: dict[Problem, float] = defaultdict(float)
        self._steps: dict[Problem, int] = defaultdict(int)
        self.runs = 0
        self._bar = Progress(
            TextColumn("{task.description:<14}"), BarColumn(bar_width=30), TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[runs]} runs"), TimeElapsedColumn(), TextColumn("{task.fields[left]}"),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("starting", total=1.0, runs=0, left="")

    def __enter__(self) -> StudyProgress:
        self._bar.start()
        self._last = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def calibrated(self, problem: Problem, seconds_a_step: float) -> None:
        """Learn what a step costs before the first run is finished."""
        self._seconds[problem] += seconds_a_step
        self._steps[problem] += 1
        self._last = time.monotonic()

    def finished(self, runs: list[Run]) -> None:
        """These runs are finished, or were found so."""
        now = time.monotonic()
        spent, self._last = now - self._last, now
        steps = sum(one.steps for one in runs) or 1
        for one in runs:
            # Runs found in the store cost nothing and say nothing about the cost.
            if spent / steps > 1e-7:
                self._seconds[one.problem] += spent * one.steps / steps
                self._steps[one.problem] += one.steps
            self._left[one.problem] = max(0, self._left.get(one.problem, 0) - one.steps)
        self.runs += len(runs)
        left = sum(count * self._cost(problem) for problem, count in self._left.items())
        done = sum(self._seconds.values())
        share = 1.0 if left <= 0 else done / (done + left)
        self._bar.update(
            self._task, completed=share, description=runs[-1].problem.name if runs else "", runs=self.runs,
            left=f"about {_clock(left)} left",
        )  # fmt: skip

    def _cost(self, problem: Problem) -> float:
        steps = self._steps[problem]
        return self._seconds[problem] / steps if steps else GUESS[problem.is_function]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
