"""The bytes that an algorithm must move for a step, with the arithmetic in words.

Whatever the code, an update reads the parameter and its gradient, writes the parameter, and reads and writes every
number of its state. In fp32 that is 12 bytes a parameter for SGD, 20 with momentum, 28 for AdamW. An implementation
that keeps nothing in registers between its operations moves far more; its GB/s, by this count, are then so much lower.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Traffic:
    """Bytes of a step, in all: read and write of parameters, read of gradients, read and write of state."""

    parameters: int
    gradients: int
    state: int
    count: int

    @property
    def bytes(self) -> int:
        """All of it."""
        return 2 * self.parameters + self.gradients + 2 * self.state

    @property
    def a_parameter(self) -> float:
        """Bytes moved a parameter."""
        return self.bytes / self.count

    @property
    def working_set(self) -> int:
        """The bytes that are touched, each counted once."""
        return self.parameters + self.gradients + self.state

    @property
    def arithmetic(self) -> str:
        """The sum in words.

        >>> Traffic(4, 4, 8, 1).arithmetic
        'read p 4 + write p 4 + read g 4 + read state 8 + write state 8 = 28 bytes a parameter'
        """
        p, g, s = (f"{part / self.count:.3g}" for part in (self.parameters, self.gradients, self.state))
        state = f" + read state {s} + write state {s}" if self.state else ""
        return f"read p {p} + write p {p} + read g {g}{state} = {self.a_parameter:.3g} bytes a parameter"


def traffic_of(optimizer: torch.optim.Optimizer) -> Traffic | None:
    """The traffic of a step of an optimizer that has stepped, or None for one whose steps do not all touch the same.

    Its state counts as it is stored, a factored one as few bytes. A sparse gradient counts by the rows that it holds:
    of the parameter and its state, only they are touched. LBFGS works on a history of many vectors, and a closure.
    """
    if isinstance(optimizer, torch.optim.LBFGS):
        return None
    parameters = gradients = state = count = 0
    for parameter in (one for group in optimizer.param_groups for one in group["params"]):
        grad, share = parameter.grad, 1.0
        if grad is None:
            continue
        if grad.is_sparse:
            grad = grad.coalesce()
            share = grad.values().numel() / parameter.numel()
            gradients += _bytes(grad.values()) + _bytes(grad.indices())
        else:
            gradients += _bytes(grad)
        count += parameter.numel()
        parameters += int(share * _bytes(parameter))
        state += int(share * sum(_bytes(one) for one in _tensors(optimizer.state[parameter])))
    return Traffic(parameters, gradients, state, count)


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of an optimizer's state as it is stored, scalars such as the step count included, each tensor once."""
    seen: dict[int, int] = {}
    for state in optimizer.state.values():
        for tensor in _nested(state):
            storage = tensor.untyped_storage()
            seen[storage.data_ptr() or id(tensor)] = storage.nbytes()
    return sum(seen.values())


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _tensors(state: dict) -> list[torch.Tensor]:
    """The tensors that a step reads and writes number by number: not the count of steps."""
    return [one for one in state.values() if isinstance(one, torch.Tensor) and one.dim() > 0]


def _nested(thing: object) -> list[torch.Tensor]:
    if isinstance(thing, torch.Tensor):
        return [thing]
    parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple)) else ()
    return [tensor for part in parts for tensor in _nested(part)]
