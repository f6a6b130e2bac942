"""A learning problem from somebody's own network, data and loss. Stands behind `Problem.from_module`."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Subset, TensorDataset

from ...errors import InputError, reason_of
from ...seeding import OwnRandom
from ...spec import Problem
from ...streams import uniform
from ...syntax import format_call
from ...task import Data, Task
from ..losses import Criterion, read_loss
from .fingerprint import fingerprint
from .learning.shared import at_least
from .trial import fits, name_of, size_of, try_out

EPOCHS = 10  # of a run that is as long as nobody said otherwise


def problem_from_module(
    build: Callable[[], nn.Module],
    dataset: Any,
    loss: Any,
    *,
    name: str,
    batch_size: int,
    validation: float,
    metrics: Mapping[str, Callable[[Any, Any], Any]] | None,
    evaluate_every: int,
    default_steps: int | None,
    version: int,
) -> Problem:
    """See `Problem.from_module`."""
    if not isinstance(name, str):
        raise InputError(f"name must be a text, got {name!r}")
    label = name or name_of(build)
    criterion = Criterion(read_loss(loss))
    split = _Split(label, dataset, validation, at_least(label, "batch_size", batch_size, 1))
    with OwnRandom(0, "trial"):  # what they draw while they are tried is not taken from the global generators
        data = split(0)
        split = dataclasses.replace(split, training=size_of(label, data.train))
        tried = try_out(label, build, data, criterion, batch_size, metrics)
    judged = {"val_loss": criterion, **tried.measures}
    per_epoch = math.ceil(split.training / batch_size)
    kept_apart = data.validation is not None
    evaluate_every = at_least(label, "evaluate_every", evaluate_every, 1)
    if not name:
        given = {"batch_size": batch_size, "loss": criterion.loss.label, "validation": validation}
        label = format_call(label, {key: value for key, value in given.items() if value != _DEFAULTS.get(key)})
    _check_name(label)
    settings = (batch_size, validation, evaluate_every, dict(metrics or {}))
    code = (build, criterion.loss.path, criterion.loss.resolved, dict(criterion.loss.arguments))
    return Problem(
        label,
        task=Task(
            module=build, data=split, criterion=criterion, check=functools.partial(fits, label, criterion),
            batch_size=batch_size, evaluate_every=evaluate_every,
            batch_metrics={} if kept_apart else tried.measures, validation_metrics=judged if kept_apart else {},
            fingerprint=fingerprint(code, tried.network, tried.data, settings), unnamed=not name,
        ),
        metrics=tuple(judged if kept_apart else tried.measures),
        steps_per_epoch=per_epoch,
        default_steps=at_least(
            label, "default_steps", EPOCHS * per_epoch if default_steps is None else default_steps, 1
        ),
        formula=f"{criterion.formula} of {name_of(build)}",
        version=version,
    )  # fmt: skip


def _check_name(label: str) -> None:
    """Raises InputError for the name of a problem of the catalogue: tables could not tell the two apart."""
    from . import PROBLEMS  # which holds what stands on this room's neighbours

    taken = {family.name for family in PROBLEMS}
    if label.partition("(")[0].strip() in taken:
        raise InputError(f"{label!r} is a problem of the catalogue: give your own another name=…")


_DEFAULTS = {"batch_size": 32, "validation": 0.2}


@dataclass(frozen=True)
class _Split:
    """`Task.data` of a dataset: as it is where it is a pair, else split by the run's seed."""

    problem: str
    dataset: Any
    validation: float
    batch_size: int
    training: int = 0  # examples, once they are counted

    def __post_init__(self) -> None:
        share = self.validation
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
            raise InputError(f"{self.problem}: validation is a share of the data, from 0 to below 1, got {share!r}")

    def __call__(self, seed: int) -> Data:
        found: Any = self.dataset
        if callable(found) and not hasattr(found, "__getitem__"):
            try:
                found = found(seed)
            except Exception as error:  # somebody's function
                raise InputError(f"{self.problem}: its dataset(seed={seed}) fails: {reason_of(error)}") from error
        if isinstance(found, Data):
            found = (found.train, found.validation)
        if isinstance(found, tuple):
            if len(found) != 2:
                raise InputError(f"{self.problem}: give one dataset, or two (training, validation), got {len(found)}")
            data = Data(*found)
            if data.validation is not None:
                size_of(f"{self.problem}: validation", data.validation)
        else:
            source: Any = found
            data = self._split(source, seed)
        training = size_of(self.problem, data.train)
        if self.batch_size > training:
            raise InputError(
                f"{self.problem}: batch_size must be at most the {training} training examples, got {self.batch_size}"
            )
        if self.training not in (0, training):
            raise InputError(
                f"{self.problem}: every seed must have as many training examples: {self.training} for seed 0, "
                f"{training} for seed {seed}"
            )
        return data

    def _split(self, dataset: Any, seed: int) -> Data:
        count = size_of(self.problem, dataset)
        held = round(self.validation * count)
        if not held:
            return Data(dataset)
        if held == count:
            raise InputError(
                f"{self.problem}: validation={self.validation} of {count} examples leaves none to train on"
            )
        order = np.argsort(uniform(seed, "split", 0, count), kind="stable")
        parts = []
        for chosen in (order[: count - held], order[count - held :]):
            if isinstance(dataset, TensorDataset):  # tensors are batched at once, and not item by item
                parts.append(TensorDataset(*(tensor[torch.from_numpy(chosen)] for tensor in dataset.tensors)))
            else:
                parts.append(Subset(dataset, chosen.tolist()))
        return Data(*parts)
