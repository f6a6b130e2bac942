"""Looking at a live optimizer while the plain loop runs: its state, its parameters and its gradients, step by step.

What is seen goes into frames: `anatomy` why it moved, `sharpness` how curved the loss is there, `plane` where the
weights went.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from .instance import Instance
from .recorder import Recorder


class Watch(Protocol):
    """Called by the loop of a run; it looks, and changes nothing."""

    def begin(self, instance: Instance, optimizer: torch.optim.Optimizer) -> None:
        """The run starts with these."""
        ...

    def before(self, step: int) -> None:
        """The gradient of this step is there, the update is not."""
        ...

    def after(self, step: int) -> None:
        """The parameters are those of this step."""
        ...


class Watched:
    """A recorder, and a watch beside it."""

    def __init__(self, recorder: Recorder, watch: Watch):
        self._recorder, self._watch = recorder, watch

    def before(self, step: int) -> None:
        """Both."""
        self._recorder.before(step)
        self._watch.before(step)

    def after(self, step: int) -> None:
        """Both."""
        self._recorder.after(step)
        self._watch.after(step)

    def columns(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The recorder's."""
        return self._recorder.columns(rows)
