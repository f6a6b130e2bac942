"""The parameter groups of a run while it goes: what is frozen, what is added by `add_param_group`, and every rate.

torch's schedulers are made for the groups that an optimizer has when they are built, and no later ones. So where a
group comes later, the scheduler steps a shadow: an optimizer of the same class with all groups from the start, whose
tensors have shapes and no memory. What the scheduler changes there is copied to the groups of the real optimizer, and a
group that is added takes what its shadow has by then. Its rate is that of a group which was there all the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..groups import Group, split
from ..seeding import OwnRandom
from ..spec import Run
from .calling import backward, calling, take_step
from .closure import Closure
from .events import event
from .instance import NetworkInstance


class RunGroups:
    """Optimizer, scheduler and rates of one run whose optimizer has groups."""

    def __init__(self, run: Run, module: torch.nn.Module, ticks: int, note: Callable[[dict[str, Any]], None]):
        parts = split(module, run.optimizer.groups)
        self._lr, self._note = run.lr, note
        self._late = sorted((part for part in parts if part.frozen_until), key=lambda part: part.frozen_until)
        for part in self._late:
            for parameter in part.members.values():
                parameter.requires_grad_(False)
        present = [part for part in parts if not part.frozen_until]
        self.optimizer = run.optimizer.build([part.entry(run.lr) for part in present], run.lr)
        self._real = {part.number: self.optimizer.param_groups[i] for i, part in enumerate(present)}
        self._shadow: dict[int, dict[str, Any]] = {}
        stepped = self.optimizer
        if self._late:
            stepped = run.optimizer.build([_without_memory(part, run.lr) for part in parts], run.lr)
            stepped._opt_called = True  # type: ignore[attr-defined]  # it never steps, and torch would warn of that
            self._shadow = {part.number: stepped.param_groups[i] for i, part in enumerate(parts)}
        self._plain = {number: self._values(group) for number, group in self._shadow.items()}
        self.scheduler = run.schedule.factory(stepped, ticks)
        self._seen = dict(self._plain)
        self.follow()
        for part in self._late:
            if part.frozen_until >= run.steps:
                self._say(0, part, f"is never trained within {run.steps} steps")
        self._rates: list[dict[int, float]] = []
        self._numbers = [part.number for part in parts]

    def before(self, step: int) -> None:
        """Add the groups that are due, and write down the rate that each group takes this step with."""
        while self._late and self._late[0].frozen_until <= step:
            self._add(self._late.pop(0), step)
        self.write_rates()

    def write_rates(self) -> None:
        """Keep the present rate of each group."""
        self._rates.append({number: float(group["lr"]) for number, group in self._real.items()})

    def follow(self) -> None:
        """Copy to the real groups what the scheduler has changed in their shadows since the last time."""
        for number, group in self._shadow.items():
            now = self._values(group)
            if number in self._real:
                changed = {key: value for key, value in now.items() if value != self._seen[number].get(key)}
                self._real[number].update(changed)
            self._seen[number] = now

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """`lr_group0`, `lr_group1`, …: the rate of each group by step, NaN while it is frozen."""
        return {
            f"lr_group{number}": np.array([self._rates[k].get(number, math.nan) for k in rows])
            for number in self._numbers
        }

    def _add(self, part: Group, step: int) -> None:
        for parameter in part.members.values():
            parameter.requires_grad_(True)
        now, plain = self._values(self._shadow[part.number]), self._plain[part.number]
        changed = {key: value for key, value in now.items() if value != plain.get(key)}
        self.optimizer.add_param_group({**part.entry(self._lr), **changed})
        self._real[part.number] = self.optimizer.param_groups[-1]
        self._say(step, part, f"joins at step {step}")

    def _values(self, group: dict[str, Any]) -> dict[str, Any]:
        """What a group holds besides its parameters and what schedulers keep there for themselves."""
        return {key: group[key] for key in ("lr", *self.optimizer.defaults) if key in group}

    def _say(self, step: int, part: Group, what: str) -> None:
        self._note(event("note", step, f"group {part.number} ({part.pattern}) {what}"))


def _without_memory(part: Group, lr: float) -> dict[str, Any]:
    shapes = [parameter.shape for parameter in part.members.values()]
    dtypes = [parameter.dtype for parameter in part.members.values()]
    tensors = [
        torch.empty(shape, dtype=dtype, device="meta", requires_grad=True)
        for shape, dtype in zip(shapes, dtypes, strict=True)
    ]
    return {**part.entry(lr), "params": tensors}


def one_step(run: Run) -> tuple[torch.optim.Optimizer, torch.nn.Module]:
    """The optimizer of a network's run after one step with every group in training, and the network."""
    with OwnRandom(run.seed, "run"):
        instance = NetworkInstance(run, "cpu")
        stock: Any = run.optimizer.build(
            [part.entry(run.lr) for part in split(instance.module, run.optimizer.groups)], run.lr
        )
        way = calling(run)
        closure = Closure(stock.zero_grad, instance.loss, backward(way, instance.parameters), None, 0)
        take_step(stock, closure, way)
    return stock, instance.module
