"""Randomness of other people's code made the run's own: the global generators are as if nobody had touched them.

Initialisation is redirected call by call. An optimizer or a network may draw from anywhere (NumPy, Python, functions
that take no generator): while a run lasts it finds the run's own states there, and the states of before are put back.
"""

from __future__ import annotations

import functools
import inspect
import random
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from ..streams import derived_seed, torch_generator

# The generator behind np.random's functions, without the functions.
_LEGACY: Any = np.random.mtrand._rand  # type: ignore[attr-defined]

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


class OwnRandom:
    """Within it, the global generators of torch, NumPy and Python are those of a seed; after it, what they were.

    `drawn()` says whether anything has been drawn since. Other threads see the same states meanwhile.
    """

    def __init__(self, seed: int, device: str = "cpu"):
        self._seed = seed
        kind = device.partition(":")[0]
        self._device = None if kind in ("cpu", "meta") else torch.device(device)

    def __enter__(self) -> OwnRandom:
        self._before = self._states()
        own = torch_generator(self._seed, "global").get_state()
        legacy: Any = np.random.RandomState(derived_seed(self._seed, "global numpy") % 2**32).get_state()
        python = random.Random(derived_seed(self._seed, "global python")).getstate()
        device: Any = None
        if self._device is not None:
            device = torch.Generator(self._device).manual_seed(derived_seed(self._seed, "global device")).get_state()
        self._own = (own, legacy, python, device)
        self._put(self._own)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put(self._before)

    def drawn(self) -> bool:
        """Whether a number was drawn from any of them."""
        torch_now, legacy, python, device = self._states()
        torch_own, legacy_own, python_own, device_own = self._own
        same_legacy = legacy[2] == legacy_own[2] and bool((legacy[1] == legacy_own[1]).all())
        same = torch.equal(torch_now, torch_own) and same_legacy and python == python_own
        return not same or (self._device is not None and not torch.equal(device, device_own))

    def _states(self) -> tuple[Any, Any, Any, Any]:
        device = None
        if self._device is not None:
            device = torch.get_device_module(self._device).get_rng_state(self._device)
        return torch.get_rng_state(), _LEGACY.get_state(), random.getstate(), device

    def _put(self, states: tuple[Any, Any, Any, Any]) -> None:
        torch.set_rng_state(states[0])
        _LEGACY.set_state(states[1])
        random.setstate(states[2])
        if self._device is not None:
            torch.get_device_module(self._device).set_rng_state(states[3], self._device)
