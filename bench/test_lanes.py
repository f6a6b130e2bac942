"""Lanes against the plain loop: the cost of a lane-step with summaries or full traces, as ratios of one run.

On a GPU both arms run there.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.measure import Level
from optiscope.measure.machine import why_no_cuda

pytestmark = pytest.mark.benchmark(group="lanes")

# lanes -> steps: the usual horizon of a sweep; what a run costs once is shared by them
SIZES = {1: 500, 100: 500, 1_000: 500, 10_000: 500, 100_000: 500}


def lane_cases(level: Level) -> list[tuple[int, str] | tuple[int, str, str]]:
    """Lanes, what is traced, and the device where it is not the processor."""
    if level.name == "quick":
        return [(1_000, "none")]
    gpu = [] if why_no_cuda() else [(lanes, "none", "cuda") for lanes in level.pick([], [1, 1_000, 100_000], [*SIZES])]
    return [*((lanes, "none") for lanes in SIZES), (1_000, "all"), *gpu]


def grid_of(lanes: int, steps: int) -> list[osc.Run]:
    """Adam on Rosenbrock, ten rates where there are so many lanes, random starts."""
    rates = [float(rate) for rate in np.geomspace(1e-4, 1e-1, min(10, lanes))]
    return osc.grid("rosenbrock", "Adam", lr=rates, seed=range(max(1, lanes // 10)), start="random", steps=steps)


def seconds_a_step(runs: list[osc.Run], **settings: str) -> float:
    """Wall seconds of `osc.run` and its frames, a lane-step."""
    begin = time.perf_counter()
    results = osc.run(runs, **settings)  # type: ignore[arg-type]
    assert len(results.runs) == len(runs)
    assert (results.runs["steps_done"] > 0).all()
    if settings["trace"] == "all":
        assert len(results.trace) > len(runs)
    return (time.perf_counter() - begin) / (len(runs) * runs[0].steps)


@pytest.mark.cases(of=lane_cases)
def test_lanes_against_the_plain_loop(
    benchmark, level: Level, tell: Callable[[str], None], case: tuple[int, str] | tuple[int, str, str]
) -> None:
    lanes, trace, device = case if len(case) == 3 else (*case, "cpu")
    torch.set_num_threads(1)
    steps = SIZES[lanes]
    runs = grid_of(lanes, steps)
    plain = grid_of(10, 500)[:3]
    for engine in ("single", "stacked"):  # warm
        osc.run(runs[:3], engine=engine, trace="none", device=device)

    def rounds() -> tuple[list[float], float, float]:
        ratios, plains, stacks = [], [], []
        for _ in range(level.pick(1, 1 if lanes == max(SIZES) else 3, 5)):
            plains.append(seconds_a_step(plain, engine="single", trace="none", device=device))
            stacks.append(seconds_a_step(runs, engine="stacked", trace=trace, device=device))
            ratios.append(plains[-1] / stacks[-1])
        return ratios, statistics.median(plains), statistics.median(stacks)

    ratios, plain_s, stacked_s = benchmark.pedantic(rounds, rounds=1)
    ratio = statistics.median(ratios)
    benchmark.extra_info.update(
        threads=1, device=device, lanes=lanes, steps=steps, trace=trace, ratio=ratio, ratio_rounds=ratios,
        plain_us_a_step=1e6 * plain_s, stacked_us_a_lane_step=1e6 * stacked_s,
    )  # fmt: skip
    tell(
        f"{lanes} lanes, trace {trace}, {device}: {1e6 * stacked_s:.3f} us a lane-step, "
        f"plain loop {1e6 * plain_s:.0f} us: x{ratio:.0f}"
    )
