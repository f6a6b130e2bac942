"""The noun `ScheduleSpec`: how a rate goes, and when it steps. Data only; `spec` shows it beside the other nouns."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .checks import check_name
from .errors import InputError, shown
from .identity import ByIdentity, identity_json

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from .spec import Problem


@dataclass(frozen=True, eq=False)
class ScheduleSpec(ByIdentity):
    """A label and a factory `(optimizer, steps) -> LRScheduler or None`.

    `steps` is the number of times the schedule will step within the run. `kind` is `fixed` (a formula of the step),
    `adaptive` (it looks at the loss) or `custom` (a function somebody wrote). `interval` says whether it steps once a
    step or once an epoch. `end` is where the arguments themselves end it, None where they do not: a number of steps
    (or epochs), or a function from the run's number to it; `monitor` is what an adaptive one looks at: with a metric of
    the validation set, it steps whenever that is measured.

    >>> ScheduleSpec("none", lambda optimizer, steps: None).kind
    'custom'
    """

    name: str
    factory: Callable[[Optimizer, int], LRScheduler | None]
    kind: Literal["fixed", "adaptive", "custom"] = "custom"
    interval: Literal["step", "epoch"] = "step"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    end: int | Callable[[int], int | None] | None = None
    monitor: str = "loss"
    note: str = ""
    source: str = ""
    version: int = 1

    def __post_init__(self) -> None:
        check_name("schedule", self.name)
        if not callable(self.factory):
            raise InputError(
                f"schedule {self.name!r} needs a function of (optimizer, steps), got {shown(self.factory)}"
            )
        for key, allowed in (("kind", ("fixed", "adaptive", "custom")), ("interval", ("step", "epoch"))):
            if (given := getattr(self, key)) not in allowed:
                raise InputError(
                    f"schedule {self.name!r}: {key} must be one of {', '.join(allowed)}, got {shown(given)}"
                )

    @functools.cached_property
    def identity(self) -> str:
        """What tells this schedule from another."""
        return identity_json(
            schedule=self.name, arguments=dict(self.arguments), interval=self.interval, monitor=self.monitor,
            version=self.version,
        )  # fmt: skip

    def evaluated(self, problem: Problem) -> bool:
        """Whether it looks at what is only known after an evaluation: it then steps once an evaluation."""
        task = problem.task
        return task is not None and self.monitor != "loss" and self.monitor not in task.batch_metrics

    def ticks(self, problem: Problem, steps: int) -> int:
        """How often the schedule steps in a run of `steps` steps."""
        if problem.task is not None and self.evaluated(problem):
            return math.ceil(steps / (problem.steps_per_epoch * problem.task.evaluate_every))
        return steps if self.interval == "step" else math.ceil(steps / problem.steps_per_epoch)

    def own_end(self, ticks: int) -> int | None:
        """Where the arguments end the schedule in a run where it steps `ticks` times; None where it follows the run."""
        return self.end(ticks) if callable(self.end) else self.end

    def check_horizon(self, ticks: int) -> None:
        """Raises InputError where the schedule's own end is not the run's (METHOD: tune and draw one horizon)."""
        end = self.own_end(ticks)
        if end is not None and end != ticks:
            unit = "steps" if self.interval == "step" else "epochs"
            raise InputError(
                f"schedule {self.name} ends after {end} {unit}, the run after {ticks}: leave its length out so "
                'that it follows the run, or say horizon="free" if it is meant'
            )
