"""A scheduler's step to be timed, on an optimizer of one parameter that it may turn as it likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..errors import GuardError, InputError
from ..naming import as_schedule


class SchedulerStepper:
    """A schedule of the catalogue at work: `step()` is one call of it; it ends, where it ends, after `steps`.

    Raises InputError for a schedule that makes no scheduler, such as `constant`.
    """

    def __init__(self, schedule: str, steps: int):
        self.name, self._steps = schedule, steps
        parameter = torch.nn.Parameter(torch.zeros(1))
        parameter.grad = torch.ones(1)
        self.optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
        scheduler: Any = as_schedule(schedule).factory(self.optimizer, steps)
        if scheduler is None:
            raise InputError(f"{schedule} makes no scheduler: its step costs nothing")
        self.optimizer.step()  # torch warns of a scheduler that steps first
        self.scheduler = scheduler
        adaptive = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
        # A loss that does not fall: the plateau is counted, and the rate comes down again and again.
        self.step: Callable[[], object] = (lambda: scheduler.step(1.0)) if adaptive else scheduler.step

    @property
    def rate(self) -> float:
        """The rate that the scheduler has set."""
        return float(self.optimizer.param_groups[0]["lr"])

    def check(self, steps: int) -> None:
        """Raises GuardError unless a twin has the same rate after so many steps, and moves on its whole way."""
        twin = SchedulerStepper(self.name, self._steps)
        rates = [twin.rate]
        for _ in range(max(steps, self._steps)):
            twin.step()
            rates.append(twin.rate)
        if len(set(rates)) == 1:
            raise GuardError(f"{self.name}: the rate never changes in {len(rates) - 1} steps: this is no schedule")
        if self.rate != rates[steps]:
            raise GuardError(
                f"{self.name}: after the {steps} steps that were stated the rate is {rates[steps]:g}, and this one has "
                f"{self.rate:g}"
            )
