"""Many runs of one problem at once: the stacked and the grouped tier.

Lanes share problem, optimizer class, steps and dtype; they may differ in rate, hyperparameters, schedule, seed and
start.

    stacked   each parameter once, of shape (lanes, *shape); the stock optimizer's step sees lane floats
    grouped   parameters and a group of its own for each lane; one backward for all

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
from .clock import Clock
from .for_loop import for_loop
from .lane_float import LaneMode
from .lane_log import LaneLog
from .lane_models import LaneModel, lane_model
from .lane_table import LaneTable
from .shadow import Shadow


class Lanes(Protocol):
    """The two tiers: where the lanes' parameters live, and how a step is taken. Stacks have shape (lanes, *shape)."""

    def stacks(self) -> list[torch.Tensor]:
        """One stack a parameter, with gradient."""
        ...

    def gradients(self) -> list[torch.Tensor]:
        """The gradients, stacked likewise."""
        ...

    def add_noise(self, noise: Sequence[torch.Tensor]) -> None:
        """Add to the gradients."""
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


class _OnStacks:
    """What both tiers do to the gradients of the stacks, the tensors that the problem sees."""

    _stacks: list[torch.Tensor]

    def stacks(self) -> list[torch.Tensor]:
        """The stacks: one tensor a parameter, for all lanes."""
        return self._stacks

    def gradients(self) -> list[torch.Tensor]:
        """The gradients themselves; zeros where a parameter got none."""
        return [torch.zeros_like(stack) if stack.grad is None else stack.grad for stack in self._stacks]

    def add_noise(self, noise: Sequence[torch.Tensor]) -> None:
        """Add to the gradients."""
        for stack, own in zip(self._stacks, noise, strict=True):
            assert stack.grad is not None
            stack.grad.add_(own)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for stack in self._stacks:
            stack.grad = None


class StackedLanes(_OnStacks):
    """Each parameter once, for all lanes."""

    def __init__(self, runs: Sequence[Run], table: LaneTable, model: LaneModel):
        self.parameters = [torch.nn.Parameter(_laid_out(stack, runs[0])) for stack in model.start]
        self._stacks = list(self.parameters)
        fixed = table.fixed()
        # Some keep the rate that they were built with besides the group's.
        self.optimizer = for_loop(runs[0], self.parameters, fixed.get("lr", runs[0].lr))
        self.optimizer.param_groups[0].update(fixed)
        self._mode = LaneMode(len(runs))
        self._step = _without_profiling(self.optimizer)

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


class GroupedLanes(_OnStacks):
    """Each lane with parameters and a group of its own: exact wherever groups do not influence each other.

    The lanes' parameters are rows of one stack a parameter: the problem sees the stacks, the optimizer the rows.
    """

    def __init__(self, runs: Sequence[Run], table: LaneTable, model: LaneModel):
        self._runs = runs
        self._stacks = [stack.clone(memory_format=torch.contiguous_format).requires_grad_() for stack in model.start]
        self.parameters = [
            [torch.nn.Parameter(row.reshape(shape)) for row in stack.detach().unbind()]
            for stack, shape in zip(self._stacks, model.shapes, strict=True)
        ]
        self._places = [[parameter.data_ptr() for parameter in own] for own in self.parameters]
        self._shapes = model.shapes
        groups = []
        for parameters, one in zip(map(list, zip(*self.parameters, strict=True)), runs, strict=True):
            own = one.optimizer.build(parameters, one.lr).param_groups[0]
            groups.append({key: value for key, value in own.items() if key != "params"} | {"params": parameters})
        self.optimizer = for_loop(runs[0], groups)
        self._step = _without_profiling(self.optimizer)
        self._lanes = len(runs)

    def set(self, current: dict[str, Any]) -> None:
        """Each lane's own value into its own group."""
        for name, value in current.items():
            parts = value if isinstance(value, tuple) else (value,)
            by_lane = [_listed(part, self._lanes) for part in parts]
            for group, own in zip(self.optimizer.param_groups, zip(*by_lane, strict=True), strict=True):
                group[name] = own if isinstance(value, tuple) else own[0]

    def step(self) -> None:
        """The stock step, on rows of the gradient."""
        for stack, own, shape in zip(self._stacks, self.parameters, self._shapes, strict=True):
            rows = [None] * self._lanes if stack.grad is None else stack.grad.reshape(-1, *shape).unbind()
            for parameter, row in zip(own, rows, strict=True):
                parameter.grad = row
        self._step()
        for stack, own, places in zip(self._stacks, self.parameters, self._places, strict=True):
            for k, parameter in enumerate(own):
                if parameter.data_ptr() != places[k]:
                    # The optimizer put another tensor in the place of the row.
                    row = stack.detach()[k]
                    parameter.data = row.copy_(parameter.detach().reshape(row.shape)).reshape(parameter.shape)

    @property
    def loose(self) -> str:
        """Each lane is given to the same kernels as alone."""
        return ""

    @property
    def newest_way(self) -> int:
        """Its calls are not watched: any step may be the first of its kind."""
        return self._runs[0].steps - 1


TIERS = {"stacked": StackedLanes, "grouped": GroupedLanes}


def run_lanes(
    runs: Sequence[Run], tier: str, log: LaneLog, device: str = "cpu", first: int | None = None,
    shadows: Sequence[Shadow] = (),
) -> Lanes:  # fmt: skip
    """Run a batch in a tier, whole or its `first` steps, into a log. What the optimizer raises is for the caller.

    Gives the lanes, which know what the optimizer called; the shadows know what it made of some lanes.
    """
    steps = runs[0].steps if first is None else min(first, runs[0].steps)
    model = lane_model(runs, device)
    table = LaneTable(runs)
    lanes = TIERS[tier](runs, table, model)
    ones = torch.ones(len(runs), dtype=model.start[0].dtype, device=device)
    scheduled = any(one.schedule.name != "constant" for one in runs)
    clock = Clock(runs[0], steps)
    lanes.set(current := table.current())
    log.measured(0, model.evaluate(lanes.stacks()) if 0 in clock.evaluations else {})
    for step in range(steps):
        lanes.zero_grad()
        loss = model.losses(step, stacks := lanes.stacks())
        # Logged before the update: a loss may be a view of the parameters.
        log.state(step, loss.detach(), stacks, table)
        if log.all_ended:
            return lanes
        loss.backward(ones)
        if noise := model.noise(step):
            lanes.add_noise(noise)
        log.gradient(step, lanes.gradients)
        for shadow in shadows:
            shadow.before(stacks, table)
        lanes.step()
        for shadow in shadows:
            shadow.after(lanes.stacks())
        log.measured(step, model.batch_metrics())
        if step + 1 in clock.evaluations:
            log.measured(step + 1, model.evaluate(lanes.stacks()))
        if scheduled and clock.ticks(step + 1):
            changes = table.tick(log.watched() if table.adaptive else np.empty(0))
            log.changes(step + 1, changes)
            if table.current() is not current:
                lanes.set(current := table.current())
    with torch.no_grad():
        log.state(steps, model.losses(steps, stacks := lanes.stacks()), stacks, table)
        log.measured(steps, model.batch_metrics())
    return lanes


def _laid_out(stack: torch.Tensor, run: Run) -> torch.Tensor:
    """Points of a plane with lanes side by side in memory, so that elementwise kernels run along them.

    All else lane by lane, as alone: a sum over more than two coordinates rounds otherwise in another layout.
    """
    if not run.problem.is_function or run.problem.dim > 2:
        return stack
    return torch.empty(stack.shape[::-1], dtype=stack.dtype, device=stack.device).t().copy_(stack)


def _without_profiling(optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    """`step` as its class wrote it, without the mark for a profiler that torch wraps it in: it costs a lane's worth."""
    step = type(optimizer).step
    own = any(vars(optimizer).get(name) for name in ("step", "_optimizer_step_pre_hooks", "_optimizer_step_post_hooks"))
    if own or not getattr(step, "hooked", False):
        return optimizer.step
    return functools.partial(step.__wrapped__, optimizer)  # type: ignore[attr-defined]


def _listed(value: Any, lanes: int) -> list[Any]:
    return value.by_lane().tolist() if hasattr(value, "by_lane") else [value] * lanes
