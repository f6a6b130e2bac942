"""What a run's optimizer keeps beside the parameters: the bytes of its state, after one step of the real thing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from ..engine.calling import Calling, calling, parameter_shapes
from ..seeding import OwnRandom
from ..spec import Run
from .traffic import state_bytes

MOST = 100_000_000  # numbers of a network beyond which no step is taken for this


@dataclass(frozen=True)
class Footprint:
    """Bytes of an optimizer's state, and of the parameters that it is for."""

    state: int
    parameters: int


def footprint(run: Run) -> Footprint | None:
    """The memory of a run's optimizer: its state as stored, step counts included.

    Only shapes count: one step is taken on parameters of the run's shapes and dtype, all gradients being one; no
    network is built. None where there is no one figure or none can be had so: an optimizer that takes a closure, as
    LBFGS does, keeps a history; one that takes a Hessian needs a graph; parameter groups need the network's names;
    over a hundred million numbers would take too long.

    Raises whatever the optimizer raises.
    """
    shapes = parameter_shapes(run.problem)
    if run.optimizer.groups or sum(map(math.prod, shapes)) > MOST or calling(run) is not Calling.PLAIN:
        return None
    kind = getattr(torch, run.dtype)
    with OwnRandom(0, "footprint"):
        parameters = [torch.nn.Parameter(torch.full(shape, 0.5, dtype=kind)) for shape in shapes]
        stock: Any = run.optimizer.build(parameters, run.lr)
        for one in parameters:
            gradient = torch.ones_like(one)
            one.grad = gradient.to_sparse() if run.problem.layout == "sparse" else gradient
        stock.step()
    return Footprint(state_bytes(stock), sum(one.numel() * one.element_size() for one in parameters))
