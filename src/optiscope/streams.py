"""Random numbers that belong to a run: a pure function of (seed, stream, index).

Counter-based, so that a thousand runs draw at once what each would draw alone, to the bit, and so that
no generator is shared and the global one is never touched. The mixing function is SplitMix64
(Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", 10.1145/2660193.2660195).
Imports NumPy only; `normal` borrows the inverse normal distribution function from torch.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):  # the arithmetic is modulo 2**64 on purpose
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def integers(seeds: ArrayLike, stream: str, first: int, count: int) -> NDArray[np.uint64]:
    """Uniform 64-bit integers, shape `(*seeds.shape, count)`, numbers `first … first + count - 1` of a stream."""
    key = np.asarray(seeds, dtype=np.int64).astype(np.uint64)[..., None]
    index = np.arange(first + 1, first + count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        base = _mix(_mix(key + _GAMMA) + np.uint64(zlib.crc32(stream.encode())) * _GAMMA)
        return _mix(base + index * _GAMMA)


def uniform(seeds: ArrayLike, stream: str, first: int, count: int) -> NDArray[np.float64]:
    """Uniform numbers in the open interval (0, 1), shape `(*seeds.shape, count)`."""
    top = (integers(seeds, stream, first, count) >> np.uint64(11)).astype(np.float64)
    return (top + 0.5) * 2.0**-53


def normal(seeds: ArrayLike, stream: str, first: int, count: int) -> NDArray[np.float64]:
    """Standard normal numbers, shape `(*seeds.shape, count)`, by inversion of the uniform ones."""
    import torch

    return torch.special.ndtri(torch.from_numpy(uniform(seeds, stream, first, count))).numpy()


def derived_seed(seed: int, stream: str) -> int:
    """A seed below 2**63 for somebody else's generator, one per (seed, stream)."""
    return int(integers(seed, stream, 0, 1)[0] >> np.uint64(1))


def torch_generator(seed: int, stream: str) -> Any:
    """A fresh `torch.Generator` for one purpose (`stream`) of one run."""
    import torch

    return torch.Generator("cpu").manual_seed(derived_seed(seed, stream))
