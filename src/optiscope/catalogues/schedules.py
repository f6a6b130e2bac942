"""Catalogue over `torch.optim.lr_scheduler`: every class under torch's own name, and two compositions.

To add one, write a builder and add a line. Imports spec, syntax and errors only.
"""

from __future__ import annotations

import functools
import inspect
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

    `end` reads off the arguments, and the number of steps in the run, where the schedule ends by itself: None where it
    follows the run. `note` is the shape in a few words; the first line of the builder's docstring is the spec's note.
    `source` is who it is from, where it is not torch's own.
    """

    name: str
    builder: Callable[..., LRScheduler | None]
    kind: Literal["fixed", "adaptive", "custom"] = "fixed"
    interval: Literal["step", "epoch"] = "step"
    end: Callable[[Mapping[str, Any], int], int | None] = lambda arguments, steps: None
    note: str = ""
    source: str = ""

    @property
    def __signature__(self) -> inspect.Signature:
        """The arguments of `build`, for listings and for `check_arguments`."""
        own = list(inspect.signature(self.builder).parameters.values())[2:]
        more = {"per": self.interval} | ({"monitor": "loss"} if self.kind == "adaptive" else {})
        extra = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value) for key, value in more.items()]
        return inspect.Signature([*own, *extra])

    def __call__(self, **arguments: Any) -> ScheduleSpec:
        """The same as `build`, with keywords."""
        return self.build(arguments)

    def build(self, arguments: Mapping[str, Any]) -> ScheduleSpec:
        """The spec. Beside torch's arguments, each takes `per="step"` or `"epoch"`; an adaptive one `monitor`."""
        given = dict(arguments)
        interval = given.pop("per", self.interval)
        if interval not in ("step", "epoch"):
            raise InputError(f'{self.name}: per must be "step" or "epoch", got {interval!r}')
        monitor = given.pop("monitor", "loss") if self.kind == "adaptive" else "loss"
        check_arguments(self.name, self, arguments)
        return ScheduleSpec(
            format_call(self.name, arguments), functools.partial(self.builder, **given), self.kind, interval,
            dict(arguments), functools.partial(self.end, given), monitor,
            (self.builder.__doc__ or "").partition("\n")[0], self.source,
        )  # fmt: skip


def _own_end(name: str) -> Callable[[Mapping[str, Any], int], int | None]:
    return lambda given, steps: given.get(name)


def _linear_end(given: Mapping[str, Any], steps: int) -> int | None:
    """A fall ends with the run; a rise within it."""
    falls = given.get("end_factor", 1.0) < given.get("start_factor", 1 / 3)
    end = given.get("total_iters")
    return end if falls or (end is not None and end > steps) else None


def _cycle_end(given: Mapping[str, Any], steps: int) -> int | None:
    """Cycles repeat; only one that the run does not see through is at odds with it."""
    end = given.get("T_0")
    return end if end is not None and end > steps else None


def _sequence_end(given: Mapping[str, Any], steps: int) -> int | None:
    """Where the last part ends."""
    parts = given.get("schedulers")
    if not parts or isinstance(parts, str):  # the builder says what is wrong
        return None
    milestones = given.get("milestones") or build.default_milestones(len(parts), steps)
    begin = milestones[-1] if milestones else 0
    end = _end_of(parts[-1], max(1, steps - begin))
    return None if end is None else begin + end


def _chain_end(given: Mapping[str, Any], steps: int) -> int | None:
    """The first end among the parts that is not the run's, if there is one."""
    parts = given.get("schedulers") or ()
    ends = [] if isinstance(parts, str) else [_end_of(text, steps) for text in parts]
    return next((end for end in ends if end is not None and end != steps), None)


def _end_of(text: str, steps: int) -> int | None:
    return schedule_from_text(text).own_end(steps)


_COSINES = "Loshchilov, Hutter 2016, arXiv:1608.03983"

SCHEDULES: tuple[ScheduleFamily, ...] = (
    ScheduleFamily("constant", build.constant, note="the rate stays"),
    ScheduleFamily("LambdaLR", build.lambda_lr, "custom", note="a function of the step"),
    ScheduleFamily("MultiplicativeLR", build.multiplicative_lr, "custom", note="a factor that a function gives"),
    ScheduleFamily("StepLR", build.step_lr, note="equal stairs"),
    ScheduleFamily("MultiStepLR", build.multi_step_lr, note="stairs at milestones"),
    ScheduleFamily("ConstantLR", build.constant_lr, note="low at first, then the rate"),
    ScheduleFamily("LinearLR", build.linear_lr, end=_linear_end, note="a line up, or down"),
    ScheduleFamily("ExponentialLR", build.exponential_lr, note="the same factor at every step"),
    ScheduleFamily("PolynomialLR", build.polynomial_lr, end=_own_end("total_iters"),
                   note="a power of what is left"),
    ScheduleFamily("CosineAnnealingLR", build.cosine_annealing_lr, end=_own_end("T_max"),
                   note="half a cosine down", source=_COSINES),
    ScheduleFamily("CosineAnnealingWarmRestarts", build.cosine_annealing_warm_restarts, end=_cycle_end,
                   note="cosines that start again", source=_COSINES),
    ScheduleFamily("OneCycleLR", build.one_cycle_lr, end=lambda given, steps: build.one_cycle_end(given),
                   note="up, then far down", source="Smith, Topin 2017, arXiv:1708.07120"),
    ScheduleFamily("CyclicLR", build.cyclic_lr, note="up and down, again and again",
                   source="Smith 2015, arXiv:1506.01186"),
    ScheduleFamily("SequentialLR", build.sequential_lr, end=_sequence_end, note="one schedule after another"),
    ScheduleFamily("ChainedScheduler", build.chained_scheduler, end=_chain_end, note="a product of schedules"),
    ScheduleFamily("ReduceLROnPlateau", build.reduce_lr_on_plateau, "adaptive", "epoch",
                   note="down when the loss is stuck"),
    ScheduleFamily("warmup_cosine", build.warmup_cosine, note="a line up, half a cosine down",
                   source="Goyal et al. 2017, arXiv:1706.02677; " + _COSINES),
    ScheduleFamily("wsd", build.wsd, "custom", note="a line up, flat, a line down",
                   source="Hu et al. 2024, arXiv:2404.06395"),
)  # fmt: skip


def built_end(scheduler: Any) -> int | None:
    """Where a scheduler of torch ends by itself, read off the object; None for those that do not, and for others."""
    from torch.optim import lr_scheduler as torch_s

    if type(scheduler) is torch_s.CosineAnnealingLR:
        return scheduler.T_max
    if type(scheduler) is torch_s.PolynomialLR:
        return scheduler.total_iters
    if type(scheduler) is torch_s.OneCycleLR:
        return scheduler.total_steps
    if type(scheduler) is torch_s.LinearLR and scheduler.end_factor < scheduler.start_factor:
        return scheduler.total_iters
    return None


def is_plateau(scheduler: Any) -> bool:
    """Whether a scheduler wants to be told the loss."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    return isinstance(scheduler, ReduceLROnPlateau)


def _factory(path: str) -> tuple[Callable[..., Any], Literal["adaptive", "custom"]]:
    """A scheduler class, or a function `(optimizer, steps, **arguments) -> LRScheduler or None`, and its kind."""
    from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

    found: Any = import_path(path)
    if isinstance(found, type) and issubclass(found, LRScheduler):
        kind = "adaptive" if issubclass(found, ReduceLROnPlateau) else "custom"
        return functools.partial(_without_steps, found), kind
    if not callable(found):
        raise InputError(f"{path} is no scheduler class and no function (optimizer, steps) that makes one")
    return found, "custom"


def _without_steps(cls: Callable[..., LRScheduler], optimizer: Any, steps: int, **arguments: Any) -> LRScheduler:
    return cls(optimizer, **arguments)


def schedule_from_text(text: str) -> ScheduleSpec:
    """The spec of a schedule in call syntax. Raises UnknownName, InputError."""
    name, arguments = parse_call(text)
    for family in SCHEDULES:
        if family.name == name:
            return family.build(arguments)
    if "." in name:
        factory, kind = _factory(name)
        label = format_call(name, arguments)
        interval = "epoch" if kind == "adaptive" else "step"
        return ScheduleSpec(label, functools.partial(factory, **arguments), kind, interval, arguments)
    raise UnknownName("schedule", name, [family.name for family in SCHEDULES])
