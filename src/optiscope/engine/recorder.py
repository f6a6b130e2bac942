"""What the loop writes down, as cheaply as it can: positions and gradients where they are small, norms where not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np
import torch

# The foreach kernels: private by their names, and what torch's own optimizers and clipping are made of.
_FOREACH: Any = torch

FLAT_LIMIT = 2_000_000  # parameters that are copied end to end for their norm
POINT_LIMIT = 4_000_000  # numbers kept as positions and gradients before norms are taken on the fly instead


class Recorder(Protocol):
    """Called at each step; gives trace columns at the end."""

    def before(self, step: int) -> None:
        """The gradient of this step is there, the update is not."""
        ...

    def after(self, step: int) -> None:
        """The parameters are those of this step."""
        ...

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Trace columns at the given steps."""
        ...


def make_recorder(
    parameters: Sequence[torch.nn.Parameter], steps: int, every: int, norms: bool, small: bool,
    evaluations: Collection[int] = (),
) -> Recorder:  # fmt: skip
    """The cheapest recorder that gives what is asked."""
    sparse_or_big = sum(p.numel() for p in parameters) * steps > POINT_LIMIT
    if small and not sparse_or_big and every:
        cpu = parameters[0].device.type == "cpu"
        return PointRecorder(parameters[0], steps, norms) if cpu else DevicePointRecorder(parameters[0], norms)
    if norms and every:
        return NormRecorder(parameters, steps, every, evaluations)
    return NoRecorder()


class NoRecorder:
    """Keeps nothing but what the loop itself keeps: the losses."""

    def before(self, step: int) -> None:
        """Nothing."""

    def after(self, step: int) -> None:
        """Nothing."""

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """No columns."""
        return {}


class PointRecorder:
    """Every position and gradient of one small parameter on the CPU, through a NumPy view of its memory."""

    def __init__(self, point: torch.nn.Parameter, steps: int, norms: bool):
        self._point, self._norms = point, norms
        self._positions = np.full((steps + 1, point.numel()), np.nan)
        self._gradients = np.full((steps + 1, point.numel()), np.nan)
        self._look()
        self.after(0)

    def _look(self) -> None:
        self._address = self._point.data_ptr()
        detached = self._point.detach()
        # NumPy has no bfloat16: that one is copied at each step, the others are looked at where they lie.
        self._live = detached.dtype != torch.bfloat16
        self._view = (detached if self._live else detached.double()).reshape(-1).numpy()

    def before(self, step: int) -> None:
        """Keep the gradient."""
        if self._norms:
            grad = self._point.grad
            if grad is not None:
                if grad.is_sparse:
                    grad = grad.to_dense()
                grad = grad.detach()
                if not self._live:
                    grad = grad.double()
                self._gradients[step] = grad.numpy().reshape(-1)

    def after(self, step: int) -> None:
        """Keep the position."""
        # An optimizer may put another tensor under the parameter (`p.data = …`).
        if not self._live or self._point.data_ptr() != self._address:
            self._look()
        self._positions[step] = self._view

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Positions, where they are few, and norms."""
        return point_columns(self._positions, self._gradients, rows, self._norms)


class DevicePointRecorder:
    """The same on an accelerator: copies stay there until the end, so that no step waits."""

    def __init__(self, point: torch.nn.Parameter, norms: bool):
        self._point, self._norms = point, norms
        self._positions = [point.detach().clone()]
        self._gradients: list[torch.Tensor] = []

    def before(self, step: int) -> None:
        """Keep the gradient, on the device."""
        grad = self._point.grad
        if self._norms and grad is not None:
            self._gradients.append(grad.detach().to_dense().clone() if grad.is_sparse else grad.detach().clone())

    def after(self, step: int) -> None:
        """Keep the position, on the device."""
        self._positions.append(self._point.detach().clone())

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The same columns, fetched at the end."""
        positions = torch.stack(self._positions).double().flatten(1).cpu().numpy()
        gradients = np.full_like(positions, np.nan)
        if self._gradients:
            drawn = torch.stack(self._gradients).double().flatten(1).cpu().numpy()
            gradients[: len(drawn)] = drawn
        return point_columns(positions, gradients, rows, self._norms)


def point_columns(positions: np.ndarray, gradients: np.ndarray, rows: np.ndarray, norms: bool) -> dict[str, np.ndarray]:
    """Trace columns from arrays of positions and gradients, each of shape (steps + 1, …, dim)."""
    columns: dict[str, np.ndarray] = {}
    if norms:
        columns["grad_norm"] = _norm(gradients[rows])
        earlier = np.maximum(rows - 1, 0)
        columns["update_norm"] = _norm(positions[rows] - positions[earlier])
        columns["update_norm"][rows == 0] = np.nan
    if positions.shape[-1] <= 3:
        columns |= {f"x{i}": positions[rows][..., i] for i in range(positions.shape[-1])}
    return columns


def _norm(vectors: np.ndarray) -> np.ndarray:
    """Euclidean length of each row; scaled first, since runs that diverge have squares beyond float64."""
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
    return scale[..., 0] * np.sqrt(((vectors / scale) ** 2).sum(axis=-1))


class NormRecorder:
    """Norms over all parameters of a network, taken as it trains; one copy of the parameters, no more.

    A small network's tensors are laid end to end first: one kernel then does what would be one a tensor.
    """

    def __init__(
        self, parameters: Sequence[torch.nn.Parameter], steps: int, every: int, evaluations: Collection[int] = ()
    ):
        self._parameters = list(parameters)
        self._every, self._also = every, {*evaluations, steps}
        self._small = sum(p.numel() for p in parameters) <= FLAT_LIMIT
        self._before = self._now()
        self._gradients: dict[int, torch.Tensor] = {}
        self._updates: dict[int, torch.Tensor] = {}

    @torch.no_grad()
    def before(self, step: int) -> None:
        """Take the norm of the gradients."""
        if self._recorded(step):
            grads = [p.grad for p in self._parameters if p.grad is not None]
            grads = [grad.coalesce().values() if grad.is_sparse else grad for grad in grads]
            self._gradients[step] = self._norm(grads) if grads else torch.tensor(0.0)
        if self._every > 1 and self._recorded(step + 1):
            self._before = self._now()

    @torch.no_grad()
    def after(self, step: int) -> None:
        """Take the norm of what the step changed."""
        if not self._recorded(step):
            return
        if self._small:
            now = self._now()
            self._updates[step] = torch.linalg.vector_norm(now[0] - self._before[0])
            self._before = now
        else:
            # In place: a large network's parameters are not held three times.
            _FOREACH._foreach_sub_(self._before, self._parameters)
            self._updates[step] = self._norm(self._before)
            _FOREACH._foreach_copy_(self._before, self._parameters)

    def _now(self) -> list[torch.Tensor]:
        """A copy of the parameters: one vector, or as they are."""
        if self._small:
            return [torch.cat([p.detach().reshape(-1) for p in self._parameters])]
        return [p.detach().clone() for p in self._parameters]

    def _norm(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        if self._small:
            return torch.linalg.vector_norm(torch.cat([tensor.reshape(-1) for tensor in tensors]))
        return torch.stack(_FOREACH._foreach_norm(tensors)).norm()

    def _recorded(self, step: int) -> bool:
        return step % self._every == 0 or step in self._also

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The two norms."""
        nan = float("nan")
        return {
            "grad_norm": np.array([float(self._gradients.get(int(k), nan)) for k in rows]),
            "update_norm": np.array([float(self._updates.get(int(k), nan)) for k in rows]),
        }
