"""The ends of many lanes: the last finite state of each, and the first near the minimum. At most two rows a lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..record import trace_table
from ..spec import Run

if TYPE_CHECKING:
    import pyarrow as pa

_COORDINATES = 3  # the trace holds the points of functions of up to three dimensions


class LaneEnds:
    """Fed at each step; keeps what a step overwrites only where it may be the last."""

    def __init__(self, runs: Sequence[Run], target: float | None, end_losses: np.ndarray | None):
        lanes, problem = len(runs), runs[0].problem
        self._points = problem.is_function and problem.dim <= _COORDINATES
        dim = problem.dim if self._points else 0
        self._near = None if target is None else problem.floor + target
        self._alive = np.ones(lanes, bool)
        self._end_losses = end_losses  # at which a lane ends, shape (lanes,)
        # The first state near the minimum, and the last of all: step (-1 for none), loss and point of each.
        self._steps = np.full((2, lanes), -1, dtype=np.int64)
        self._losses = np.full((2, lanes), np.nan)
        self._places = np.full((2, lanes, dim), np.nan)

    def state(self, step: int, losses: np.ndarray, stacks: Sequence[torch.Tensor]) -> None:
        """The state after `step` steps: losses of shape (lanes,), and the parameters."""
        places = self._places[1]
        if self._points:
            places = stacks[0].detach().double().cpu().numpy().reshape(len(losses), -1)
        self._alive &= np.isfinite(losses)
        if self._near is not None:
            with np.errstate(invalid="ignore"):
                arrived = self._alive & (losses <= self._near) & (self._steps[0] < 0)
            if arrived.any():
                self._keep(0, arrived, step, losses, places)
        self._keep(1, slice(None) if self._alive.all() else self._alive, step, losses, places)
        if self._end_losses is not None:
            with np.errstate(invalid="ignore"):
                self._alive &= ~(losses <= self._end_losses)

    def _keep(self, which: int, lanes, step: int, losses: np.ndarray, places: np.ndarray) -> None:
        self._steps[which, lanes] = step
        self._losses[which, lanes] = losses[lanes]
        self._places[which, lanes] = places[lanes]

    def table(self, run_ids: list[str], rates: list[np.ndarray], settings: np.ndarray) -> pa.Table | None:
        """Lane after lane, its one or two rows; `rates` by step and setting give lr_t."""
        first, last = self._steps
        wanted = np.stack([(first >= 0) & (first < last), last >= 0], axis=1)  # (lanes, 2)
        if not wanted.any():
            return None
        steps = self._steps.T[wanted]
        owner = np.broadcast_to(settings[:, None], wanted.shape)[wanted]
        columns = {"step": steps, "loss": self._losses.T[wanted], "lr_t": np.stack(rates)[steps, owner]}
        columns |= {f"x{i}": self._places[:, :, i].T[wanted] for i in range(self._places.shape[2])}
        counts = wanted.sum(axis=1)
        ids = [run_id for run_id, count in zip(run_ids, counts.tolist(), strict=True) if count]
        return trace_table(ids, counts[counts > 0], columns)
