"""Networks without a nonlinearity: their outputs are products of weights, which makes the loss anything but convex."""

from __future__ import annotations

import functools

import numpy as np
import torch

from ....spec import Problem
from ....streams import normal, uniform
from ...losses import value_criterion
from . import networks
from .shared import Loss, at_least, mse, r2, split, supervised, training_count

ROWS, COLUMNS, RANK, SEEN, NOISE = 80, 60, 4, 2400, 0.1
WIDTH, EXAMPLES = 16, 500


def matrix_factorisation(*, rank: int = RANK, batch_size: int = 128, loss: Loss = "MSELoss") -> Problem:
    """A matrix of 80×60 from half of its entries, as the product of two thin ones; it has rank 4, and noise of 0.1.

    Each batch moves only the rows and columns that it mentions. The validation loss cannot fall below 0.01.
    """
    at_least("matrix-factorisation", "rank", rank, 1)
    return supervised(
        "matrix-factorisation", functools.partial(networks.Factors, ROWS, COLUMNS, rank),
        functools.partial(_split, _entries), value_criterion(loss, "matrix-factorisation"),
        training=training_count(SEEN), batch_size=batch_size, default_steps=600, measures={"mse": mse},
        what=f"entries of an {ROWS}×{COLUMNS} matrix, as a product of rank {rank}",
        source="Koren, Bell, Volinsky 2009, Matrix factorization techniques, doi:10.1109/MC.2009.263",
    )  # fmt: skip


def deep_linear(*, depth: int = 5, loss: Loss = "MSELoss") -> Problem:
    """Linear layers in a row, learning a linear map whose 16 singular values fall from 2 to 0.1; full batch.

    The origin is a saddle that is the flatter the more layers there are; each singular value is a step of its own.
    """
    at_least("deep-linear", "depth", depth, 1)
    return supervised(
        "deep-linear", functools.partial(networks.deep_linear, WIDTH, depth), functools.partial(_split, _linear_map),
        value_criterion(loss, "deep-linear"), training=training_count(EXAMPLES), default_steps=1000,
        evaluate_every=50, measures={"r2": r2}, what=f"{depth} linear layers of {WIDTH}, learning a linear map",
        source="Saxe, McClelland, Ganguli 2014, Exact solutions to the nonlinear dynamics, arXiv:1312.6120",
    )  # fmt: skip


def _split(tensors, seed):
    return split(tensors(), seed)


@functools.cache
def _entries() -> tuple[torch.Tensor, torch.Tensor]:
    left = normal(0, "rows", 0, ROWS * RANK).reshape(ROWS, RANK)
    right = normal(0, "columns", 0, COLUMNS * RANK).reshape(COLUMNS, RANK)
    matrix = left @ right.T / np.sqrt(RANK)
    seen = np.argsort(uniform(0, "entries", 0, ROWS * COLUMNS), kind="stable")[:SEEN]
    values = matrix.reshape(-1)[seen] + NOISE * normal(0, "entry noise", 0, SEEN)
    pairs = np.stack([seen // COLUMNS, seen % COLUMNS], axis=1)
    return torch.from_numpy(pairs), torch.from_numpy(values.astype(np.float32))


@functools.cache
def _linear_map() -> tuple[torch.Tensor, torch.Tensor]:
    inputs = normal(0, "inputs", 0, EXAMPLES * WIDTH).reshape(EXAMPLES, WIDTH)
    turns = [np.linalg.qr(normal(0, side, 0, WIDTH * WIDTH).reshape(WIDTH, WIDTH))[0] for side in ("left", "right")]
    outputs = inputs @ (turns[0] * np.geomspace(2.0, 0.1, WIDTH)) @ turns[1]
    return torch.from_numpy(inputs.astype(np.float32)), torch.from_numpy(outputs.astype(np.float32))
