"""Lanes against the plain loop: the cost of a lane-step with summaries or full traces, as ratios of one run."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
import torch

import optiscope as osc

SIZES = {1_000: 500, 10_000: 200, 100_000: 50}  # lanes -> steps, trimmed so that each takes about a second


def grid_of(lanes: int, steps: int) -> list[osc.Run]:
    """Adam on Rosenbrock, ten rates, random starts."""
    rates = [float(rate) for rate in np.geomspace(1e-4, 1e-1, 10)]
    return osc.grid("rosenbrock", "Adam", lr=rates, seed=range(lanes // 10), start="random", steps=steps)


def seconds_a_step(runs: list[osc.Run], **settings: str) -> float:
    """Wall seconds of `osc.run` and its frames, a lane-step."""
    begin = time.perf_counter()
    results = osc.run(runs, **settings)  # type: ignore[arg-type]
    assert len(results.runs) == len(runs)
    assert (results.runs["steps_done"] > 0).all()
    if settings["trace"] == "all":
        assert len(results.trace) > len(runs)
    return (time.perf_counter() - begin) / (len(runs) * runs[0].steps)


@pytest.mark.parametrize(("lanes", "trace"), [(1_000, "none"), (10_000, "none"), (100_000, "none"), (1_000, "all")])
def test_lanes_against_the_plain_loop(benchmark, lanes: int, trace: str) -> None:
    torch.set_num_threads(1)
    steps = SIZES[lanes]
    runs = grid_of(lanes, steps)
    plain = grid_of(10, 500)[:3]
    osc.run(runs[:100], engine="stacked", trace="none")  # warm

    def rounds() -> tuple[float, float, float]:
        ratios, plains, stacks = [], [], []
        for _ in range(3):
            plains.append(seconds_a_step(plain, engine="single", trace="none"))
            stacks.append(seconds_a_step(runs, engine="stacked", trace=trace))
            ratios.append(plains[-1] / stacks[-1])
        return statistics.median(ratios), statistics.median(plains), statistics.median(stacks)

    ratio, plain_s, stacked_s = benchmark.pedantic(rounds, rounds=1)
    benchmark.extra_info.update(
        threads=1, lanes=lanes, steps=steps, trace=trace, ratio=ratio,
        plain_us_a_step=1e6 * plain_s, stacked_us_a_lane_step=1e6 * stacked_s,
    )  # fmt: skip
    print(
        f"\n{lanes} lanes, trace {trace}: {1e6 * stacked_s:.3f} us a lane-step, "
        f"plain loop {1e6 * plain_s:.0f} us: x{ratio:.0f}"
    )
