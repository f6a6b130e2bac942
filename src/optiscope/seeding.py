"""Randomness of other people's code made the run's own: the global generators are as if nobody had touched them.

Modules initialise themselves, dropout drops and optimizers jitter by drawing from torch's global generator, or from
NumPy's or Python's, and most of them take no other. While a run lasts they find the run's own states there; then the
states of before are put back.
"""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

import numpy as np
import torch

from .streams import derived_seed, torch_generator

# The generator behind np.random's functions, without the functions.
_LEGACY: Any = np.random.mtrand._rand  # type: ignore[attr-defined]


class OwnRandom:
    """Within it, the global generators of torch, NumPy and Python are those of a seed; after it, what they were.

    `stream` tells apart what must not depend on each other: initialisation draws the same whatever the training draws.
    `drawn()` says whether anything has been drawn since. Other threads see the same states meanwhile.
    """

    def __init__(self, seed: int, stream: str, device: str = "cpu"):
        self._seed, self._stream = seed, stream
        kind = device.partition(":")[0]
        self._device = None if kind in ("cpu", "meta") else torch.device(device)

    def __enter__(self) -> OwnRandom:
        self._before = self._states()
        own = torch_generator(self._seed, self._stream).get_state()
        legacy: Any = np.random.RandomState(derived_seed(self._seed, f"{self._stream} numpy") % 2**32).get_state()
        python = random.Random(derived_seed(self._seed, f"{self._stream} python")).getstate()
        device = None
        if self._device is not None:
            seed = derived_seed(self._seed, f"{self._stream} device")
            device = torch.Generator(self._device).manual_seed(seed).get_state()
        self._own: tuple[Any, Any, Any, Any] = (own, legacy, python, device)
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
        return not same or (device is not None and not torch.equal(device, device_own))

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
