"""The parts of a learning problem: its network, data, loss and metrics. Data only; torch comes where it is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from .checks import check_whole
from .errors import InputError, nearest

if TYPE_CHECKING:
    import torch

AVERAGES = ("ema", "swa")
AUTOCASTS = ("bfloat16", "float16")
CLEARINGS = ("step", "never")


@dataclass(frozen=True)
class Data:
    """What a learning task trains and is judged on: two `torch.utils.data.Dataset`s of (input, target)."""

    train: torch.utils.data.Dataset
    validation: torch.utils.data.Dataset | None = None


@dataclass(frozen=True)
class Training:
    """The switches of a training step; with none set, a step is the plain loop's.

    `accumulate` batches make one step: the gradient is that of one batch as many times as large, each counting by its
    examples (where a loss takes a mean that is weighted otherwise, by class or by ignored targets, it is not quite
    that, and batch norm sees one batch at a time). `zero_grad` clears the gradients before each `"step"`, or
    `"never"`: they then add up over the run. `clip_norm` scales the whole gradient to at most this norm, `clip_value`
    then cuts each number of it to ±`clip_value`. `average` keeps a second set of weights, judged beside the first:
    `"ema"`, where an old average counts `average_decay`, or `"swa"`, the mean of the weights after each step from the
    share `average_from` of the run on. `autocast` computes loss and gradient in this precision, and evaluates in
    full. `noise_scale` is the number of batches from which the gradient noise scale is estimated at each evaluation.

    Raises InputError for a value out of range.
    """

    accumulate: int = 1
    zero_grad: str = "step"
    clip_norm: float | None = None
    clip_value: float | None = None
    average: str | None = None
    average_decay: float = 0.95
    average_from: float = 0.75
    autocast: str | None = None
    noise_scale: int | None = None

    def __post_init__(self) -> None:
        check_whole("accumulate", self.accumulate, 1)
        _one_of("zero_grad", self.zero_grad, CLEARINGS)
        for name, value in (("clip_norm", self.clip_norm), ("clip_value", self.clip_value)):
            if value is not None and not (_is_number(value) and 0 < value < math.inf):
                raise InputError(f"{name} must be a finite number > 0, got {value!r}")
        if self.average is not None:
            _one_of("average", self.average, AVERAGES)
        if self.autocast is not None:
            _one_of("autocast", self.autocast, AUTOCASTS)
        if not (_is_number(self.average_decay) and 0 < self.average_decay < 1):
            raise InputError(f"average_decay must be a number between 0 and 1, got {self.average_decay!r}")
        if not (_is_number(self.average_from) and 0 <= self.average_from < 1):
            raise InputError(f"average_from is a share of the run, at least 0 and below 1, got {self.average_from!r}")
        for name, of in (("average_decay", "ema"), ("average_from", "swa")):
            if getattr(self, name) != getattr(Training, name) and self.average != of:
                raise InputError(f"{name} belongs to average={of!r}, got average={self.average!r}")
        if self.noise_scale is not None:
            check_whole("noise_scale", self.noise_scale, 2)
        if self.zero_grad == "never" and self.autocast == "float16":
            raise InputError(
                'autocast="float16" rescales gradients at each step: they cannot be left with zero_grad="never"'
            )

    @property
    def set(self) -> dict[str, Any]:
        """The switches that are not at their default, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}

    @property
    def told(self) -> tuple[str, ...]:
        """In words, what makes a step other than the plain loop's: for the record of each run."""
        words = {
            "accumulate": f"each step takes the gradient of {self.accumulate} batches, each "
            "counting by its examples (whatever their class weights, and though some targets be ignored)",
            "zero_grad": "gradients are never cleared: they add up over the run",
            "clip_norm": f"gradients are clipped to norm {self.clip_norm}",
            "clip_value": f"gradients are clipped to ±{self.clip_value} each",
            "autocast": f"loss and gradient are computed under autocast to {self.autocast}",
            "average": f"metrics {self.average}_… are those of averaged weights ({self.average})",
            "noise_scale": f"noise_scale is estimated from {self.noise_scale} batches",
        }
        return tuple(text for name, text in words.items() if name in self.set)


@dataclass(frozen=True)
class Task:
    """The parts of a learning problem; the engine puts them together.

    `module()` builds the network; its random initialisation is redirected to the run's own generator.
    `data(seed)` gives the `Data`. `criterion(output, target)` gives the scalar training loss of a batch.
    `batch_metrics` are read off each training batch's output; `validation_metrics` are computed on the validation set
    every `evaluate_every` epochs, off the clock. Both map a name to `(output, target) -> scalar`.
    `check(output, target)` is called once a run, on the first output there is; it raises
    InputError where the loss does not fit. `training` holds the switches of the training step, None for the plain one.
    `fingerprint` stands for code and data that no name tells apart, and is part of the problem's identity; `unnamed`
    says that the problem's name was made up, and gives way to whatever else the problem is called by.
    """

    module: Callable[[], torch.nn.Module]
    data: Callable[[int], Data]
    criterion: Callable[[Any, Any], torch.Tensor]
    batch_size: int
    batch_metrics: Mapping[str, Callable[[Any, Any], torch.Tensor]] = field(default_factory=dict)
    validation_metrics: Mapping[str, Callable[[Any, Any], torch.Tensor]] = field(default_factory=dict)
    evaluate_every: int = 1
    check: Callable[[Any, Any], None] | None = None
    training: Training | None = None
    fingerprint: str = ""
    unnamed: bool = False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        listing = ", ".join(repr(one) for one in allowed)
        raise InputError(f"{name} must be one of {listing}, got {value!r}{nearest(str(value), allowed)}")
