"""The closure of one step, for optimizers that take one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch


class Closure:
    """What LBFGS and its like call as often as they want: the loss of one step, with its gradient.

    `calls` counts, and `first` keeps the loss of the first call, which is that before the step.
    """

    def __init__(
        self, zero_grad: Callable[[], Any], loss_at: Callable[[int], torch.Tensor],
        differentiate: Callable[[torch.Tensor], Any], perturb: Callable[[int], None] | None, step: int,
        recorder: Any = None,
    ):  # fmt: skip
        self._zero_grad, self._loss_at, self._differentiate = zero_grad, loss_at, differentiate
        self._perturb, self._step, self._recorder = perturb, step, recorder
        self.calls = 0
        self.first = torch.tensor(math.nan)

    def __call__(self) -> torch.Tensor:
        """Clear, take the loss, go backward, and limit or perturb the gradient."""
        with torch.enable_grad():
            self._zero_grad()
            loss = self._loss_at(self._step)
            self._differentiate(loss)
        if self._perturb is not None:
            self._perturb(self._step)
        if not self.calls:
            self.first = loss.detach().clone()
            if self._recorder is not None:
                self._recorder.before(self._step)
        self.calls += 1
        return loss
