"""A learning problem from somebody's own network, data and loss. Stands behind `Problem.from_module`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import Subset, TensorDataset, default_collate

from ...errors import InputError, reason_of
from ...seeding import OwnRandom
from ...spec import Problem
from ...streams import uniform
from ...syntax import format_call
from ...task import Data, Task
from ..losses import Criterion, read_loss
from .learning.shared import accuracy, at_least

EPOCHS = 10  # of a run that is as long as nobody said otherwise
_COLUMNS = {"loss", "step", "lr_t", "grad_norm", "update_norm", "run_id", "val_loss"}


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
    label = name or _name_of(build)
    criterion = Criterion(read_loss(loss))
    split = _Split(label, dataset, validation, at_least(label, "batch_size", batch_size, 1))
    data = split(0)
    split = dataclasses.replace(split, training=_size(label, data.train))
    with OwnRandom(0, "trial"):  # what they draw while they are tried is not taken from the global generators
        module = _built(label, build)
        inputs, targets = _first_batch(label, data.train, batch_size)
        output = _tried(label, module, inputs)
        _fits(label, criterion, output, targets)
        measures = _measures(label, metrics, output, targets)
    judged = {"val_loss": criterion, **measures}
    per_epoch = math.ceil(split.training / batch_size)
    kept_apart = data.validation is not None
    if not name:
        given = {"batch_size": batch_size, "loss": criterion.loss.label, "validation": validation}
        label = format_call(label, {key: value for key, value in given.items() if value != _DEFAULTS.get(key)})
    return Problem(
        label,
        task=Task(
            module=build, data=split, criterion=criterion, check=functools.partial(_fits, label, criterion),
            batch_size=batch_size, evaluate_every=at_least(label, "evaluate_every", evaluate_every, 1),
            batch_metrics={} if kept_apart else measures, validation_metrics=judged if kept_apart else {},
        ),
        metrics=tuple(judged if kept_apart else measures),
        steps_per_epoch=per_epoch,
        default_steps=at_least(
            label, "default_steps", EPOCHS * per_epoch if default_steps is None else default_steps, 1
        ),
        formula=f"{criterion.formula} of {_name_of(build)}",
        version=version,
    )  # fmt: skip


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
            found = found(seed)
        if isinstance(found, Data):
            found = (found.train, found.validation)
        if isinstance(found, tuple):
            if len(found) != 2:
                raise InputError(f"{self.problem}: give one dataset, or two (training, validation), got {len(found)}")
            data = Data(*found)
            if data.validation is not None:
                _size(self.problem, data.validation)
        else:
            source: Any = found
            data = self._split(source, seed)
        training = _size(self.problem, data.train)
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
        count = _size(self.problem, dataset)
        held = round(self.validation * count)
        if not held:
            return Data(dataset)
        order = np.argsort(uniform(seed, "split", 0, count), kind="stable")
        parts = []
        for chosen in (order[: count - held], order[count - held :]):
            if isinstance(dataset, TensorDataset):  # tensors are batched at once, and not item by item
                parts.append(TensorDataset(*(tensor[torch.from_numpy(chosen)] for tensor in dataset.tensors)))
            else:
                parts.append(Subset(dataset, chosen.tolist()))
        return Data(*parts)


def _size(problem: str, dataset: Any) -> int:
    if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
        what = type(dataset).__name__
        raise InputError(f"{problem}: a dataset must have a length and items by number, got {what}")
    if not len(dataset):
        raise InputError(f"{problem}: the dataset is empty")
    return len(dataset)


def _first_batch(problem: str, dataset: Any, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    items = [dataset[i] for i in range(size)]
    wants = f"{problem}: each item of the dataset must be a pair (input, target)"
    for item in items:
        if not isinstance(item, (tuple, list)):
            raise InputError(f"{wants}, got {type(item).__name__}")
        if len(item) != 2:
            raise InputError(f"{wants}, got {len(item)} things")
    try:
        inputs, targets = default_collate(items)
    except (TypeError, RuntimeError) as error:
        kinds = " and ".join(type(part).__name__ for part in items[0])
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{wants} of tensors, arrays or numbers of one shape, got {kinds}: {reason}") from error
    for part, what in ((inputs, "input"), (targets, "target")):
        if not isinstance(part, torch.Tensor):
            raise InputError(f"{wants} of tensors, arrays or numbers, got an {what} of {type(part).__name__}")
    return inputs, targets


def _built(problem: str, build: Any) -> nn.Module:
    if isinstance(build, nn.Module):
        raise InputError(
            f"{problem}: give what builds the network, its class or a function, not a network: each run starts anew"
        )
    if not callable(build):
        raise InputError(f"a network is built by a class or a function, got {build!r}")
    try:
        module = build()
    except TypeError as error:
        raise InputError(f"{problem}: it must be built without arguments: {error}") from error
    if not isinstance(module, nn.Module):
        raise InputError(f"{problem}: {_name_of(build)} must give a torch.nn.Module, got {type(module).__name__}")
    return module


def _tried(problem: str, module: nn.Module, inputs: torch.Tensor) -> Any:
    with torch.no_grad():
        try:
            return module(inputs.float() if inputs.is_floating_point() else inputs)
        except Exception as error:  # whatever a network raises, it is the input that it refuses
            shape, reason = tuple(inputs.shape), reason_of(error)
            raise InputError(f"{problem}: the network refuses an input of shape {shape}: {reason}") from error


def _fits(problem: str, criterion: Criterion, output: Any, target: torch.Tensor) -> None:
    if not isinstance(output, torch.Tensor):
        raise InputError(f"{problem}: the network must give a tensor, got {type(output).__name__}")
    same_dtype = target.to(output.dtype) if target.is_floating_point() else target
    beside = f"output of shape {tuple(output.shape)}, target of shape {tuple(target.shape)}"
    if not criterion.loss.parts and output.shape[:1] != target.shape[:1]:
        raise InputError(f"{problem}: the output must have one row an example: {beside}")
    try:
        criterion.check(output, same_dtype)
    except InputError as error:
        raise InputError(f"{problem}: {error} ({beside})") from error


def _measures(
    problem: str, metrics: Mapping[str, Callable[..., Any]] | None, output: Any, target: torch.Tensor
) -> dict[str, Callable[..., Any]]:
    if metrics is None:
        classes = not target.is_floating_point() and output.shape == (*output.shape[:2], *target.shape[1:])
        return {"accuracy": accuracy} if classes and output.dim() == target.dim() + 1 else {}
    for key, measure in metrics.items():
        if not str(key).isidentifier() or key in _COLUMNS:
            raise InputError(f"{problem}: a metric's name must be a word, and none of {sorted(_COLUMNS)}, got {key!r}")
        try:
            float(measure(output, target))
        except Exception as error:  # somebody's own function
            reason = reason_of(error)
            raise InputError(f"{problem}: metric {key!r} must give one number: {reason}") from error
    return dict(metrics)


def _name_of(build: Any) -> str:
    found = build.func if isinstance(build, functools.partial) else build
    name = getattr(found, "__name__", type(found).__name__)
    return "network" if name == "<lambda>" or inspect.ismodule(found) else name
