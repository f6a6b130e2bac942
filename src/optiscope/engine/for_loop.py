"""A stock optimizer with its for-loop implementation. Imports the spec alone."""

from __future__ import annotations

from typing import Any

import torch

from ..spec import Run


def for_loop(run: Run, parameters: Any, lr: float | None = None) -> torch.optim.Optimizer:
    """The run's optimizer, its for-loop chosen where torch would choose: the one that takes a value a lane.

    What the run asks for itself stays. On a CPU it is torch's own choice as well; on an accelerator torch takes
    `foreach`, which rounds otherwise.
    """
    optimizer = run.optimizer.build(parameters, run.lr if lr is None else lr)
    for group in optimizer.param_groups:
        if group.get("foreach", True) is None:
            group["foreach"] = False
        if group.get("fused", True) is None:
            group["fused"] = False
    return optimizer
