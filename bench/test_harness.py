"""What the harness adds to a step: its reading of a step against the step's own clock, on the very same steps.

A step of some 10 ms (AdamW, `foreach`) reads the clock when it begins and when it ends. What the harness reads beyond
that, a block at a time, is its own: the loop, the call, pytest-benchmark. Both of its clocks are looked at, that under
`benchmark` and `time_blocks`. More than 1% is an error.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from optiscope.measure import Level, ParameterSet, StepCase, Stepper, time_blocks
from optiscope.measure.clocks import device_clock
from optiscope.measure.harness import Harness, timed

pytestmark = pytest.mark.benchmark(group="harness", timer=device_clock.read)

STEPS = 10  # of a block
MOST = 1.01


class Watched:
    """A step with a clock of its own."""

    def __init__(self, step: Callable[[], object]):
        self.step, self.seconds = step, []

    def __call__(self) -> None:
        begin = time.perf_counter()
        self.step()
        self.seconds.append(time.perf_counter() - begin)

    def blocks(self, rounds: int) -> list[float]:
        """Mean seconds of a step, of each of the first blocks after the one that is not read."""
        read = self.seconds[STEPS : STEPS * (rounds + 1)]
        return [statistics.fmean(read[i : i + STEPS]) for i in range(0, len(read), STEPS)]


def overheads(readings: list[float], watched: Watched) -> list[float]:
    """Of each round, the harness's reading over the step's own."""
    return [outside / inside for outside, inside in zip(readings, watched.blocks(len(readings)), strict=True)]


def test_overhead(benchmark: Any, harness: Harness, level: Level, tell: Callable[[str], None]) -> None:
    shapes = ((512, 512),) * 8
    stepper = Stepper(StepCase("AdamW", "foreach", ParameterSet("eight", shapes, "8 matrices of 512×512")))
    rounds = level.pick(3, 9, 15)
    fixture = Watched(stepper.step)
    seconds = timed(benchmark, fixture, stepper.guard(), steps=STEPS, rounds=rounds)
    if seconds is None:
        return
    blocks = Watched(stepper.step)
    by_blocks = overheads(list(time_blocks(blocks, steps=STEPS, rounds=rounds).wall), blocks)
    by_fixture = overheads(list(benchmark.stats.stats.data), fixture)
    found = {"overhead": statistics.median(by_fixture), "overhead_time_blocks": statistics.median(by_blocks)}
    benchmark.extra_info.update(
        found, threads=harness.threads, steps_a_block=STEPS, overhead_rounds=by_fixture,
        overhead_time_blocks_rounds=by_blocks,
    )  # fmt: skip
    tell(
        f"the harness adds {found['overhead'] - 1:.3%} to a step of {1e3 * seconds:.3g} ms, "
        f"time_blocks {found['overhead_time_blocks'] - 1:.3%}"
    )
    assert max(found.values()) < MOST
