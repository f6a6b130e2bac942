"""Steps and seconds to each target at tuned rates, over seeds that are the same for all: 0, 1, 2, …

The rate is searched on seeds of its own, on one grid for all, at the horizon that is drawn. What is timed is one run of
the plain loop, evaluation off the clock; seconds to a target are the steps to it at that pace. A network's target is
looked for at its evaluations, and `evaluated_every` so many steps. Seeds are as many as a paired test with Holm's
correction over all the cells needs; the quick selection, which tests nothing, has fewer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from optiscope import Problem, optimizers, problems
from optiscope.measure import Level
from optiscope.measure.convergence import ConvergenceCase, plain_loop, reached
from optiscope.measure.harness import Harness
from optiscope.tuning.rates import LrRange

pytestmark = pytest.mark.benchmark(group="convergence")

LEFT_OUT = {
    "LBFGS": "LBFGS searches along a line, and one of its steps is many of another's",
    "Muon": "Muon takes matrices only, and these problems have more",
    "SparseAdam": "SparseAdam takes sparse gradients only",
    "demo-cnn": "a run of demo-cnn is minutes long, and a search is hundreds of them: bench/test_training.py has it",
}


def convergence_cases(level: Level) -> list[Any]:
    known: dict[str, Problem] = problems()
    every = [name for name in optimizers() if name not in LEFT_OUT]
    functions = level.pick(
        ["rosenbrock"], ["rosenbrock", "quadratic(condition=100)"],
        [name for name, problem in known.items() if problem.is_function and problem.dim == 2 and not problem.noise],
    )  # fmt: skip
    networks = level.pick(
        [], ["digits-logistic"], [name for name, problem in known.items() if problem.task and name not in LEFT_OUT]
    )
    methods = level.pick(["Adam"], ["Momentum", "Adam", "RMSprop"], every)
    schedules = level.pick(["constant"], ["constant", "CosineAnnealingLR"], ["constant", "CosineAnnealingLR", "wsd"])
    seeds = level.pick(6, 12, 30)
    left_out = [pytest.param(None, marks=pytest.mark.skip(reason=why), id=name) for name, why in LEFT_OUT.items()]
    return [
        *level.pick([], [], left_out),
        *(ConvergenceCase(problem, method, schedule, 500, seeds)
          for problem in functions for method in methods for schedule in schedules),
        *(ConvergenceCase(problem, method, schedule, level.pick(0, 230, known[problem].default_steps),
                          level.pick(0, 12, 20))
          for problem in networks for method in level.pick([], methods[:2], methods) for schedule in schedules[:2]),
    ]  # fmt: skip


@pytest.mark.timeout(3600)
@pytest.mark.cases(of=convergence_cases)
def test_convergence(
    benchmark: Any, harness: Harness, level: Level, tell: Callable[[str], None], case: ConvergenceCase
) -> None:
    torch.set_num_threads(1)
    grid = LrRange(1e-3, 1.0, per_decade=level.pick(1, 2, 4))
    tuned = case.tuned(grid, level.pick(1, 2, 5))
    runs = case.runs(tuned.lr)
    found: list[float] = []
    benchmark.pedantic(lambda: found.append(plain_loop(runs[0])), rounds=level.pick(1, 3, 5))
    seconds = sorted(found)[len(found) // 2]
    targets = reached(runs, seconds)
    benchmark.extra_info.update(
        problem=case.problem, optimizer=case.optimizer, schedule=case.schedule, steps=case.steps, start=case.start,
        seeds=list(range(case.seeds)), evaluated_every=case.evaluated_every, lr=tuned.lr, lr_edge=tuned.edge,
        trials=tuned.trials, targets=targets, us_per_step=1e6 * seconds, device="cpu", threads=1,
    )  # fmt: skip
    met = [one for one in targets if one["median_steps"] is not None]
    words = (
        f"{met[-1]['median_steps']:.0f} steps, {met[-1]['median_s']:.3g} s, "
        f"to {met[-1]['metric']} {met[-1]['target']:g}"
        if met
        else "no target met by half of the seeds"
    )
    tell(f"{case}: lr {tuned.lr:g}{' (edge)' if tuned.edge else ''}; {words}")
