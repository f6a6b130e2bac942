"""The demo CNN of the lesson: one batch of random images, all of one class, learnt by heart."""

from __future__ import annotations

import functools

import torch
from torch.utils.data import TensorDataset

from ....spec import Problem
from ....streams import torch_generator
from ....task import Data, Task
from ...losses import class_criterion
from . import networks
from .shared import Loss, accuracy, at_least


def demo_cnn(*, image_size: int = 224, batch_size: int = 32, loss: Loss = "CrossEntropyLoss") -> Problem:
    """The lesson's CNN on one batch of standard-normal images, all of class 1; an epoch is one step on it."""
    at_least("demo-cnn", "image_size", image_size, 10, 1024)
    at_least("demo-cnn", "batch_size", batch_size, 1)
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
        default_steps=10,
        formula=f"{criterion.formula} of a CNN on {batch_size} random images of one class",
        source="the training lesson that this suite grew out of",
    )


def _one_batch(image_size: int, batch_size: int, seed: int) -> Data:
    images = torch.randn(batch_size, 3, image_size, image_size, generator=torch_generator(seed, "images"))
    return Data(TensorDataset(images, torch.ones(batch_size, dtype=torch.long)))
