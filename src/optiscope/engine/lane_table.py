"""What each lane's hyperparameters are at each step: real schedulers, stepped on a throw-away optimizer.

One group per distinct setting (schedule, rate, arguments): lanes that share all of them share a row. What a scheduler
may change is read back after each tick: lr, momentum, betas. `ReduceLROnPlateau` looks at a loss: one real object a
lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from ..spec import Run
from .lane_float import LaneFloat

CYCLED = ("lr", "momentum", "betas")


class LaneTable:
    """The hyperparameters of a batch of runs, step by step.

    `settings` are the distinct ones, `index` maps lanes to them. `at(step)` gives `{name: float, tuple or LaneFloat}`
    for what differs between lanes or changes with the step.
    """

    def __init__(self, runs: Sequence[Run]):
        self.runs = list(runs)
        first: dict[Any, int] = {}
        own = [first.setdefault(_setting(one), len(first)) for one in self.runs]
        self.settings = [self.runs[i] for i in _first_positions(own, len(first))]
        index = np.array(own, dtype=np.int64)
        self.index = None if len(first) == len(self.runs) else index
        self.lane_setting = index
        self.adaptive = any(one.schedule.kind == "adaptive" for one in self.runs)
        self._per_lane: list[Any] = []
        self._schedulers, self._groups = self._build()
        self.rates = np.array([group["lr"] for group in self._groups], dtype=np.float64)
        self._current: dict[str, Any] | None = None

    def _build(self) -> tuple[list[Any], list[dict[str, Any]]]:
        settings = self.runs if self.adaptive else self.settings
        schedulers, groups = [], []
        if self.adaptive:
            self.index, self.lane_setting = None, np.arange(len(self.runs))
        for one in settings:
            # A real optimizer of the real class: the schedule may look at its momentum or betas.
            stock = one.optimizer.build([torch.nn.Parameter(torch.zeros(1, 1))], one.lr)
            self._names = [name for name in stock.param_groups[0] if name != "params"]
            stock._opt_called = True  # type: ignore[attr-defined]  # it never steps, and torch would warn of that
            schedulers.append(one.schedule.factory(stock, one.schedule.ticks(one.problem, one.steps)))
            groups.append(stock.param_groups[0])
        return schedulers, groups

    def fixed(self) -> dict[str, Any]:
        """Every argument that differs between lanes, as the optimizer's group should hold it."""
        return {name: self._gathered(name) for name in self._names if self._differs(name)}

    def current(self) -> dict[str, Any]:
        """What a schedule may have changed, lanes merged; the same object until a tick changed something."""
        if self._current is None:
            self._current = {name: self._gathered(name) for name in CYCLED if name in self._names}
        return self._current

    def of(self, lane: int) -> dict[str, Any]:
        """What a schedule may have changed, of one lane: plain floats and tuples."""
        group = self._groups[self.lane_setting[lane]]
        return {name: group[name] for name in CYCLED if name in self._names}

    def tick(self, losses: np.ndarray) -> list[tuple[int, float, float]]:
        """One step of every schedule; `losses` by lane, for the adaptive ones. Gives their changes: lane, from, to."""
        if all(scheduler is None for scheduler in self._schedulers):
            return []
        changes = []
        for i, (scheduler, group) in enumerate(zip(self._schedulers, self._groups, strict=True)):
            if scheduler is None:
                continue
            if isinstance(scheduler, ReduceLROnPlateau):
                before = group["lr"]
                scheduler.step(float(losses[i]))
                if group["lr"] != before:
                    changes.append((i, float(before), float(group["lr"])))
            else:
                scheduler.step()
        rates = np.array([group["lr"] for group in self._groups], dtype=np.float64)
        if not np.array_equal(rates, self.rates) or "betas" in self._names or "momentum" in self._names:
            self._current = None
        self.rates = rates
        return changes

    def _differs(self, name: str) -> bool:
        first = self._groups[0][name]
        return any(group[name] != first for group in self._groups[1:])

    def _gathered(self, name: str) -> Any:
        values = [group[name] for group in self._groups]
        return self._merged(values)

    def _merged(self, values: list[Any]) -> Any:
        if isinstance(values[0], tuple):
            return tuple(self._merged([value[k] for value in values]) for k in range(len(values[0])))
        # Equal for all lanes: a plain float, and torch's scalar kernels as in the single tier.
        if all(value == values[0] for value in values[1:]):
            return values[0]
        return LaneFloat(np.array(values, dtype=np.float64), self.index)


def _setting(run: Run) -> tuple[Any, ...]:
    return run.lr, id(run.schedule), id(run.optimizer)


def _first_positions(own: list[int], count: int) -> list[int]:
    positions: list[int] = [-1] * count
    for i, k in enumerate(own):
        if positions[k] < 0:
            positions[k] = i
    return positions
