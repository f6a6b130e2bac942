"""Learning problems: networks with their data and loss, trained for real. May import spec, syntax, errors, streams."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from ...errors import InputError
from ...spec import Problem
from ...streams import torch_generator, uniform
from ...task import Data, Task
from ..losses import LossSpec, class_criterion
from . import networks
from .family import Family

Loss = str | LossSpec | Callable[..., Any]


def accuracy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Share of the examples whose largest logit is the target's."""
    return (output.argmax(-1) == target).double().mean()


def demo_cnn(*, image_size: int = 224, batch_size: int = 32, loss: Loss = "CrossEntropyLoss") -> Problem:
    """The lesson's CNN on one batch of standard-normal images, all of class 1; an epoch is one step on it."""
    _at_least("demo-cnn", "image_size", image_size, 10)
    _at_least("demo-cnn", "batch_size", batch_size, 1)
    criterion = class_criterion(loss, "demo-cnn", 101)
    return Problem(
        "demo-cnn",
        task=Task(
            module=functools.partial(networks.demo_cnn, image_size, 101),
            data=functools.partial(_one_batch, image_size, batch_size),
            criterion=criterion,
            check=criterion.check,
            batch_size=batch_size,
            batch_metrics={"accuracy": accuracy},
        ),
        metrics=("accuracy",),
        formula=f"{criterion.formula} of a CNN on {batch_size} random images of one class",
        source="the training lesson that this suite grew out of",
    )


def digits_cnn(*, batch_size: int = 64, validation: float = 0.2, loss: Loss = "CrossEntropyLoss") -> Problem:
    """A small CNN on scikit-learn's 1,797 handwritten digits, split and shuffled by the run's seed.

    `loss` is any loss that compares outputs with a class (`losses.criterion`); the validation loss is the same.
    """
    count = 1797
    if not 0 < validation < 1:
        raise InputError(f"digits-cnn: validation is a share of the data, between 0 and 1, got {validation!r}")
    training = count - round(validation * count)
    _at_least("digits-cnn", "batch_size", batch_size, 1)
    if batch_size > training:
        raise InputError(f"digits-cnn: batch_size must be at most the {training} training examples, got {batch_size}")
    criterion = class_criterion(loss, "digits-cnn", 10)
    return Problem(
        "digits-cnn",
        task=Task(
            module=networks.digits_cnn,
            data=functools.partial(_digits, training),
            criterion=criterion,
            check=criterion.check,
            batch_size=batch_size,
            validation_metrics={"val_loss": criterion, "accuracy": accuracy},
        ),
        metrics=("val_loss", "accuracy"),
        steps_per_epoch=math.ceil(training / batch_size),
        formula=f"{criterion.formula} of a CNN of 6,090 weights on 8×8 images of digits",
        source="Alpaydin, Kaynak 1998, Optical Recognition of Handwritten Digits, UCI (scikit-learn's copy)",
    )


LEARNING: tuple[Family, ...] = (
    Family("demo-cnn", demo_cnn, "the lesson's CNN on one batch", modifiers=False),
    Family("digits-cnn", digits_cnn, "a small CNN on digits", modifiers=False),
)


def _one_batch(image_size: int, batch_size: int, seed: int) -> Data:
    images = torch.randn(batch_size, 3, image_size, image_size, generator=torch_generator(seed, "images"))
    return Data(TensorDataset(images, torch.ones(batch_size, dtype=torch.long)))


@functools.cache
def _all_digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits["images"].astype(np.float32) / 16.0).unsqueeze(1)
    return images, torch.from_numpy(digits["target"].astype(np.int64))


def _digits(training: int, seed: int) -> Data:
    images, labels = _all_digits()
    order = torch.from_numpy(np.argsort(uniform(seed, "split", 0, len(labels)), kind="stable"))
    first, rest = order[:training], order[training:]
    return Data(TensorDataset(images[first], labels[first]), TensorDataset(images[rest], labels[rest]))


def _at_least(problem: str, name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{problem}: {name} must be a whole number >= {least}, got {value!r}")
