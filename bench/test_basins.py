"""A map of basins: 200 by 200 starts, four optimizers, 500 steps, from starts to picture.

80 million lane-steps with `--benchmark-full`; a sixteenth of them by default, on 50 by 50 starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.measure import Level

pytestmark = pytest.mark.benchmark(group="basins")

SIDE, STEPS = 200, 500
RATES = {"SGD": 0.01, "Momentum": 0.00316, "RMSprop": 0.01, "Adam": 1.0}


def basins_of(side: int) -> Any:
    """The frame of all starts on Himmelblau's function."""
    problem = osc.problems()["himmelblau"]
    x, y = (np.linspace(low, high, side).tolist() for low, high in problem.bounds)
    starts = [(a, b) for b in y for a in x]
    runs = [one for name, lr in RATES.items() for one in osc.grid(problem, name, lr=lr, start=starts, steps=STEPS)]
    results = osc.run(runs, trace=osc.TraceSpec(every=0, norms=False, ends=True, target=1e-3))
    return osc.metrics.basins(results.runs, results.trace, problem.minima)


def basin_cases(level: Level) -> list[int]:
    """Starts along each axis: in the name, for other starts are other work."""
    return [level.pick(SIDE // 5, SIDE // 4, SIDE)]


@pytest.mark.cases(of=basin_cases)
def test_basins(benchmark: Any, tell: Callable[[str], None], tmp_path: Any, case: int) -> None:
    torch.set_num_threads(1)
    side = case
    minima = osc.problems()["himmelblau"].minima
    basins_of(8)  # warm

    def draw() -> tuple[Any, float]:
        begin = time.process_time()
        frame = basins_of(side)
        osc.render.basins(frame, minima).savefig(tmp_path / "basins.png")
        return frame, time.process_time() - begin

    frame, cpu = benchmark.pedantic(draw, rounds=1)
    assert len(frame) == 4 * side * side
    assert (frame["basin"] >= 0).mean() > 0.98
    lane_steps = len(frame) * STEPS
    benchmark.extra_info.update(threads=1, lane_steps=lane_steps, cpu_s=cpu, load=os.getloadavg())
    each = cpu / lane_steps * 1e6
    tell(f"basins: {lane_steps / 1e6:.0f} million lane-steps in {cpu:.1f} s of CPU, {each:.3f} µs each")
