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

    `lane_setting` maps lanes to the distinct settings, shape (lanes,); `rates` has a learning rate for each of these.
    `current()` gives `{name: float, tuple or LaneFloat}` for what a schedule may change.
    """

    def __init__(self, runs: Sequence[Run]):
        self.adaptive = any(one.schedule.kind == "adaptive" for one in runs)
        known: dict[Any, int] = {}
        own = [known.setdefault(i if self.adaptive else _setting(one), len(known)) for i, one in enumerate(runs)]
        self.lane_setting = np.array(own, dtype=np.int64)
        self._index = None if len(known) == len(runs) else self.lane_setting
        first = np.unique(self.lane_setting, return_index=True)[1]
        self._schedulers, self._groups = self._build([runs[i] for i in first])
        self.rates = np.array([group["lr"] for group in self._groups], dtype=np.float64)
        self._current: dict[str, Any] | None = None

    def _build(self, settings: Sequence[Run]) -> tuple[list[Any], list[dict[str, Any]]]:
        schedulers, groups = [], []
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
        return self._merged([group[name] for group in self._groups])

    def _merged(self, values: list[Any]) -> Any:
        if isinstance(values[0], tuple):
            return tuple(self._merged([value[k] for value in values]) for k in range(len(values[0])))
        # Equal for all lanes: a plain float, and torch's scalar kernels as in the single tier.
        if all(value == values[0] for value in values[1:]):
            return values[0]
        return LaneFloat(np.array(values, dtype=np.float64), self._index)


def _setting(run: Run) -> tuple[Any, ...]:
    return run.lr, id(run.schedule), id(run.optimizer)
