"""Redirects every random draw to a run's own generator, so that the global one is neither read nor set."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..streams import torch_generator

T = TypeVar("T")
P = ParamSpec("P")
_NATIVE_DROPOUT = torch.ops.aten.native_dropout.default


class GlobalRandom(RuntimeError):
    """Somebody's code reads the global random numbers: what it gives could not be repeated."""


class SeededRandom(TorchDispatchMode):
    """Within it, each random operation that was given no generator draws from the generator of (seed, stream).

    It sees operations below the Python functions that are made of them: dropout draws by `bernoulli_`, initialisation
    by `uniform_`. `drawn` tells whether any of them has drawn so far. Raises GlobalRandom for an operation that
    takes no generator at all: it could only read the global one.
    """

    def __init__(self, seed: int, stream: str):
        super().__init__()
        self._seed, self._stream = seed, stream
        self._generators: dict[str, torch.Generator] = {}
        self.drawn = False

    def generator(self, device: Any) -> torch.Generator:
        """The generator of this stream on a device."""
        kind = str(device)
        if kind not in self._generators:
            self._generators[kind] = torch_generator(self._seed, self._stream, kind)
        return self._generators[kind]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Add the generator to what is random; hand everything else through."""
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        self.drawn = True
        device = next((a.device for a in args if isinstance(a, torch.Tensor)), kwargs.get("device") or "cpu")
        if func is _NATIVE_DROPOUT:
            return self._dropout(*args, **kwargs)
        return _with_generator(func)(*args, **kwargs, generator=self.generator(device))

    def _dropout(self, values: torch.Tensor, p: float, train: bool | None) -> tuple[torch.Tensor, torch.Tensor]:
        """What an accelerator's one kernel does, in three."""
        if train is False or p == 0:
            return values.clone(), torch.ones_like(values, dtype=torch.bool)
        mask = torch.empty_like(values).bernoulli_(1 - p, generator=self.generator(values.device))
        return values * mask * (1 / (1 - p) if p < 1 else 0.0), mask.bool()


@functools.cache
def _with_generator(func: Any) -> Any:
    """The overload of an operation that takes the same arguments and a generator."""
    wanted = {argument.name for argument in func._schema.arguments} | {"generator"}
    packet = func.overloadpacket
    for candidate in (func, *(getattr(packet, name) for name in packet.overloads())):
        if {argument.name for argument in candidate._schema.arguments} == wanted:
            return candidate
    raise GlobalRandom(f"{func} takes no generator and reads the global random numbers: no run of it can be repeated")


def seeded(function: Callable[P, T], seed: int, stream: str) -> Callable[P, T]:
    """The function, run under `SeededRandom` at its first call, and ever after if it drew: others keep their speed."""
    mode = SeededRandom(seed, stream)
    under = True

    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal under
        if not under:
            return function(*args, **kwargs)
        with mode:
            result = function(*args, **kwargs)
        under = mode.drawn
        return result

    return call


@contextmanager
def global_generator_untouched() -> Iterator[None]:
    """Raises GlobalRandom where the block read or set torch's global generator."""
    before = torch.get_rng_state()
    yield
    if not torch.equal(before, torch.get_rng_state()):
        raise GlobalRandom(
            "the global random numbers were read or set, so that no run can be repeated: draw from a torch.Generator, "
            "or from the first step on"
        )
