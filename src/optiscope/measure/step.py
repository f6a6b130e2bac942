"""One optimizer step to be timed: an optimizer in one implementation, on a parameter set, with what it must move."""

from __future__ import annotations

import functools
import inspect
import os
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import InputError, Refused, reason_of
from ..naming import as_optimizer
from .bandwidth import Bandwidth
from .clocks import synchronise
from .guards import StepGuard, check_ceiling
from .sets import ParameterSet
from .traffic import state_bytes, traffic_of

IMPLEMENTATIONS = ("for-loop", "foreach", "fused", "compile")
# torch's foreach step of these still launches kernels for every tensor.
STILL_LOOPING = {(name, "foreach") for name in ("ASGD", "Adafactor", "Rprop")}
# torch's foreach step of Nesterov's momentum writes into the gradients. Where the same ones are stepped on again they
# grow by 2.4 a step, and overflow after some ninety: a block has few steps then.
GROWING, FEW = {("Nesterov", "foreach")}, 4
MULTIPLYING = {"Muon"}  # its steps multiply matrices, in bfloat16: on a processor a hundredfold of what others take
SPARSE_ROWS = 16  # one row in so many has a gradient, for an optimizer of sparse gradients


@dataclass(frozen=True)
class StepCase:
    """What is timed: an optimizer by name or call, its implementation, the parameters, where, in which precision."""

    optimizer: str
    implementation: str
    parameters: ParameterSet
    device: str = "cpu"
    dtype: str = "float32"

    def __str__(self) -> str:
        return f"{self.optimizer}-{self.implementation}-{self.parameters}-{self.device}-{self.dtype}"

    @property
    def steps(self) -> int:
        """Steps of a block: fixed by the case, so that every run and every machine does the same work in one."""
        tensors, count = len(self.parameters.shapes), self.parameters.count
        name = self.optimizer.partition("(")[0]
        cpu = torch.device(self.device).type == "cpu"
        most = FEW if (name, self.implementation) in GROWING or (cpu and name in MULTIPLYING) else 100
        if cpu:
            return int(min(most, max(1, 1e7 // (count + 3000 * tensors))))  # a tensor costs what 3,000 numbers do
        # An accelerator waits for its launches: some ten a tensor in a loop, hardly any where all tensors go in one.
        looping = self.implementation == "for-loop" or (name, self.implementation) in STILL_LOOPING
        return int(min(most, max(1, 7e9 // (count + (7e6 if looping else 2e5) * tensors))))


def implementations(optimizer: str) -> tuple[str, ...]:
    """The implementations that an optimizer's signature has; compiled, anything can be tried that has a `foreach` one.

    >>> implementations("AdamW"), implementations("RMSprop"), implementations("LBFGS")
    (('for-loop', 'foreach', 'fused', 'compile'), ('for-loop', 'foreach', 'compile'), ('for-loop',))
    """
    has = inspect.signature(as_optimizer(optimizer).resolved).parameters
    return ("for-loop", *(name for name in ("foreach", "fused") if name in has), *(["compile"] * ("foreach" in has)))


@functools.cache
def why_no_compiler(device: str = "cpu") -> str:
    """Why `torch.compile` cannot be timed here, or an empty string."""
    if torch.device(device).type == "cuda":
        try:
            import triton  # noqa: F401 # pyright: ignore
        except ImportError:
            return "torch.compile needs Triton on CUDA, and it is not installed"
        return ""
    named = os.environ.get("CXX", "")
    if not any(shutil.which(name) for name in (named, "g++", "c++", "clang++") if name):
        return "torch.compile needs a C++ compiler (g++ or clang++), and there is none"
    return ""


class Stepper:
    """An optimizer made ready: it has stepped once, so that its state is there; `step()` does one more.

    `first_s` is the time of that first step: of compilation, where there is any. `before` is called ahead of it.

    Raises Refused, with torch's own words, where the optimizer cannot have this implementation, device or precision;
    InputError for an unknown implementation.
    """

    def __init__(self, case: StepCase, before: Callable[[], object] | None = None):
        if case.implementation not in IMPLEMENTATIONS:
            raise InputError(f"implementation must be one of {', '.join(IMPLEMENTATIONS)}, got {case.implementation!r}")
        self.case = case
        self.calls = 0
        spec = as_optimizer(case.optimizer)
        cls = spec.resolved
        self.parameters = case.parameters.make(case.device, getattr(torch, case.dtype))
        if cls is torch.optim.SparseAdam:
            _sparsen(self.parameters)
        arguments: dict[str, Any] = {"lr": spec.default_lr, **spec.arguments, **_switches(cls, case.implementation)}
        # One direction a step, and no early end: the closure is a quadratic bowl, whose gradient shrinks for ever.
        lbfgs = cls is torch.optim.LBFGS
        if lbfgs:
            arguments |= {"lr": 1e-2, "max_iter": 1, "tolerance_grad": 0.0, "tolerance_change": 0.0}
        try:
            with warnings.catch_warnings():
                if case.implementation == "compile":
                    warnings.simplefilter("ignore", DeprecationWarning)  # the compiler's, of its own older parts
                self.optimizer = cls(self.parameters, **arguments)
                self.step = self._step_of(lbfgs)
                synchronise(case.device)
                if before is not None:
                    before()
                begin = time.perf_counter()
                self.step()
                synchronise(case.device)
        except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
            raise Refused(f"{case}: {reason_of(error)[:200]}") from error
        self.first_s = time.perf_counter() - begin
        for _ in range(self.optimizer.param_groups[0].get("history_size", 0)):
            self.step()  # until the history is full, a step costs more each time

    def _step_of(self, lbfgs: bool) -> Callable[[], object]:
        if lbfgs:
            closure: Any = _bowl(self.parameters)
            return lambda: self.optimizer.step(closure)
        if self.case.implementation != "compile":
            return self.optimizer.step
        reason = why_no_compiler(self.case.device)
        if reason:
            raise RuntimeError(reason)
        compiled = torch.compile(self.optimizer.step)

        def step() -> None:
            self.calls += 1
            compiled()

        return step

    def guard(self) -> StepGuard:
        """A guard over the steps to come."""
        return StepGuard(
            self.optimizer, counter=(lambda: self.calls) if self.case.implementation == "compile" else None
        )

    @property
    def working_set(self) -> int:
        """The bytes that a step touches; of one without a count, those of parameters, gradients and state."""
        traffic = traffic_of(self.optimizer)
        held = sum(2 * parameter.numel() * parameter.element_size() for parameter in self.parameters)
        return held + state_bytes(self.optimizer) if traffic is None else traffic.working_set

    def figures(self, seconds: float, beside: Bandwidth, ceiling: float = 0.0) -> dict[str, Any]:
        """What a step of so many seconds amounts to: time a parameter, GB/s, share of a copy's, state.

        `beside` is the bandwidth around the timing. Raises GuardError where the step beats the best that it saw, and
        `ceiling`, the best of the run, in GB/s.
        """
        count = self.case.parameters.count
        found: dict[str, Any] = {
            "ns_per_parameter": 1e9 * seconds / count,
            "state_bytes_per_parameter": state_bytes(self.optimizer) / count,
        }
        traffic = traffic_of(self.optimizer)
        if traffic is not None:
            rate = traffic.bytes / seconds / 1e9
            ceiling = max(ceiling, beside.ceiling(traffic.working_set))
            check_ceiling(rate, ceiling, traffic.working_set, self.case.device)
            copy, update = (beside.over(traffic.working_set, kernel) for kernel in ("copy", "update"))
            found |= {
                "bytes_per_parameter": traffic.a_parameter, "arithmetic": traffic.arithmetic, "gb_per_s": rate,
                "copy_gb_per_s": copy, "share_of_copy": rate / copy,
                "update_gb_per_s": update, "share_of_update": rate / update,
                "ceiling_gb_per_s": ceiling,
                "working_set_bytes": traffic.working_set,
            }  # fmt: skip
        return found


def _switches(cls: type, implementation: str) -> dict[str, bool]:
    """The arguments that choose an implementation. Raises Refused where the class has no such one."""
    has = inspect.signature(cls).parameters
    wanted = {"for-loop": None, "compile": "foreach"}.get(implementation, implementation)
    if wanted is not None and wanted not in has:
        raise Refused(f"{cls.__name__} has no {implementation} implementation")
    return {name: name == wanted for name in ("foreach", "fused") if name in has}


def _sparsen(parameters: list[torch.nn.Parameter]) -> None:
    """Keep the gradient of some rows, as a sparse tensor."""
    for parameter in parameters:
        assert parameter.grad is not None
        thin = torch.zeros_like(parameter)
        thin[::SPARSE_ROWS] = parameter.grad[::SPARSE_ROWS]
        parameter.grad = thin.to_sparse(1)


def _bowl(parameters: list[torch.nn.Parameter]) -> Callable[[], torch.Tensor]:
    """A closure for LBFGS: half the squared distance to a point that each parameter's first gradient chose."""
    centres = [parameter.detach() - parameter.grad for parameter in parameters if parameter.grad is not None]
    loss = torch.ones((), device=parameters[0].device)

    @torch.no_grad()
    def closure() -> torch.Tensor:
        for parameter, centre in zip(parameters, centres, strict=True):
            torch.sub(parameter, centre, out=parameter.grad)
        return loss

    return closure
