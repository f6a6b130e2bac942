"""Catalogue over `torch.optim.lr_scheduler`: every class under torch's own name, and two compositions.

To add one, write a builder and add a line. Imports spec, syntax and errors only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InputError, UnknownName
from ..signatures import check_arguments
from ..spec import ScheduleSpec
from ..syntax import format_call, import_path, parse_call
from . import schedule_builders as build

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True)
class ScheduleFamily:
    """A catalogue entry: a name, a builder with torch's arguments, and what kind of schedule it is.

    `end` reads off the arguments where the schedule ends by itself, None where it follows the run.
    """

    name: str
    builder: Callable[..., LRScheduler | None]
    kind: Literal["fixed", "adaptive", "custom"] = "fixed"
    interval: Literal["step", "epoch"] = "step"
    end: Callable[[Mapping[str, Any]], int | None] = lambda arguments: None

    def build(self, arguments: Mapping[str, Any]) -> ScheduleSpec:
        """The spec. Beside torch's arguments, each takes `per="step"` or `"epoch"`; an adaptive one `monitor`."""
        given = dict(arguments)
        interval = given.pop("per", self.interval)
        if interval not in ("step", "epoch"):
            raise InputError(f'{self.name}: per must be "step" or "epoch", got {interval!r}')
        monitor = given.pop("monitor", "loss") if self.kind == "adaptive" else "loss"
        check_arguments(self.name, self.builder, {k: v for k, v in given.items() if k != "steps"})
        return ScheduleSpec(
            format_call(self.name, arguments), functools.partial(self.builder, **given), self.kind, interval,
            dict(arguments), self.end(given), monitor, (self.builder.__doc__ or "").partition("\n")[0],
        )  # fmt: skip


def _linear_end(given: Mapping[str, Any]) -> int | None:
    falls = given.get("end_factor", 1.0) < given.get("start_factor", 1 / 3)
    return given.get("total_iters") if falls else None


def _last_part_end(given: Mapping[str, Any]) -> int | None:
    parts, milestones = given.get("schedulers"), given.get("milestones")
    if not parts or not milestones:
        return None
    end = schedule_from_text(parts[-1]).end
    return None if end is None else milestones[-1] + end


def _longest_part_end(given: Mapping[str, Any]) -> int | None:
    ends = [schedule_from_text(text).end for text in given.get("schedulers") or ()]
    return max((end for end in ends if end is not None), default=None)


SCHEDULES: tuple[ScheduleFamily, ...] = (
    ScheduleFamily("constant", build.constant),
    ScheduleFamily("LambdaLR", build.lambda_lr, "custom"),
    ScheduleFamily("MultiplicativeLR", build.multiplicative_lr, "custom"),
    ScheduleFamily("StepLR", build.step_lr),
    ScheduleFamily("MultiStepLR", build.multi_step_lr),
    ScheduleFamily("ConstantLR", build.constant_lr),
    ScheduleFamily("LinearLR", build.linear_lr, end=_linear_end),
    ScheduleFamily("ExponentialLR", build.exponential_lr),
    ScheduleFamily("PolynomialLR", build.polynomial_lr, end=lambda given: given.get("total_iters")),
    ScheduleFamily("CosineAnnealingLR", build.cosine_annealing_lr, end=lambda given: given.get("T_max")),
    ScheduleFamily("CosineAnnealingWarmRestarts", build.cosine_annealing_warm_restarts),
    ScheduleFamily("OneCycleLR", build.one_cycle_lr, end=build.one_cycle_end),
    ScheduleFamily("CyclicLR", build.cyclic_lr),
    ScheduleFamily("SequentialLR", build.sequential_lr, end=_last_part_end),
    ScheduleFamily("ChainedScheduler", build.chained_scheduler, end=_longest_part_end),
    ScheduleFamily("ReduceLROnPlateau", build.reduce_lr_on_plateau, "adaptive", "epoch"),
    ScheduleFamily("warmup_cosine", build.warmup_cosine),
    ScheduleFamily("wsd", build.wsd, "custom"),
)


def _factory(path: str) -> Callable[..., Any]:
    """A scheduler class, or a function `(optimizer, steps, **arguments) -> LRScheduler or None`, by import path."""
    from torch.optim.lr_scheduler import LRScheduler

    found: Any = import_path(path)
    if isinstance(found, type) and issubclass(found, LRScheduler):
        return functools.partial(_without_steps, found)
    if not callable(found):
        raise InputError(f"{path} is no scheduler class and no function (optimizer, steps) that makes one")
    return found


def _without_steps(cls: Callable[..., LRScheduler], optimizer: Any, steps: int, **arguments: Any) -> LRScheduler:
    return cls(optimizer, **arguments)


def schedule_from_text(text: str) -> ScheduleSpec:
    """The spec of a schedule in call syntax. Raises UnknownName, InputError."""
    name, arguments = parse_call(text)
    for family in SCHEDULES:
        if family.name == name:
            return family.build(arguments)
    if "." in name:
        return ScheduleSpec(text, functools.partial(_factory(name), **arguments), arguments=arguments)
    raise UnknownName("schedule", name, [family.name for family in SCHEDULES])
