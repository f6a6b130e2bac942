"""How many lanes of a network go together: found by trying, since it hangs on the network, the machine and its caches.

A lane-step of a small network costs less among others (one call serves all), one of a larger network more (their
weights no longer fit a cache). A few steps at each size decide.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..seeding import OwnRandom
from ..spec import Run
from .instance import NetworkInstance
from .lane_models import lane_model
from .lane_table import LaneTable
from .lanes import TIERS

SIZES = (8, 32, 128)
WIDE = (*SIZES, 512, 2048)  # on an accelerator, which a few small networks leave idle
STEPS = 4  # timed at each size, after one that warms up; the least of them counts
GAIN = 1.15  # alone is as good as together unless it takes this much longer: so few steps tell no finer
WORTH_S = 2.0  # a sweep shorter than this is not worth finding out


def lanes_together(runs: Sequence[Run], fit: int, device: str) -> int:
    """The number of lanes, at most `fit`, at which a lane-step takes least; 1 where none is quicker than alone."""
    if fit < SIZES[0] or len(runs) < SIZES[0]:
        return 1
    alone = _alone(runs[0], device)
    if alone * len(runs) * runs[0].steps < WORTH_S:
        return 1
    best, quickest = 1, alone / GAIN
    sizes = SIZES if device == "cpu" else WIDE
    for size in (size for size in sizes if size <= min(fit, len(runs))):
        taken = _together(tuple(runs[:size]), device)
        if taken < quickest:
            best, quickest = size, taken
        elif best > 1:
            break  # larger ones are slower already
    return best


@functools.lru_cache(maxsize=64)
def _alone(run: Run, device: str) -> float:
    """Seconds that a step takes in the plain loop."""
    with OwnRandom(run.seed, "calibration", device):
        instance = NetworkInstance(run, device)
        optimizer: Any = run.optimizer.build(instance.parameters, run.lr)

        def step(k: int) -> None:
            optimizer.zero_grad()
            instance.loss(k).backward()
            optimizer.step()

        return _least(step, device)


@functools.lru_cache(maxsize=64)
def _together(runs: tuple[Run, ...], device: str) -> float:
    """Seconds that a lane-step takes in the first tier that can; infinite where none can."""
    with OwnRandom(0, "calibration", device):
        for tier in TIERS.values():
            try:
                model, table = lane_model(runs, device), LaneTable(runs)
                lanes = tier(runs, table, model)
                lanes.set(table.current())
                ones = torch.ones(len(runs), dtype=model.start[0].dtype, device=device)
                step = functools.partial(_step, model, lanes, ones)
                return _least(step, device) / len(runs)
            except Exception:  # other people's code: whether it can run in a tier is found out by the proof, in words
                continue
    return float("inf")


def _step(model: Any, lanes: Any, ones: torch.Tensor, k: int) -> None:
    lanes.zero_grad()
    model.losses(k, lanes.stacks()).backward(ones)
    lanes.step()


def _least(step: Callable[[int], None], device: str) -> float:
    times = []
    for k in range(STEPS + 1):
        if device != "cpu":
            torch.accelerator.synchronize()
        begin = time.perf_counter()
        step(k)
        if device != "cpu":
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - begin)
    return min(times[1:])
