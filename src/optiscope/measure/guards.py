"""Guards: a timing of a step that did not do its work is an error, not a figure.

A step with `p.grad = None` does nothing and takes microseconds (HeavyBall, issue 93: 70 reported, 7,152 true). So
before a timing the parameters are sampled and the steps counted, and after it both must have moved as stated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..errors import GuardError

SAMPLE = 4096  # numbers of each tensor that are compared
ROOM = 1.1  # a clock and a probe may disagree by so much


class StepGuard:
    """Watches an optimizer over a timing: `StepGuard(optimizer)`, the steps, then `check(how many they were)`.

    `least` is the share of the tensors that must have a gradient and change: all of them, unless a network is trained
    whose dead units have none; below 1 a gradient of zeros is one, too. `counter` gives the steps
    done so far, for a compiled step that nothing else counts.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, *, least: float = 1.0, counter: Callable[[], int] | None = None
    ):
        self._optimizer, self._least = optimizer, least
        self._parameters = [one for group in optimizer.param_groups for one in group["params"]]
        check_gradients(self._parameters, least)
        self._before = [_sample(parameter) for parameter in self._parameters]
        self._counted = 0
        self._hook = None
        if steps_in_state(optimizer) is None and counter is None:
            self._hook = optimizer.register_step_post_hook(self._count)
        self._counter = counter or self._count_so_far
        self._start = self._counter()

    def _count(self, *_: object) -> None:
        self._counted += 1

    def _count_so_far(self) -> int:
        return self._counted if self._hook is not None else steps_in_state(self._optimizer) or 0

    def check(self, steps: int) -> None:
        """Raises GuardError unless `steps` steps were taken, the tensors changed, and all stayed finite."""
        taken = self._counter() - self._start
        if self._hook is not None:
            self._hook.remove()
        if taken != steps:
            raise GuardError(f"{steps} steps were stated, and the optimizer took {taken}")
        check_gradients(self._parameters, self._least)
        now = [_sample(parameter) for parameter in self._parameters]
        still = [i for i, (one, other) in enumerate(zip(self._before, now, strict=True)) if torch.equal(one, other)]
        if len(still) > (1 - self._least) * len(now):
            raise GuardError(
                f"the step changed nothing in {len(still)} of {len(now)} tensors, the first of shape "
                f"{tuple(self._parameters[still[0]].shape)}: what was timed is not the whole step"
            )
        broken = [i for i, one in enumerate(now) if not torch.isfinite(one).all()]
        if broken:
            raise GuardError(
                f"after {steps} steps {len(broken)} of {len(now)} tensors hold numbers that are not finite"
            )


def check_gradients(parameters: Sequence[torch.Tensor], least: float = 1.0) -> None:
    """Raises GuardError where more than a share 1 - `least` of the parameters has no gradient, or one of zeros.

    Where `least` is below 1, zeros count: a network may have learnt its data by heart, and its step costs the same.
    """
    if not parameters:
        raise GuardError("there are no parameters: the step has nothing to do")
    missing = [(i, why) for i, parameter in enumerate(parameters) if (why := _lacks(parameter.grad, least))]
    if len(missing) > (1 - least) * len(parameters):
        i, why = missing[0]
        raise GuardError(
            f"{len(missing)} of {len(parameters)} parameters lack a gradient, the first of shape "
            f"{tuple(parameters[i].shape)} {why}: their step would cost next to nothing"
        )


def _lacks(grad: torch.Tensor | None, least: float) -> str:
    if grad is None:
        return "has none"
    if grad.is_sparse:
        return "" if grad._nnz() else "has a sparse one without rows"
    return "" if least < 1 or _sample(grad).count_nonzero() else "has one of zeros"


def check_ceiling(gb_per_s: float, ceiling: float, working_set: float, device: str = "cpu") -> None:
    """Raises GuardError for a figure above what the machine's memory gave in the same run."""
    if gb_per_s > ROOM * ceiling:
        raise GuardError(
            f"{gb_per_s:.1f} GB/s over {working_set / 1e6:.3g} MB is above the {ceiling:.1f} GB/s that copies and "
            f"updates reached on {device}: work was left out, or the clock was read too early"
        )


def steps_in_state(optimizer: torch.optim.Optimizer) -> int | None:
    """The steps that the optimizer has counted itself; None where it counts none. Parameters must agree.

    Raises GuardError where some parameters were stepped more often than others.
    """
    counts = {
        int(state["step"])
        for state in optimizer.state.values()
        if isinstance(state.get("step"), (int, float, torch.Tensor))
    }
    if len(counts) > 1:
        raise GuardError(f"parameters were stepped unequally: {', '.join(map(str, sorted(counts)))} times")
    return counts.pop() if counts else None


def _sample(tensor: torch.Tensor) -> torch.Tensor:
    """Some numbers of a tensor, spread over it, as a copy; of one with a sparse gradient, rows that it has."""
    if tensor.grad is not None and tensor.grad.is_sparse:
        return tensor.detach()[tensor.grad.coalesce().indices()[0, :64]].clone()
    flat = tensor.detach().reshape(-1)
    return flat[:: max(1, flat.numel() // SAMPLE)].clone()
