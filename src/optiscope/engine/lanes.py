"""Many runs of one test function at once: the stacked and the grouped tier.

Lanes share problem, optimizer class, steps and dtype; they may differ in rate, hyperparameters, schedule, seed and
start.

    stacked   one parameter of shape (lanes, dim); the stock optimizer's step sees lane floats
    grouped   one parameter and one group a lane; one backward for all

Both evaluate the loss once a step on all lanes. A lane whose loss is not finite has ended; it goes on being computed
and is no longer looked at, so that it touches no other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from ..spec import Run
from ..streams import normal
from .instance import matrix_shape, start_points
from .lane_float import LaneMode
from .lane_log import LaneLog
from .lane_table import LaneTable

NOISE_NUMBERS = 4_000_000  # numbers of gradient noise drawn at once


class Lanes(Protocol):
    """The two tiers: where the lanes' points live, and how a step is taken."""

    def loss(self) -> torch.Tensor:
        """Losses, shape (lanes,)."""
        ...

    def points(self) -> torch.Tensor:
        """Positions, shape (lanes, dim), without gradient."""
        ...

    def gradients(self) -> torch.Tensor:
        """Gradients, shape (lanes, dim)."""
        ...

    def add_noise(self, noise: torch.Tensor) -> None:
        """Add to the gradients, shape (lanes, dim)."""
        ...

    def zero_grad(self) -> None:
        """Forget the gradients."""
        ...

    def set(self, current: dict[str, Any]) -> None:
        """Hyperparameters for the next step, as `LaneTable` merged them."""
        ...

    def step(self) -> None:
        """One step of the stock optimizer."""
        ...

    @property
    def loose(self) -> str:
        """A function called that does not give the same bits on many numbers as on few; or empty."""
        ...

    @property
    def newest_way(self) -> int:
        """The last step that may have gone a way through the optimizer's code that no step before it went."""
        ...


class StackedLanes:
    """One parameter for all lanes. In memory the lanes lie side by side, so that elementwise kernels run along them."""

    def __init__(self, runs: Sequence[Run], table: LaneTable, start: torch.Tensor):
        lanes, dim = start.shape
        memory = torch.empty(dim, lanes, dtype=start.dtype, device=start.device)
        self.parameter = torch.nn.Parameter(memory.t().copy_(start))
        self._function = runs[0].problem.loss
        self.optimizer = _without_foreach(runs[0], [self.parameter])
        self.optimizer.param_groups[0].update(table.fixed())
        self._mode = LaneMode(lanes)
        self._step = _without_profiling(self.optimizer)

    def loss(self) -> torch.Tensor:
        """Losses, shape (lanes,)."""
        assert self._function is not None
        return self._function(self.parameter)

    def points(self) -> torch.Tensor:
        """Positions, shape (lanes, dim)."""
        return self.parameter.detach()

    def gradients(self) -> torch.Tensor:
        """Gradients, shape (lanes, dim)."""
        assert self.parameter.grad is not None
        return self.parameter.grad

    def add_noise(self, noise: torch.Tensor) -> None:
        """Add to the gradients."""
        self.gradients().add_(noise)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.parameter.grad = None

    def set(self, current: dict[str, Any]) -> None:
        """Lane floats, or plain ones, into the one group."""
        self.optimizer.param_groups[0].update(current)

    def step(self) -> None:
        """The stock step, under the mode that understands lane floats."""
        with self._mode:
            self._step()
        self._mode.step += 1

    @property
    def loose(self) -> str:
        """A function that the optimizer called on all lanes at once and that rounds otherwise on one; or empty."""
        return self._mode.loose

    @property
    def newest_way(self) -> int:
        """The last step at which the optimizer called a function that it had not called before."""
        return max(self._mode.first_seen.values(), default=0)


class GroupedLanes:
    """One parameter and one group a lane: exact wherever groups do not influence each other."""

    def __init__(self, runs: Sequence[Run], table: LaneTable, start: torch.Tensor):
        self._runs = runs
        problem = runs[0].problem
        shape = matrix_shape(problem.dim) if problem.layout == "matrix" else (problem.dim,)
        self._function = problem.loss
        self.parameters = [torch.nn.Parameter(row.clone().reshape(shape)) for row in start]
        groups = []
        for parameter, one in zip(self.parameters, runs, strict=True):
            own = one.optimizer.build([parameter], one.lr).param_groups[0]
            groups.append({key: value for key, value in own.items() if key != "params"} | {"params": [parameter]})
        self.optimizer = _without_foreach(runs[0], groups)
        self._lanes = len(runs)

    def loss(self) -> torch.Tensor:
        """Losses, shape (lanes,)."""
        assert self._function is not None
        return self._function(torch.stack([*self.parameters]).flatten(1))

    def points(self) -> torch.Tensor:
        """Positions, shape (lanes, dim)."""
        return torch.stack([parameter.detach().reshape(-1) for parameter in self.parameters])

    def gradients(self) -> torch.Tensor:
        """Gradients, shape (lanes, dim)."""
        return torch.stack([parameter.grad.reshape(-1) for parameter in self.parameters])  # type: ignore[union-attr]

    def add_noise(self, noise: torch.Tensor) -> None:
        """Add to the gradients."""
        for parameter, own in zip(self.parameters, noise, strict=True):
            assert parameter.grad is not None
            parameter.grad.add_(own.reshape(parameter.grad.shape))

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad()

    def set(self, current: dict[str, Any]) -> None:
        """Each lane's own value into its own group."""
        for name, value in current.items():
            parts = value if isinstance(value, tuple) else (value,)
            by_lane = [_listed(part, self._lanes) for part in parts]
            for group, own in zip(self.optimizer.param_groups, zip(*by_lane, strict=True), strict=True):
                group[name] = own if isinstance(value, tuple) else own[0]

    def step(self) -> None:
        """The stock step."""
        self.optimizer.step()

    @property
    def loose(self) -> str:
        """Each lane is given to the same kernels as alone."""
        return ""

    @property
    def newest_way(self) -> int:
        """Its calls are not watched: any step may be the first of its kind."""
        return self._runs[0].steps - 1


TIERS = {"stacked": StackedLanes, "grouped": GroupedLanes}


def run_lanes(runs: Sequence[Run], tier: str, log: LaneLog, device: str = "cpu") -> Lanes:
    """Run a batch in a tier, into a log. What the optimizer raises is the caller's to judge.

    Gives the lanes, which know what the optimizer called.
    """
    problem, steps = runs[0].problem, runs[0].steps
    seeds = np.array([one.seed for one in runs], dtype=np.int64)
    start = torch.from_numpy(_starts(runs, seeds)).to(device, getattr(torch, runs[0].dtype))
    table = LaneTable(runs)
    lanes = TIERS[tier](runs, table, start)
    ones = torch.ones(len(runs), dtype=start.dtype, device=device)
    scheduled = any(one.schedule.name != "constant" for one in runs)
    noise = _Noise(seeds, problem.dim, problem.noise, start) if problem.noise else None
    lanes.set(current := table.current())
    for step in range(steps):
        lanes.zero_grad()
        loss = lanes.loss()
        # Logged before the update: a loss may be a view of the parameters.
        log.state(step, loss.detach(), lanes.points, table)
        if log.all_ended:
            return lanes
        loss.backward(ones)
        if noise is not None:
            lanes.add_noise(noise.at(step))
        log.gradient(step, lanes.gradients)
        lanes.step()
        if scheduled:
            changes = table.tick(log.latest if table.adaptive else np.empty(0))
            log.changes(step + 1, changes)
            if table.current() is not current:
                lanes.set(current := table.current())
    with torch.no_grad():
        log.state(steps, lanes.loss(), lanes.points, table)
    return lanes


class _Noise:
    """The gradient noise of all lanes, a block of steps at a time; each lane's own numbers whatever the block."""

    def __init__(self, seeds: np.ndarray, dim: int, deviation: float, like: torch.Tensor):
        self._seeds, self._dim, self._deviation, self._like = seeds, dim, deviation, like
        self._length = max(1, min(256, NOISE_NUMBERS // (len(seeds) * dim)))
        self._block = -1

    def at(self, step: int) -> torch.Tensor:
        """Shape (lanes, dim)."""
        block, row = divmod(step, self._length)
        if block != self._block:
            first = block * self._length * self._dim
            drawn = self._deviation * normal(self._seeds, "noise", first, self._length * self._dim)
            shaped = drawn.reshape(len(self._seeds), self._length, self._dim).transpose(1, 0, 2).copy()
            self._drawn, self._block = torch.from_numpy(shaped).to(self._like), block
        return self._drawn[row]


def _starts(runs: Sequence[Run], seeds: np.ndarray) -> np.ndarray:
    first = runs[0].start
    if all(one.start == first for one in runs):
        return start_points(runs[0].problem, seeds, first)
    return np.concatenate([
        start_points(one.problem, np.array([one.seed]), one.start) for one in runs
    ])  # fmt: skip


def _without_foreach(run: Run, parameters: Any) -> torch.optim.Optimizer:
    """The stock optimizer with its for-loop implementation, the one that takes a value a lane."""
    optimizer = run.optimizer.build(parameters, run.lr)
    for group in optimizer.param_groups:
        if group.get("foreach", True) is None:
            group["foreach"] = False
        if group.get("fused", True) is None:
            group["fused"] = False
    return optimizer


def _without_profiling(optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    """`step` as its class wrote it, without the mark for a profiler that torch wraps it in: it costs a lane's worth."""
    step = type(optimizer).step
    own = vars(optimizer).get("step") or optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    if own or not getattr(step, "hooked", False):
        return optimizer.step
    return functools.partial(step.__wrapped__, optimizer)  # type: ignore[attr-defined]


def _listed(value: Any, lanes: int) -> list[Any]:
    return value.by_lane().tolist() if hasattr(value, "by_lane") else [value] * lanes
