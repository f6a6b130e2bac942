"""What many lanes of one problem are evaluated by: a test function on a stack of points, a network under `vmap`.

A model knows where its lanes start and what their losses are; the tiers of `lanes` know how they are stepped. Points
and weights come as stacks, one tensor a parameter, of shape (lanes, *shape).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from ..errors import OptiscopeError
from ..seeding import OwnRandom
from ..spec import Run
from ..streams import normal
from .instance import EVALUATED_AT_ONCE, NetworkInstance, evaluation_mode, matrix_shape, start_points

NOISE_NUMBERS = 4_000_000  # numbers of gradient noise drawn at once


class LanesDiffer(OptiscopeError):
    """Networks that hold something besides their weights which lanes would have to share."""


class LaneModel(Protocol):
    """The lanes' problem."""

    start: list[torch.Tensor]
    shapes: list[tuple[int, ...]]

    def losses(self, step: int, stacks: Sequence[torch.Tensor]) -> torch.Tensor:
        """Losses on the data of this step, shape (lanes,)."""
        ...

    def noise(self, step: int) -> list[torch.Tensor]:
        """What to add to the gradients, one stack a parameter; nothing where gradients are exact."""
        ...

    def batch_metrics(self) -> dict[str, np.ndarray]:
        """Metrics read off the latest `losses`, shape (lanes,) each."""
        ...

    def evaluate(self, stacks: Sequence[torch.Tensor]) -> dict[str, np.ndarray]:
        """Metrics that need a pass of their own, shape (lanes,) each."""
        ...


def lane_model(runs: Sequence[Run], device: str) -> LaneModel:
    """The model of a batch of runs of one problem."""
    return (FunctionModel if runs[0].problem.is_function else NetworkModel)(runs, device)


class FunctionModel:
    """A test function on many points at once."""

    def __init__(self, runs: Sequence[Run], device: str):
        problem = runs[0].problem
        assert problem.loss is not None
        self._function, self._deviation, self._dim = problem.loss, problem.noise, problem.dim
        self._seeds = np.array([one.seed for one in runs], dtype=np.int64)
        start = torch.from_numpy(_starts(runs, self._seeds)).to(device, getattr(torch, runs[0].dtype))
        self.start = [start]
        self.shapes = [matrix_shape(problem.dim) if problem.layout == "matrix" else (problem.dim,)]
        self._length = max(1, min(256, NOISE_NUMBERS // (len(runs) * self._dim)))
        self._block = -1

    def losses(self, step: int, stacks: Sequence[torch.Tensor]) -> torch.Tensor:
        """The exact losses."""
        return self._function(stacks[0])

    def noise(self, step: int) -> list[torch.Tensor]:
        """Normal noise, a block of steps drawn at a time; each lane's own numbers whatever the block."""
        if not self._deviation:
            return []
        block, row = divmod(step, self._length)
        if block != self._block:
            first = block * self._length * self._dim
            drawn = self._deviation * normal(self._seeds, "noise", first, self._length * self._dim)
            shaped = drawn.reshape(len(self._seeds), self._length, self._dim).transpose(1, 0, 2).copy()
            self._drawn, self._block = torch.from_numpy(shaped).to(self.start[0]), block
        return [self._drawn[row]]

    def batch_metrics(self) -> dict[str, np.ndarray]:
        """A function has no metrics but its loss."""
        return {}

    def evaluate(self, stacks: Sequence[torch.Tensor]) -> dict[str, np.ndarray]:
        """A function has no metrics but its loss."""
        return {}


def _starts(runs: Sequence[Run], seeds: np.ndarray) -> np.ndarray:
    first = runs[0].start
    if all(one.start == first for one in runs):
        return start_points(runs[0].problem, seeds, first)
    if all(one.start != "random" for one in runs):
        own = runs[0].problem.start
        return np.array([own if one.start == "canonical" else one.start for one in runs], dtype=np.float64)
    return np.concatenate([
        start_points(one.problem, np.array([one.seed]), one.start) for one in runs
    ])  # fmt: skip


class NetworkModel:
    """A network with one set of weights a lane, called by `torch.func.functional_call` under `torch.vmap`.

    Lanes of one seed start alike and share their batches; lanes of different seeds have their own.
    """

    def __init__(self, runs: Sequence[Run], device: str):
        task = runs[0].problem.task
        assert task is not None
        self._task, self._device = task, device
        self._instances = {seed: NetworkInstance(one, device) for seed, one in {r.seed: r for r in runs}.items()}
        self._seeds = [one.seed for one in runs]
        instances = list(self._instances.values())
        self._module = instances[0].module
        self._names = [name for name, _ in self._module.named_parameters()]
        frozen = next((name for name, one in self._module.named_parameters() if not one.requires_grad), None)
        if frozen is not None:
            raise LanesDiffer(f"{frozen} is frozen (requires_grad=False), and the weights of lanes are all trained")
        self._buffers = [buffer.clone() for buffer in self._module.buffers()]
        for other in instances[1:]:
            self._same_buffers(other.module)
        by_seed = {seed: instance.parameters for seed, instance in self._instances.items()}
        self.start = [
            torch.stack([by_seed[seed][k].detach() for seed in self._seeds]) for k in range(len(self._names))
        ]  # fmt: skip
        self.shapes = [tuple(stack.shape[1:]) for stack in self.start]
        self._shared = len(instances) == 1
        self._row = torch.tensor([list(self._instances).index(seed) for seed in self._seeds], device=device)
        over = (0, None, None) if self._shared else (0, 0, 0)
        self._call = torch.vmap(self._one, in_dims=over)
        self._outputs: Any = None

    def _one(
        self, weights: dict[str, torch.Tensor], inputs: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, Any]:
        output = torch.func.functional_call(self._module, weights, (inputs,))
        return self._task.criterion(output, targets), output

    def losses(self, step: int, stacks: Sequence[torch.Tensor]) -> torch.Tensor:
        """Each lane's loss on its own batch of this step."""
        self._inputs, self._targets = self._gathered([one.batch(step) for one in self._instances.values()])
        losses, self._outputs = self._call(dict(zip(self._names, stacks, strict=True)), self._inputs, self._targets)
        if not step:
            self._same_buffers(self._module)  # a network that counts or averages as it trains does so for one lane
            next(iter(self._instances.values())).check_fit(self._lane(self._outputs, 0), self._lane_data(0)[1])
        return losses

    def noise(self, step: int) -> list[torch.Tensor]:
        """The batches are noise enough."""
        return []

    @torch.no_grad()
    def batch_metrics(self) -> dict[str, np.ndarray]:
        """Metrics of each lane's batch."""
        return {
            name: np.array([
                float(measure(self._lane(self._outputs, k), self._lane_data(k)[1])) for k in range(len(self._seeds))
            ])
            for name, measure in self._task.batch_metrics.items()
        }  # fmt: skip

    @torch.no_grad()
    def evaluate(self, stacks: Sequence[torch.Tensor]) -> dict[str, np.ndarray]:
        """Metrics of each lane on its own validation set, in evaluation mode."""
        held = [one.validation for one in self._instances.values()]
        if held[0] is None or not self._task.validation_metrics:
            return {}
        inputs, targets = self._gathered(held)
        weights = dict(zip(self._names, stacks, strict=True))
        forward = torch.vmap(
            lambda own, some: torch.func.functional_call(self._module, own, (some,)),
            in_dims=(0, None if self._shared else 0),
        )
        with OwnRandom(0, "evaluation", self._device), evaluation_mode(self._module):
            # As many examples at a time as in the plain loop; where each lane has its own, they lie behind the lanes.
            parts = [forward(weights, some) for some in inputs.split(EVALUATED_AT_ONCE, dim=0 if self._shared else 1)]
        outputs = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return {
            name: np.array([
                float(measure(self._lane(outputs, k), targets if self._shared else targets[k]))
                for k in range(len(self._seeds))
            ])
            for name, measure in self._task.validation_metrics.items()
        }  # fmt: skip

    def _gathered(self, pairs: Sequence[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """One batch for all lanes, or a stack of each lane's own."""
        if self._shared:
            return pairs[0]
        inputs, targets = (torch.stack(part) for part in zip(*pairs, strict=True))
        return inputs[self._row], targets[self._row]

    def _lane(self, outputs: Any, k: int) -> Any:
        return outputs[k].detach()

    def _lane_data(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        return (self._inputs, self._targets) if self._shared else (self._inputs[k], self._targets[k])

    def _same_buffers(self, module: torch.nn.Module) -> None:
        if any(not torch.equal(a, b) for a, b in zip(self._buffers, module.buffers(), strict=True)):
            raise LanesDiffer("the network keeps state besides its weights, such as running means")
