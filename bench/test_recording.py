"""The recorded run against a bare torch loop of the same steps, side by side in one run (METHOD 17, 18).

The two arms alternate, so that whatever else the machine does meets both; quoted is the median ratio of neighbours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import cross_entropy

import optiscope as osc
from optiscope.engine.instance import NetworkInstance
from optiscope.engine.single import run_single
from optiscope.measure import Level
from optiscope.record import as_trace

pytestmark = pytest.mark.benchmark(group="recording")


def recording_cases(level: Level) -> list[tuple[str, str]]:
    every = [(problem, name) for problem in ("rosenbrock", "digits-cnn") for name in ("SGD", "Momentum", "Adam")]
    # A run of the network takes ten times as long, and one optimizer more or less tells little there.
    fewer = [case for case in every if case[0] == "rosenbrock" or case[1] == "Adam"]
    return level.pick([("rosenbrock", "Adam")], fewer, every)


def bare_function(run: osc.Run) -> None:
    """What somebody would write by hand: no record at all."""
    loss_of = run.problem.loss
    assert loss_of is not None
    x = torch.nn.Parameter(torch.tensor(run.problem.start, dtype=torch.float64))
    optimizer = run.optimizer.build([x], run.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, run.steps)
    for _ in range(run.steps):
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        scheduler.step()


def bare_network(run: osc.Run) -> None:
    """The same for a network: its batches, forward, backward and step, and validation as often as the run has it."""
    instance = NetworkInstance(run, "cpu")
    module, batches = instance.module, instance._batches
    optimizer = run.optimizer.build(module.parameters(), run.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, run.steps)
    for step in range(run.steps):
        if step % run.problem.steps_per_epoch == 0:
            instance.evaluate()
        inputs, target = next(batches)
        optimizer.zero_grad()
        cross_entropy(module(inputs), target).backward()
        optimizer.step()
        scheduler.step()
    instance.evaluate()


def alternate(arms: list[Callable[[], object]], rounds: int) -> tuple[float, list[list[float]]]:
    """Median seconds of the first arm, and of each arm its ratios to the first of the same round."""
    times: list[list[float]] = [[] for _ in arms]
    for arm in arms:
        arm()  # warm
    for _ in range(rounds):
        for arm, spent in zip(arms, times, strict=True):
            begin = time.perf_counter()
            arm()
            spent.append(time.perf_counter() - begin)
    ratios = [[b / a for a, b in zip(times[0], spent, strict=True)] for spent in times]
    return statistics.median(times[0]), ratios


@pytest.mark.cases(of=recording_cases)
def test_recording(benchmark, level: Level, tell: Callable[[str], None], case: tuple[str, str]) -> None:
    problem, optimizer = case
    torch.set_num_threads(1)
    function = problem == "rosenbrock"
    # Momentum on Rosenbrock at 1e-4 does not diverge: a run that stops early would look cheap.
    run = osc.grid(problem, optimizer, "CosineAnnealingLR", lr=1e-4, steps=400 if function else 69)[0]
    bare = bare_function if function else bare_network
    arms: list[Callable[[], object]] = [
        lambda: bare(run),
        lambda: run_single(run, as_trace("all")),
        lambda: run_single(run, as_trace("loss")),
    ]
    assert run_single(run, as_trace("none")).row["steps_done"] == run.steps
    bare_s, (_, *ratios) = benchmark.pedantic(lambda: alternate(arms, level.pick(3, 5, 15)), rounds=1)
    full, loss_only = map(statistics.median, ratios)
    benchmark.extra_info.update(
        threads=1, steps=run.steps, bare_us_a_step=1e6 * bare_s / run.steps,
        ratio_full=full, ratio_loss_only=loss_only, ratio_full_rounds=ratios[0], ratio_loss_only_rounds=ratios[1],
    )  # fmt: skip
    tell(
        f"{problem}, {optimizer}: bare {1e6 * bare_s / run.steps:.0f} us a step; "
        f"recorded in full x{full:.3f}, loss only x{loss_only:.3f}"
    )
