"""What a scheduler's step costs, by class, and its share of a training step: of `digits-mlp`, AdamW, in this run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from optiscope import schedules
from optiscope.measure import Level, time_blocks
from optiscope.measure.harness import Harness, timed
from optiscope.measure.phases import TrainingLoop
from optiscope.measure.schedulers import SchedulerStepper

pytestmark = pytest.mark.benchmark(group="scheduler")

STEPS = 50  # of a block


def scheduler_cases(level: Level) -> list[str]:
    every = [name for name in schedules() if name != "constant"]
    return every[:: level.pick(6, 1, 1)]


@pytest.fixture(scope="module")
def training_step_s() -> float:
    """Seconds of a training step."""
    return time_blocks(TrainingLoop("digits-mlp", "AdamW").iteration, steps=10, rounds=9).spread.median


@pytest.mark.cases(of=scheduler_cases)
def test_scheduler(
    benchmark: Any, harness: Harness, level: Level, tell: Callable[[str], None], case: str, training_step_s: float
) -> None:
    rounds = level.pick(5, 20, 50)
    stepper = SchedulerStepper(case, STEPS * (rounds + 1) + 1)
    seconds = timed(benchmark, stepper.step, stepper, steps=STEPS, rounds=rounds)
    if seconds is None:
        return
    share = seconds / (seconds + training_step_s)
    benchmark.extra_info.update(
        schedule=case, us_per_step=1e6 * seconds, training_step_us=1e6 * training_step_s, share_of_training_step=share,
        threads=harness.threads,
    )  # fmt: skip
    tell(f"{case}: {1e6 * seconds:.2f} us, {share:.2%} of a training step of {1e6 * training_step_s:.0f} us")
