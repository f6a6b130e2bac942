"""Signals in time, told apart by their shape."""

from __future__ import annotations

import functools

import numpy as np
import torch

from ....spec import Problem
from ....streams import normal, uniform
from ....task import Data
from ...losses import class_criterion
from . import networks
from .shared import Loss, accuracy, at_least, split, supervised, training_count, within

KINDS = ("sine", "square", "sawtooth", "triangle", "chirp", "pulse")
LENGTH, EACH = 64, 250


def signal_1d(*, noise: float = 0.3, width: int = 16, batch_size: int = 64, loss: Loss = "CrossEntropyLoss") -> Problem:
    """Six kinds of waves of 64 samples, told apart by a one-dimensional CNN: 250 of each kind.

    Sine, square, sawtooth, triangle, a sine that gets faster, and a pulse, with 2 to 5 periods, of any phase and of
    amplitude 0.5 to 1.5, under normal noise of deviation `noise`.
    """
    within("signal-1d", "noise", noise, 0, 10)
    at_least("signal-1d", "width", width, 1)
    return supervised(
        "signal-1d", functools.partial(networks.signal_cnn, width, len(KINDS)), functools.partial(_data, float(noise)),
        class_criterion(loss, "signal-1d", len(KINDS)), training=training_count(len(KINDS) * EACH),
        batch_size=batch_size, default_steps=570, measures={"accuracy": accuracy},
        what=f"a one-dimensional CNN on waves of {len(KINDS)} kinds",
        source="Wang, Yan, Oates 2017, Time series classification from scratch, arXiv:1611.06455",
    )  # fmt: skip


def _data(noise: float, seed: int) -> Data:
    return split(_signals(noise), seed)


@functools.cache
def _signals(noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    count = len(KINDS) * EACH
    periods, phase, height = (uniform(0, name, 0, count)[:, None] for name in ("periods", "phase", "height"))
    labels = np.arange(count) % len(KINDS)
    time = np.arange(LENGTH) / LENGTH
    turn = ((2 + 3 * periods) * time + phase) % 1.0
    faster = ((2 + 3 * periods) * time * (0.5 + time) + phase) % 1.0
    shapes = np.stack([
        np.sin(2 * np.pi * turn), np.where(turn < 0.5, 1.0, -1.0), 2 * turn - 1, 4 * np.abs(turn - 0.5) - 1,
        np.sin(2 * np.pi * faster), np.where(turn < 0.15, 1.0, -0.2),
    ])  # fmt: skip
    waves = (0.5 + height) * shapes[labels, np.arange(count)]
    waves += noise * normal(0, "signal noise", 0, count * LENGTH).reshape(count, LENGTH)
    return torch.from_numpy(waves.astype(np.float32)).unsqueeze(1), torch.from_numpy(labels)
