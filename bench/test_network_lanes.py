"""Networks on lanes against the plain loop, one thread: a lane-step of each, as ratios taken in one run.

The MLP goes in 32 lanes; every small network goes in as many as calibration finds best, up to 128, or 2,048 on a GPU,
where both arms run there. Where that is one lane, the engine runs the plain loop and nothing is to be gained or lost:
the ratio is then that of two plain loops, and shows how well the machine repeats itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.engine.chunks import lanes_together
from optiscope.measure import Level
from optiscope.measure.machine import why_no_cuda

pytestmark = pytest.mark.benchmark(group="network lanes")

ALONE = 2  # runs of the plain loop, one after another
MOST = {"cpu": 128, "cuda": 2048}  # lanes that calibration may choose
MOST_GPU = 256  # unless all is run: each lane's network is made anew for every arm, which takes its time
LEAST_S = 0.5  # how long each side of a round takes, about, if that is
LEAST_STEPS = 48
# The demo CNN is no small network: its 47.8 million weights are never stacked.
SMALL = [name for name, problem in osc.problems().items() if problem.task is not None and name != "demo-cnn"]


def chunk_cases(level: Level) -> list[str | tuple[str, str]]:
    """A network, and the device where it is not the processor."""
    names = level.pick(["digits-mlp"], ["digits-mlp"], SMALL)
    gpu = [] if why_no_cuda() else level.pick([], ["digits-mlp"], SMALL)
    return [*names, *((name, "cuda") for name in gpu)]


def grid_of(problem: str, lanes: int, steps: int) -> list[osc.Run]:
    """Adam at as many rates as lanes, one seed."""
    rates = [float(rate) for rate in np.geomspace(1e-4, 1e-2, lanes)]
    return osc.grid(problem, "Adam", lr=rates, steps=steps)


def seconds_a_step(problem: str, lanes: int, steps: int, engine: str, device: str) -> float:
    """Wall seconds of a lane-step of `osc.run`: from two lengths, so that what each run costs once drops out."""
    taken = []
    for length in (steps // 4, steps):
        runs = grid_of(problem, lanes, length)
        begin = time.perf_counter()
        results = osc.run(runs, engine=engine, trace="none", device=device)
        taken.append(time.perf_counter() - begin)
        assert results.runs["steps_done"].sum() == lanes * length
    return (taken[1] - taken[0]) / (lanes * (steps - steps // 4))


def tier_of(runs: list[osc.Run], device: str) -> str:
    """The first tier that can run these, stacked or grouped."""
    try:
        osc.run(runs, engine="stacked", trace="none", device=device)
    except osc.InputError:
        return "grouped"
    return "stacked"


def compared(
    benchmark: Any, level: Level, problem: str, lanes: int, device: str = "cpu"
) -> tuple[str, float, float, float]:
    """The tier, the median ratio (plain loop to lanes), and the medians of both in seconds a lane-step."""
    torch.set_num_threads(1)
    tier = tier_of(grid_of(problem, lanes, 2), device) if lanes > 1 else "single"
    a_step = seconds_a_step(problem, ALONE, LEAST_STEPS, "single", device)
    long, short = (max(LEAST_STEPS, round(LEAST_S / (a_step * runs))) for runs in (ALONE, max(lanes, ALONE)))

    def rounds() -> tuple[list[float], float, float]:
        ratios, plains, lanes_s = [], [], []
        for _ in range(level.pick(1, 3, 5)):
            plains.append(seconds_a_step(problem, ALONE, long, "single", device))
            lanes_s.append(seconds_a_step(problem, max(lanes, ALONE), short, tier, device))
            ratios.append(plains[-1] / lanes_s[-1])
        return ratios, statistics.median(plains), statistics.median(lanes_s)

    ratios, plain_s, lane_s = benchmark.pedantic(rounds, rounds=1)
    ratio = statistics.median(ratios)
    benchmark.extra_info.update(
        threads=1, device=device, problem=problem, lanes=lanes, tier=tier, steps=short,
        ratio=ratio, ratio_rounds=ratios, plain_us_a_step=1e6 * plain_s, us_a_lane_step=1e6 * lane_s,
    )  # fmt: skip
    return tier, ratio, plain_s, lane_s


def line(tier: str, ratio: float, plain_s: float, lane_s: float) -> str:
    """Of a case, what it came to."""
    return f"({tier}): {1e6 * lane_s:.0f} us a lane-step, plain loop {1e6 * plain_s:.0f} us: x{ratio:.2f}"


def test_an_mlp_in_32_lanes(benchmark: Any, level: Level, tell: Callable[[str], None]) -> None:
    tell(f"digits-mlp, 32 lanes {line(*compared(benchmark, level, 'digits-mlp', 32))}")


@pytest.mark.timeout(900)
@pytest.mark.cases(of=chunk_cases)
def test_a_network_in_the_calibrated_chunk(
    benchmark: Any, level: Level, tell: Callable[[str], None], case: str | tuple[str, str]
) -> None:
    problem, device = (case, "cpu") if isinstance(case, str) else case
    torch.set_num_threads(1)
    most = MOST_GPU if device != "cpu" and level.name != "full" else MOST[device]
    lanes = lanes_together(grid_of(problem, most, 10_000), most, device)
    told = line(*compared(benchmark, level, problem, lanes, device))
    tell(f"{problem} on {device}, calibrated chunk of {lanes} {told}")
