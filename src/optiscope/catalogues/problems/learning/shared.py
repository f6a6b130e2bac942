"""What the learning problems share: their metrics, their split, the checks of their arguments, and the assembly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from ....checks import check_whole
from ....errors import InputError, shown
from ....spec import Problem
from ....streams import uniform
from ....task import Data, Task
from ...losses import LossSpec

Loss = str | LossSpec | Callable[..., Any]
Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
VALIDATION = 0.2  # the share of the examples that is kept apart


def accuracy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Share of the targets, shape (N, …), whose class has the largest of the outputs, shape (N, C, …)."""
    return (output.argmax(1) == target).double().mean()


def mse(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean squared error, whatever the training loss is."""
    return (output - target).square().mean()


def r2(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Share of the targets' variance that the outputs explain: 1 is all of it, 0 what their mean explains."""
    return 1 - (output - target).square().sum() / (target - target.mean(0)).square().sum()


def split(tensors: tuple[torch.Tensor, torch.Tensor], seed: int, validation: float = VALIDATION) -> Data:
    """Training and validation examples, told apart by the run's seed."""
    inputs, targets = tensors
    order = torch.from_numpy(np.argsort(uniform(seed, "split", 0, len(targets)), kind="stable"))
    training = training_count(len(targets), validation)
    first, rest = order[:training], order[training:]
    return Data(TensorDataset(inputs[first], targets[first]), TensorDataset(inputs[rest], targets[rest]))


def training_count(count: int, validation: float = VALIDATION) -> int:
    """How many of the examples are left to train on."""
    return count - round(validation * count)


def supervised(
    name: str,
    module: Callable[[], nn.Module],
    data: Callable[[int], Data],
    criterion: Any,
    *,
    training: int,
    default_steps: int,
    what: str,
    source: str,
    measures: Mapping[str, Measure],
    batch_size: int | None = None,
    evaluate_every: int = 1,
) -> Problem:
    """The problem of a network that is judged on a validation set: by its loss, and by `measures`.

    `training` is the number of training examples; without `batch_size` a batch is all of them.
    """
    size = training if batch_size is None else batch_size
    at_least(name, "batch_size", size, 1)
    if size > training:
        raise InputError(f"{name}: batch_size must be at most the {training} training examples, got {size}")
    metrics = {"val_loss": criterion, **measures}
    return Problem(
        name,
        task=Task(
            module=module, data=data, criterion=criterion, check=criterion.check, batch_size=size,
            validation_metrics=metrics, evaluate_every=evaluate_every,
        ),
        metrics=tuple(metrics),
        steps_per_epoch=math.ceil(training / size),
        default_steps=default_steps,
        formula=f"{criterion.formula} of {what}",
        source=source,
    )  # fmt: skip


def at_least(problem: str, name: str, value: Any, least: int, most: int = 1_000_000) -> int:
    """The argument. Raises InputError unless it is a whole number, large enough and not absurdly large."""
    check_whole(f"{problem}: {name}", value, least)
    if value > most:
        raise InputError(f"{problem}: {name} must be at most {most}, got {shown(value)}")
    return value


def within(problem: str, name: str, value: Any, low: float, high: float) -> None:
    """Raises InputError unless the argument is a number from `low` up to, and without, `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value < high:
        raise InputError(f"{problem}: {name} must be a number from {low:g} to below {high:g}, got {value!r}")
