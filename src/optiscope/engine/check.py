"""Pairs that cannot work: found before anything runs, on parameters of two numbers a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..errors import InputError, Refused
from ..spec import OptimizerSpec, Problem, Run
from .instance import matrix_shape
from .seeding import SeededRandom
from .single import needs_closure


def parameter_shapes(problem: Problem) -> list[tuple[int, ...]]:
    """Shapes of what the optimizer will see; a network is built on the meta device, without memory."""
    if problem.task is None:
        return [matrix_shape(problem.dim) if problem.layout == "matrix" else (problem.dim,)]
    with torch.device("meta"):
        return [tuple(p.shape) for p in problem.task.module().parameters()]


def check_pair(problem: Problem, optimizer: OptimizerSpec, lr: float) -> None:
    """Raises Refused where the optimizer cannot step such parameters, with the optimizer's own reason."""
    shapes = parameter_shapes(problem)
    sparse = problem.layout == "sparse"
    dimensions = sorted({len(shape) for shape in shapes})
    kind = "sparse" if sparse else "dense"
    try:
        optimizer.build([torch.empty(shape, device="meta", requires_grad=True) for shape in shapes], lr)
        small = [torch.nn.Parameter(torch.full((2,) * n, 0.5)) for n in dimensions]
        stock: Any = optimizer.build(small, lr)

        def closure() -> torch.Tensor:
            stock.zero_grad()
            for parameter in small:
                grad = torch.full_like(parameter, 0.25)
                parameter.grad = grad.to_sparse() if sparse else grad
            return torch.tensor(1.0)

        closure()
        with SeededRandom(0, "check"):
            stock.step(closure) if needs_closure(stock) else stock.step()
    except Exception as error:
        reason = " ".join(str(error).split())
        hint = ""
        if problem.is_function and problem.layout == "vector":
            hint = "; a test function can be laid out as a matrix or with sparse gradients: layout='matrix' or 'sparse'"
        counts = " and ".join(map(str, dimensions))
        raise Refused(
            f"{optimizer.name} cannot run {problem.name} (number of dimensions of its parameters: {counts}; its "
            f"gradients are {kind}): {reason}{hint}"
        ) from error


def check_monitor(problem: Problem, schedule_name: str, monitor: str) -> None:
    """Raises InputError where an adaptive schedule monitors what the problem does not measure."""
    known = ["loss", *problem.metrics]
    if monitor not in known:
        raise InputError(f"{schedule_name} monitors {monitor!r}, but {problem.name} measures {', '.join(known)}")


def check_runs(runs: Sequence[Run]) -> None:
    """Raises InputError for the first pair among these runs that cannot work; each pair is tried once."""
    kinds = {(id(one.problem), id(one.optimizer), id(one.schedule)): one for one in runs}.values()
    pairs: dict[tuple[Problem, OptimizerSpec], float] = {}
    for one in kinds:
        pairs.setdefault((one.problem, one.optimizer), one.lr)
    for (problem, optimizer), lr in pairs.items():
        check_pair(problem, optimizer, lr)
    for problem, schedule in dict.fromkeys((one.problem, one.schedule) for one in kinds):
        check_monitor(problem, schedule.name, schedule.monitor)


def check_device(device: str) -> None:
    """Raises InputError for a device that torch does not know or this machine does not have."""
    try:
        torch.zeros(1, device=device).item()  # the meta device has tensors, but no numbers
    except Exception as error:
        reason = " ".join(str(error).split("\n")[0].split())
        raise InputError(f"device {device!r} cannot be used here: {reason}; cpu always can") from error
