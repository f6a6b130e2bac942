"""How soon an optimizer reaches each target at its tuned rate: steps by seed, and seconds of the plain loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import run
from ..metrics import steps_to_target, targets_for
from ..naming import as_problem, grid
from ..spec import Run
from ..tuning import Tuned, tune
from ..tuning.rates import LrRange


@dataclass(frozen=True)
class ConvergenceCase:
    """What is run: a problem, an optimizer, a schedule, so many steps, so many seeds (0, 1, …, the same for all)."""

    problem: str
    optimizer: str
    schedule: str
    steps: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.problem}-{self.optimizer}-{self.schedule}-{self.steps}"

    @property
    def start(self) -> str:
        """Random, so that a function's seeds differ; a network's always do."""
        return "random" if as_problem(self.problem).is_function else "canonical"

    @property
    def evaluated_every(self) -> int:
        """Steps between two looks at a target: every step of a function, every evaluation of a network."""
        problem = as_problem(self.problem)
        return problem.steps_per_epoch * problem.task.evaluate_every if problem.task else 1

    def tuned(self, lr: LrRange, seeds: int) -> Tuned:
        """The best rate at this horizon, on seeds that no result uses."""
        return tune(self.problem, self.optimizer, self.schedule, self.steps, lr, seeds, self.start)

    def runs(self, lr: float) -> list[Run]:
        """One run a seed."""
        return grid(
            self.problem, self.optimizer, self.schedule, lr=lr, seed=range(self.seeds), start=self.start,
            steps=self.steps,
        )  # fmt: skip


def plain_loop(one: Run) -> float:
    """Seconds of a run by itself, in the plain loop, a step; the clock stands still while it is evaluated."""
    [row] = run([one], engine="single", trace="none").runs.to_dict("records")
    return row["wall_s"] / max(1, row["steps_done"])


def reached(runs: list[Run], seconds_a_step: float) -> list[dict[str, Any]]:
    """For each target, easiest first: the step of each seed (None where it was missed), medians, and the success rate.

    The medians count a miss as infinite, and are None where half of the seeds missed.
    """
    results = run(runs, trace="all" if runs[0].problem.task else "loss")
    hits = steps_to_target(results.runs, results.trace, targets_for(results.runs))
    found = []
    for (metric, target), rows in hits.groupby(["metric", "target"], sort=False):
        steps = rows.sort_values("seed")["step"].to_numpy(float)
        median = float(np.quantile(steps, 0.5, method="higher"))
        known = np.isfinite(median)
        found.append(
            {
                "metric": metric, "target": float(target),  # type: ignore[arg-type]
                "steps": [int(step) if np.isfinite(step) else None for step in steps],
                "median_steps": median if known else None,
                "median_s": median * seconds_a_step if known else None,
                "success_rate": float(np.isfinite(steps).mean()),
            }
        )  # fmt: skip
    return found
