"""Redirects random initialisation to a run's own generator, so that the global one is neither read nor set."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_BUILTIN = frozenset(
    getattr(home, name)
    for home, names in (
        (torch, ("rand", "randn", "randint", "randperm", "normal", "multinomial", "bernoulli", "poisson")),
        (
            torch.Tensor,
            ("uniform_", "normal_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_", "geometric_"),
        ),
    )
    for name in names
)


@functools.cache
def _takes_generator(function: Any) -> bool:
    if function in _BUILTIN:
        return True
    # torch.nn.init's functions reach a mode whole, and what they call within does not: they take the generator.
    if not inspect.isfunction(function) or not function.__module__.startswith("torch.nn.init"):
        return False
    return "generator" in inspect.signature(function).parameters


class SeededRandom(TorchFunctionMode):
    """Within it, every random tensor function that was given no generator uses `generator`."""

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Add the generator where there is room for one."""
        kwargs = dict(kwargs or {})
        if _takes_generator(func) and kwargs.get("generator") is None:
            kwargs["generator"] = self.generator
        return func(*args, **kwargs)
