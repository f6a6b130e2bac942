"""How an optimizer wants its step to be called, found by one trial step on small parameters.

Plain: the gradient, then `step()`. Graph: the gradient with a graph of its own, then `step()`, for those that take a
Hessian (AdaHessian, Sophia). Closure: `step(closure)` alone, where the signature demands one (LBFGS). Both: the
gradient, then `step(closure)`, where a closure is optional by the signature and needed all the same (SAM).
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ..seeding import OwnRandom
from ..spec import OptimizerSpec, Problem, Run
from .instance import matrix_shape


class Calling(enum.Enum):
    """The ways that a step can be called in."""

    PLAIN = "plain"
    GRAPH = "graph"
    CLOSURE = "closure"
    BOTH = "both"


def needs_closure(optimizer: torch.optim.Optimizer) -> bool:
    """Whether `step` takes a closure that it cannot do without, as LBFGS's does."""
    parameters = inspect.signature(type(optimizer).step).parameters
    return "closure" in parameters and parameters["closure"].default is inspect.Parameter.empty


def parameter_shapes(problem: Problem) -> tuple[tuple[int, ...], ...]:
    """Shapes of what the optimizer will see; a network is built on the meta device, without memory, and once."""
    if problem.task is None:
        return (matrix_shape(problem.dim) if problem.layout == "matrix" else (problem.dim,),)
    # Kept with the object: another network of the same name, in a notebook, is another network.
    if "_shapes" not in problem.__dict__:
        with OwnRandom(0, "trial"), torch.device("meta"):
            problem.__dict__["_shapes"] = tuple(tuple(p.shape) for p in problem.task.module().parameters())
    return problem.__dict__["_shapes"]


def calling(run: Run) -> Calling:
    """How the optimizer of a run is called. What it raises where no way works is its own."""
    sparse = run.problem.layout == "sparse"
    dimensions = tuple(sorted({len(shape) for shape in parameter_shapes(run.problem)}))
    return _calling(dimensions, run.optimizer, run.optimizer.resolved, run.lr, run.dtype, sparse)


@functools.lru_cache(maxsize=4096)
def _calling(
    dimensions: tuple[int, ...], optimizer: OptimizerSpec, cls: type, lr: float, dtype: str, sparse: bool
) -> Calling:
    return try_step(optimizer, cls, dimensions, dtype, sparse, lr)


def try_step(
    optimizer: OptimizerSpec, cls: type, dimensions: Sequence[int], dtype: str, sparse: bool, lr: float
) -> Calling:
    """One step on parameters of these numbers of dimensions, two numbers a dimension. Gives the way that worked.

    Raises what the optimizer raises when it is called plainly, if no way works.
    """
    first: Exception | None = None
    with OwnRandom(0, "trial"):
        for way in Calling:
            small = [torch.nn.Parameter(torch.full((2,) * n, 0.5, dtype=getattr(torch, dtype))) for n in dimensions]
            try:
                stock: Any = optimizer.build(small, lr)
                if needs_closure(stock) != (way is Calling.CLOSURE):
                    continue
                _step(stock, small, way, sparse)
            except Exception as error:
                first = first or error
            else:
                return way
    assert first is not None
    raise first


def _step(stock: Any, small: list[torch.nn.Parameter], way: Calling, sparse: bool) -> None:
    def closure() -> torch.Tensor:
        with torch.enable_grad():
            stock.zero_grad()
            loss = torch.stack([(parameter**2).sum() / 4 for parameter in small]).sum()
            backward(way, small)(loss)
        for parameter in small:
            if sparse and parameter.grad is not None:
                parameter.grad = parameter.grad.to_sparse()
        return loss

    take_step(stock, closure, way)


def take_step(stock: Any, closure: Callable[[], Any], way: Calling) -> None:
    """One step, called in this way; the closure gives the loss, and leaves its gradient."""
    if way is not Calling.CLOSURE:
        closure()
    stock.step(closure) if way in (Calling.CLOSURE, Calling.BOTH) else stock.step()


def backward(way: Calling, parameters: Sequence[torch.nn.Parameter]) -> Callable[[torch.Tensor], Any]:
    """How a loss goes backward where the step is called in this way."""
    if way is Calling.GRAPH:
        return functools.partial(backward_with_graph, parameters=parameters)
    return torch.Tensor.backward


def backward_with_graph(loss: torch.Tensor, parameters: Sequence[torch.nn.Parameter]) -> None:
    """Gradients that can be differentiated again; `zero_grad` breaks the cycle that they make."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter, grad in zip(trained, torch.autograd.grad(loss, trained, create_graph=True), strict=True):
        parameter.grad = grad
