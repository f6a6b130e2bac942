"""A training iteration taken apart: batch, forward, backward, step. On the engine's own instances of a problem."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..engine.instance import NetworkInstance
from ..errors import InputError
from ..naming import grid
from ..spec import Problem
from .clocks import resting_collector, synchronise
from .guards import StepGuard

PHASES = ("batch", "forward", "backward", "step")
# Not taken apart, and why.
NOT_TIMED = {
    "LBFGS": "its step calls forward and backward itself",
    "Muon": "it takes matrices only, and these networks have more",
    "SparseAdam": "it takes sparse gradients only",
}


@dataclass(frozen=True)
class Phases:
    """Median seconds of each phase of an iteration; the optimizer's is `zero_grad` and `step` together."""

    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Of one iteration, with the device synchronised between the phases."""
        return sum(self.seconds.values())

    @property
    def optimizer_share(self) -> float:
        """The optimizer's part of it."""
        return self.seconds["step"] / self.total

    def as_record(self) -> dict[str, float]:
        """For a JSON file."""
        return {f"{name}_s": value for name, value in self.seconds.items()} | {"optimizer_share": self.optimizer_share}


class TrainingLoop:
    """A network with its data and an optimizer, as the engine's plain loop has them, without recording.

    Raises InputError for a test function, or an optimizer of `NOT_TIMED`.
    """

    def __init__(self, problem: str | Problem, optimizer: str, device: str = "cpu", lr: float | str = "default"):
        if optimizer in NOT_TIMED:
            raise InputError(f"{optimizer} is not timed in a training loop: {NOT_TIMED[optimizer]}")
        [run] = grid(problem, optimizer, lr=lr, steps=100)
        if run.problem.task is None:
            raise InputError(f"{run.problem.name} is a test function: it has no forward and backward pass to speak of")
        self.problem, self.device, self.batch_size = run.problem, device, run.problem.task.batch_size
        self._instance = NetworkInstance(run, device)
        self.optimizer = run.optimizer.build(self._instance.module.parameters(), run.lr)
        self._done = 0
        self.iteration()

    def iteration(self) -> None:
        """One step of training, and nothing else."""
        self.optimizer.zero_grad()
        self._instance.loss(self._done).backward()
        self.optimizer.step()
        self._done += 1

    def guard(self) -> StepGuard:
        """A guard over the iterations to come: most tensors must have a gradient and change."""
        return StepGuard(self.optimizer, least=0.5)

    def phases(self, rounds: int, steps: int = 1) -> Phases:
        """Each phase by itself, the device synchronised after each; medians over `rounds` blocks of `steps`."""
        spent = np.zeros((rounds, len(PHASES)))
        with resting_collector():
            for block in spent:
                for _ in range(steps):
                    block += self._apart()
        return Phases(dict(zip(PHASES, (np.median(spent, axis=0) / steps).tolist(), strict=True)))

    def _apart(self) -> np.ndarray:
        times = [self._now()]
        inputs, target = self._instance.batch(self._done)
        times.append(self._now())
        loss: Any = self._instance.loss_on(inputs, target)
        times.append(self._now())
        cleared = self._now()
        self.optimizer.zero_grad()
        cleared = self._now() - cleared
        begin = self._now()
        loss.backward()
        times.append(times[-1] + self._now() - begin)
        begin = self._now()
        self.optimizer.step()
        times.append(times[-1] + self._now() - begin + cleared)
        self._done += 1
        return np.diff(times)

    def _now(self) -> float:
        synchronise(self.device)
        return time.perf_counter()


def parameters_of(loop: TrainingLoop) -> int:
    """How many parameters the network has."""
    return sum(one.numel() for group in loop.optimizer.param_groups for one in group["params"] if torch.is_tensor(one))
