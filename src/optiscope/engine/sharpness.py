"""How curved the loss is where an optimizer stands: the largest eigenvalue of the Hessian, along a run.

Found by Lanczos' method on Hessian-vector products, so that no Hessian is ever written down.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from ..errors import InputError
from ..record import TraceSpec
from ..spec import Run
from ..streams import torch_generator
from .check import check_runs
from .instance import Instance
from .single import run_single


def largest_eigenvalue(
    loss: Callable[[], torch.Tensor], parameters: Sequence[torch.Tensor], start: torch.Tensor,
    most: int = 30, tolerance: float = 1e-3,
) -> tuple[float, torch.Tensor]:  # fmt: skip
    """The largest eigenvalue of the Hessian of `loss()` with respect to the parameters, and its eigenvector, flat.

    `start` is any vector that is not nought, such as the eigenvector of a step before. Stops where the residual is
    below `tolerance` of the eigenvalue, or after `most` products (C. Lanczos 1950, J. Res. Natl. Bur. Stand. 45:255).
    """
    gradients = torch.autograd.grad(loss(), parameters, create_graph=True)
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])

    def product(vector: torch.Tensor) -> torch.Tensor:
        parts = torch.autograd.grad(flat, parameters, vector, retain_graph=True, allow_unused=True)
        return torch.cat([
            torch.zeros_like(p).reshape(-1) if part is None else part.reshape(-1)
            for p, part in zip(parameters, parts, strict=True)
        ])  # fmt: skip

    basis = [start / start.norm()]
    diagonal: list[float] = []
    beside: list[float] = []
    most = min(most, len(flat))
    while True:
        image = product(basis[-1])
        diagonal.append(float(image @ basis[-1]))
        stack = torch.stack(basis)
        # Twice against all of them: once leaves what rounding put back.
        for _ in range(2):
            image = image - stack.T @ (stack @ image)
        left = float(image.norm())
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        residual = left * abs(vectors[-1, -1])
        if residual <= tolerance * abs(values[-1]) or len(basis) == most or not math.isfinite(left):
            return float(values[-1]), torch.from_numpy(vectors[:, -1]).to(stack) @ stack
        beside.append(left)
        basis.append(image / left)


def sharpness(runs: Run | Iterable[Run], every: int = 10) -> pd.DataFrame:
    """The sharpness along each run, every so many steps: run_id, optimizer, lr, step, loss, sharpness, threshold.

    It is that of the loss on the batch of its step: let the batch be all the data, or it is another function each time.
    `threshold` is where a quadratic of this sharpness would begin to diverge: 2 / lr for gradient descent,
    2 (1 + momentum) / lr with momentum, NaN for other optimizers (J. Cohen et al. 2021, Gradient Descent on Neural
    Networks Typically Occurs at the Edge of Stability, arXiv:2103.00065).

    Raises InputError for `every` below 1.
    """
    if every < 1:
        raise InputError(f"every must be >= 1, got {every}")
    chosen = [runs] if isinstance(runs, Run) else list(runs)
    check_runs(chosen)
    frames = []
    for one in chosen:
        watch = _Surveyor(every, one)
        record = run_single(one, TraceSpec(norms=False), watch=watch)
        steps = [step for step in watch.found if step < len(record.trace.get("step", ()))]
        frames.append(pd.DataFrame({
            "run_id": one.run_id, "problem": one.problem.name, "optimizer": one.optimizer.name, "lr": one.lr,
            "step": steps,
            "loss": [float(record.trace["loss"][step]) for step in steps],
            "sharpness": [watch.found[step] for step in steps],
            "threshold": [_threshold(one, float(record.trace["lr_t"][step])) for step in steps],
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


class _Surveyor:
    """A watch that measures the sharpness before every so many steps."""

    def __init__(self, every: int, run: Run):
        self._every, self._run = every, run
        self.found: dict[int, float] = {}

    def begin(self, instance: Instance, optimizer: torch.optim.Optimizer) -> None:
        self._instance = instance
        size = sum(p.numel() for p in instance.parameters)
        drawn = torch.randn(size, generator=torch_generator(self._run.seed, "sharpness"))
        self._vector = drawn.to(instance.parameters[0])

    def before(self, step: int) -> None:
        if step % self._every == 0:
            kept = [p.grad for p in self._instance.parameters]
            found, vector = largest_eigenvalue(
                lambda: self._instance.loss(step), self._instance.parameters, self._vector
            )  # fmt: skip
            self.found[step] = found
            if bool(torch.isfinite(vector).all()) and float(vector.norm()) > 0:
                self._vector = vector
            for p, grad in zip(self._instance.parameters, kept, strict=True):
                p.grad = grad

    def after(self, step: int) -> None:
        """Nothing: the gradient of the next step comes first."""


def _threshold(run: Run, lr: float) -> float:
    if run.optimizer.path.rpartition(".")[2] != "SGD":
        return math.nan
    arguments: dict[str, Any] = dict(run.optimizer.arguments)
    momentum = arguments.get("momentum", 0.0) if not arguments.get("dampening") else math.nan
    if arguments.get("nesterov"):
        return (2 + 2 * momentum) / (1 + 2 * momentum) / lr
    return 2 * (1 + momentum) / lr
