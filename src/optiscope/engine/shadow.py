"""A plain optimizer beside one lane of a network: the lane's own weights and gradients, one plain step at each step.

The losses of a network cannot be compared for long: rounding in their sums grows to anything. What an optimizer makes
of a given gradient can be, over the whole horizon, whatever it keeps hidden and whenever it changes its way: nothing
grows, since both begin each step at the same weights. It costs no pass through the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from ..spec import Run
from .lane_table import LaneTable

ROUNDING = 4  # units in the last place of the weights: an update far smaller than they are is rounded as it is added


class Shadow:
    """The plain optimizer of one run, and how far its updates were from those of the lane."""

    def __init__(self, run: Run, lane: int):
        self._run, self._lane = run, lane
        self._optimizer: torch.optim.Optimizer | None = None
        self._seen: list[torch.Tensor] = []

    def before(self, stacks: Sequence[torch.Tensor], table: LaneTable) -> None:
        """Take the plain step from the lane's weights, with its gradients and hyperparameters."""
        rows = self._rows(stacks)
        if self._optimizer is None:
            self._parameters = [torch.nn.Parameter(row.clone(memory_format=torch.contiguous_format)) for row in rows]
            self._optimizer = self._run.optimizer.build(self._parameters, self._run.lr)
        for parameter, row, stack in zip(self._parameters, rows, stacks, strict=True):
            parameter.data.copy_(row)
            parameter.grad = None if stack.grad is None else stack.grad[self._lane].clone()
        self._begin = _flat(rows)
        self._optimizer.param_groups[0].update(table.of(self._lane))
        self._optimizer.step()

    def after(self, stacks: Sequence[torch.Tensor]) -> None:
        """Hold the lane's step against it. On an accelerator nothing waits for the numbers."""
        lane, plain = _flat(self._rows(stacks)), _flat(parameter.detach() for parameter in self._parameters)
        vectors = (lane - plain, lane - self._begin, plain - self._begin, self._begin)
        self._seen.append(torch.stack([torch.linalg.vector_norm(one, dtype=torch.float64) for one in vectors]))

    @property
    def steps(self) -> int:
        """The steps that were compared: all, or those before the lane was not finite any more."""
        return self._until(self._norms())

    @property
    def worst(self) -> float:
        """The worst difference of an update, relative to it; infinite where one of the two alone stayed finite."""
        norms = self._norms()
        until = self._until(norms)
        if until < len(norms) and np.isfinite(norms[until, 1]) != np.isfinite(norms[until, 2]):
            return float("inf")
        apart, lane, plain, weights = norms[:until].T
        excess = np.maximum(apart - ROUNDING * self._eps * weights, 0.0)
        scale = np.maximum(lane, plain)
        return float(np.max(excess / np.where(scale > 0, scale, 1.0), initial=0.0))

    @property
    def right(self) -> bool:
        """Whether all updates agree to half of the digits of their format; an optimizer that mixes lanes has none."""
        return self.worst <= self._eps**0.5

    @property
    def _eps(self) -> float:
        return torch.finfo(getattr(torch, self._run.dtype)).eps

    def _rows(self, stacks: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [stack.detach()[self._lane] for stack in stacks]

    def _norms(self) -> np.ndarray:
        """By step: lane against plain, the lane's update, the plain one's, the weights before; shape (steps, 4)."""
        return torch.stack(self._seen).cpu().numpy() if self._seen else np.empty((0, 4))

    @staticmethod
    def _until(norms: np.ndarray) -> int:
        lost = ~np.isfinite(norms).all(axis=1)
        return int(lost.argmax()) if lost.any() else len(norms)


def lowest_to_highest(runs: Sequence[Run]) -> list[int]:
    """The lane of the lowest rate, which lives longest, that of the middle one, and that of the highest."""
    by_rate = sorted(range(len(runs)), key=lambda i: runs[i].lr)
    return list(dict.fromkeys((by_rate[0], by_rate[len(runs) // 2], by_rate[-1])))


def calm_lanes(runs: Sequence[Run], among: Sequence[int]) -> list[int]:
    """The lanes of the lowest and the middle rate, and of the others those that have no higher one; in order."""
    low, middle = (lowest_to_highest(runs) * 2)[:2]
    return sorted({low, middle, *(i for i in among if runs[i].lr <= runs[middle].lr)})


def shadows_of(runs: Sequence[Run], lanes: Sequence[int]) -> list[Shadow]:
    """A shadow for each of these lanes."""
    return [Shadow(runs[i], i) for i in lanes]


def told(shadows: Sequence[Shadow]) -> str:
    """What was compared, for the evidence of a verdict."""
    worst = max(one.worst for one in shadows)
    steps = " and ".join(str(one.steps) for one in shadows)
    return f"and {worst:.3g} in the updates of {len(shadows)} over {steps} steps"


def _flat(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
