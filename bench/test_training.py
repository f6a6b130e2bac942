"""Training throughput: samples a second, and how much of an iteration is the optimizer's.

The benchmark's own time is that of whole iterations, nothing synchronised in between. Apart from it, batch, forward,
backward and step are timed one by one, the device synchronised after each; the optimizer's share is theirs. The demo
CNN has smaller images unless everything is run at its full size: its first linear layer, and so the share, grows with
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from optiscope import optimizers, problems
from optiscope.measure import Level, time_blocks
from optiscope.measure.clocks import device_clock
from optiscope.measure.harness import Harness, timed
from optiscope.measure.machine import why_no_cuda
from optiscope.measure.phases import NOT_TIMED, TrainingLoop, parameters_of

pytestmark = pytest.mark.benchmark(group="training", timer=device_clock.read)

NETWORKS = [name for name, problem in problems().items() if problem.task is not None]


@dataclass(frozen=True)
class TrainingCase:
    problem: str
    optimizer: str
    device: str = "cpu"

    def __str__(self) -> str:
        return f"{self.problem}-{self.optimizer}-{self.device}"


def training_cases(level: Level) -> list[Any]:
    every = [name for name in optimizers() if name not in NOT_TIMED]
    names = level.pick(["AdamW"], ["SGD", "AdamW"], every)
    small = ["demo-cnn(image_size=64, batch_size=8)" if name == "demo-cnn" else name for name in NETWORKS]
    networks = level.pick(["digits-cnn", "digits-mlp"], small, NETWORKS)
    cases: list[Any] = [TrainingCase(network, name) for network in networks for name in names]
    if level.name == "full":
        cases += [pytest.param(None, marks=pytest.mark.skip(reason=f"{name}: {why}"), id=name)
                  for name, why in NOT_TIMED.items()]  # fmt: skip
    reason = why_no_cuda()
    if reason:
        skip = pytest.mark.skip(reason=f"CUDA: {reason}")
        return [*cases, pytest.param(TrainingCase("digits-cnn", "AdamW", "cuda"), marks=skip, id="cuda")]
    return [*cases, *(TrainingCase(network, name, "cuda") for network in NETWORKS for name in names)]


@pytest.mark.timeout(900)
@pytest.mark.cases(of=training_cases)
def test_training(
    benchmark: Any, harness: Harness, level: Level, tell: Callable[[str], None], case: TrainingCase
) -> None:
    loop = TrainingLoop(case.problem, case.optimizer, case.device)
    # As many iterations to a block as take some 20 ms; the same for every optimizer of a problem.
    probe = time_blocks(TrainingLoop(case.problem, "SGD", case.device).iteration, steps=2, rounds=2, device=case.device)
    steps = max(1, min(20, round(0.02 / probe.spread.median)))
    rounds = level.pick(3, 7, 15)
    seconds = timed(benchmark, loop.iteration, loop.guard(), steps=steps, rounds=rounds, device=case.device)
    if seconds is None:
        return
    guard = loop.guard()
    phases = loop.phases(rounds, steps)
    guard.check(rounds * steps)
    benchmark.extra_info.update(
        problem=case.problem, optimizer=case.optimizer, device=case.device, threads=harness.threads,
        parameters=parameters_of(loop), batch_size=loop.batch_size, steps_a_block=steps,
        samples_per_s=loop.batch_size / seconds, **phases.as_record(),
    )  # fmt: skip
    tell(
        f"{case}: {loop.batch_size / seconds:,.0f} samples/s, {1e3 * seconds:.3g} ms an iteration, "
        f"the optimizer {phases.optimizer_share:.0%} of it"
    )
