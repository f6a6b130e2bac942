"""Why did it move? Gradient, momentum and effective rate of each coordinate, read from the live optimizer's state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch

from ..errors import InputError
from ..record import RunRecord, TraceSpec
from ..spec import Run
from .calling import Calling, calling
from .check import check_runs
from .instance import Instance
from .single import run_single

MOMENTA = ("momentum_buffer", "exp_avg")  # where torch's optimizers, and those written like them, keep it


def anatomy(runs: Run | Iterable[Run]) -> pd.DataFrame:
    """One row a step of each run of a test function: what was there before it, and what it did.

    Columns: run_id, optimizer, step, loss, lr_t, and of each coordinate i: `x{i}` before the step, `gradient{i}`,
    `momentum{i}` (the buffer in `optimizer.state` that the step has used; NaN where the optimizer keeps none),
    `update{i}` (the step taken), `rate{i}` = -update / momentum, or / gradient where there is no momentum: what this
    coordinate was multiplied by. `angle` is between the update and steepest descent, in degrees: 0 straight down, over
    90 uphill.

    Raises InputError for a network, and for an optimizer that takes its gradients by itself (LBFGS).
    """
    chosen = [runs] if isinstance(runs, Run) else list(runs)
    check_runs(chosen)
    return pd.concat([_frame(one) for one in chosen], ignore_index=True)


class _Anatomist:
    """A watch that keeps positions, gradients and momenta of one small parameter."""

    def __init__(self) -> None:
        self.places: list[np.ndarray] = []
        self.gradients: list[np.ndarray] = []
        self.momenta: list[np.ndarray] = []

    def begin(self, instance: Instance, optimizer: torch.optim.Optimizer) -> None:
        self._point, self._optimizer = instance.parameters[0], optimizer
        self.places.append(_flat(self._point))

    def before(self, step: int) -> None:
        grad: Any = self._point.grad
        self.gradients.append(_flat(grad.to_dense()))

    def after(self, step: int) -> None:
        self.places.append(_flat(self._point))
        state = self._optimizer.state[self._point]
        held = [state[name] for name in MOMENTA if isinstance(state.get(name), torch.Tensor)]
        self.momenta.append(_flat(held[0]) if held else np.full_like(self.places[-1], np.nan))


def _frame(run: Run) -> pd.DataFrame:
    if not run.problem.is_function:
        raise InputError(f"anatomy draws the steps of a point, and {run.problem.name} is a network")
    if calling(run) is Calling.CLOSURE:
        raise InputError(f"{run.optimizer.name} takes its gradients by itself: a step of it has no one gradient")
    watch = _Anatomist()
    record: RunRecord = run_single(run, TraceSpec(norms=False), watch=watch)
    taken = min(len(watch.momenta), len(record.trace.get("step", ())) - 1)
    if taken < 1:
        raise InputError(f"{run.optimizer.name} took no step that ended on a finite loss: {record.row['status']}")
    places, gradients = np.array(watch.places)[: taken + 1], np.array(watch.gradients)[:taken]
    momenta, updates = np.array(watch.momenta)[:taken], np.diff(places, axis=0)
    lever = np.where(np.isnan(momenta), gradients, momenta)
    rates = np.divide(-updates, lever, out=np.full_like(updates, np.nan), where=lever != 0)
    columns: dict[str, Any] = {"run_id": run.run_id, "optimizer": run.optimizer.name, "step": np.arange(taken)}
    columns |= {name: record.trace[name][:taken] for name in ("loss", "lr_t")}
    parts = {"x": places[:-1], "gradient": gradients, "momentum": momenta, "update": updates, "rate": rates}
    columns |= {f"{name}{i}": values[:, i] for name, values in parts.items() for i in range(places.shape[1])}
    return pd.DataFrame(columns | {"angle": angle(updates, -gradients)})


def angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Degrees between the rows of two arrays (n, dim); NaN where one of them is nought.

    >>> angle(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 1.0], [0.0, 1.0]])).round(9).tolist()
    [45.0, 0.0]
    """
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosine = np.divide((one * other).sum(axis=1), lengths, out=np.full(len(one), np.nan), where=lengths > 0)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _flat(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().double().reshape(-1).cpu().numpy().copy()
