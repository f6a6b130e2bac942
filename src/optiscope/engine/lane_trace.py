"""What is traced of each lane besides its losses: the points of a test function, the norms of a network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import numpy as np
import torch

from ..record import TraceSpec
from ..spec import Run
from .recorder import point_columns

Stacks = Sequence[torch.Tensor]


class LaneTrace(Protocol):
    """Fed at each step; gives trace columns at the end."""

    def state(self, step: int, stacks: Stacks) -> None:
        """The parameters are those of this step."""
        ...

    def gradient(self, step: int, gradients: Callable[[], Stacks]) -> None:
        """The gradients of this step are there."""
        ...

    def columns(self, lanes: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Trace columns of these lanes at these steps, shape (rows, lanes)."""
        ...


def make_trace(runs: Sequence[Run], trace: TraceSpec, evaluations: Collection[int] = ()) -> LaneTrace | None:
    """The trace of a batch, or None where none is kept."""
    if not trace.every:
        return None
    steps = runs[0].steps
    if runs[0].problem.is_function:
        return PointTrace(steps, len(runs), runs[0].problem.dim, trace.norms)
    return NormTrace(steps, len(runs), trace.every, evaluations) if trace.norms else None


class PointTrace:
    """Every position and gradient of a test function."""

    def __init__(self, steps: int, lanes: int, dim: int, norms: bool):
        self._lanes, self._norms = lanes, norms
        self._positions = np.full((steps + 1, lanes, dim), np.nan)
        self._gradients = np.full((steps + 1, lanes, dim), np.nan) if norms else None

    def state(self, step: int, stacks: Stacks) -> None:
        """Keep the positions."""
        self._positions[step] = stacks[0].detach().double().cpu().numpy()

    def gradient(self, step: int, gradients: Callable[[], Stacks]) -> None:
        """Keep the gradients."""
        if self._gradients is not None:
            self._gradients[step] = gradients()[0].double().cpu().numpy()

    def columns(self, lanes: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Positions, where they are few, and norms."""
        whole = len(lanes) == self._lanes  # no copy where all are wanted
        positions = self._positions if whole else self._positions[:, lanes]
        gradients = positions
        if self._gradients is not None:
            gradients = self._gradients if whole else self._gradients[:, lanes]
        return point_columns(positions, gradients, rows, self._norms)


class NormTrace:
    """Norms of gradient and update over all weights of a lane, taken as it trains."""

    def __init__(self, steps: int, lanes: int, every: int, evaluations: Collection[int] = ()):
        self._every, self._also = every, {*evaluations, steps}
        self._gradients = np.full((steps + 1, lanes), np.nan)
        self._updates = np.full((steps + 1, lanes), np.nan)
        self._before: list[torch.Tensor] = []

    @torch.no_grad()
    def state(self, step: int, stacks: Stacks) -> None:
        """Take the norm of what the last step changed, and remember where the next one starts."""
        if self._before:
            self._updates[step] = _norms([now - then for now, then in zip(stacks, self._before, strict=True)])
            self._before = []
        if self._recorded(step + 1):
            self._before = [stack.detach().clone() for stack in stacks]

    @torch.no_grad()
    def gradient(self, step: int, gradients: Callable[[], Stacks]) -> None:
        """Take the norm of the gradients."""
        if self._recorded(step):
            self._gradients[step] = _norms(gradients())

    def _recorded(self, step: int) -> bool:
        return step % self._every == 0 or step in self._also

    def columns(self, lanes: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The two norms."""
        return {"grad_norm": self._gradients[rows][:, lanes], "update_norm": self._updates[rows][:, lanes]}


def _norms(stacks: Stacks) -> np.ndarray:
    """Euclidean length of each lane over all its tensors, shape (lanes,)."""
    parts = torch.stack([torch.linalg.vector_norm(stack.flatten(1), dim=1) for stack in stacks])
    return torch.linalg.vector_norm(parts, dim=0).double().cpu().numpy()
