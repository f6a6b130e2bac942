"""A differential equation solved by a network: the loss is what is left over when the network is put into it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import TensorDataset

from ....spec import Problem
from ....streams import uniform
from ....task import Data
from ...losses import Criterion, value_criterion
from . import networks
from .shared import Loss, at_least, supervised

# u(x) = sum_k a_k sin(k pi x): zero at -1 and 1, and -u'' = sum_k a_k (k pi)^2 sin(k pi x).
WAVES = {1: 1.0, 2: 0.5, 4: 0.25}
SCALE = max(height * (k * np.pi) ** 2 for k, height in WAVES.items())


@dataclass(frozen=True)
class Leftover:
    """A loss of the second column alone, -u'' in parts of its largest term, so that the first may be judged."""

    criterion: Criterion

    def __call__(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The loss of a batch."""
        return self.criterion(output[:, 1] / SCALE, target[:, 1] / SCALE)

    def check(self, output: torch.Tensor, target: torch.Tensor) -> None:
        """Raises InputError where the loss does not fit."""
        self.criterion.check(output[:, 1] / SCALE, target[:, 1] / SCALE)

    @property
    def formula(self) -> str:
        """The loss, in words."""
        return self.criterion.formula


def relative_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Distance of u from the exact solution, in parts of its length: 1 is as good as u = 0."""
    return (output[:, 0] - target[:, 0]).norm() / target[:, 0].norm()


def pinn(*, width: int = 24, points: int = 128, loss: Loss = "MSELoss") -> Problem:
    """A physics-informed network: -u'' = f on [-1, 1] with u = 0 at both ends, at `points` random points, full batch.

    The solution is sin(πx) + sin(2πx) / 2 + sin(4πx) / 4. The second derivative makes curvature differ by powers of
    ten between directions: LBFGS gets where first-order methods do not. `relative_error` is u's own, on a fixed grid.
    """
    at_least("pinn", "width", width, 1)
    at_least("pinn", "points", points, 2)
    return supervised(
        "pinn", functools.partial(networks.Differentiated, width, 2), functools.partial(_data, points),
        Leftover(value_criterion(loss, "pinn")), training=points, default_steps=1000, evaluate_every=50,
        measures={"relative_error": relative_error}, what="what a network leaves over of -u'' = f",
        source="Raissi, Perdikaris, Karniadakis 2019, Physics-informed neural networks, doi:10.1016/j.jcp.2018.10.045",
    )  # fmt: skip


def _data(points: int, seed: int) -> Data:
    return Data(_solved(2 * uniform(seed, "points", 0, points) - 1), _solved(np.linspace(-1, 1, 201)))


def _solved(x: np.ndarray) -> TensorDataset:
    """Points with the exact u and -u'' there."""
    waves = [(height * np.sin(k * np.pi * x), (k * np.pi) ** 2) for k, height in WAVES.items()]
    both = np.stack([sum(wave for wave, _ in waves), sum(wave * factor for wave, factor in waves)], axis=1)
    return TensorDataset(torch.from_numpy(x.astype(np.float32))[:, None], torch.from_numpy(both.astype(np.float32)))
