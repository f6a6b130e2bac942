"""The bandwidth probe: what this machine's memory gives, from the caches to far beyond them.

Two kernels: a copy (reads one buffer, writes another: 2 bytes moved a byte), and an update in place, `a += b` (reads
two, writes one: 3). A processor that fetches a line before it overwrites it moves more for a copy than is counted
here, and nothing more for an update. So a step, itself an update, may beat the copy; it cannot beat the best of both.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from .clocks import time_blocks

MB = 1_000_000
# Of one buffer. The last is beyond the cache of any processor that is sold today.
SIZES = (MB // 2, 2 * MB, 8 * MB, 32 * MB, 128 * MB, 512 * MB)
BEYOND = 128 * MB  # a buffer that no cache holds much of
QUICK_SIZES = (MB, 8 * MB, 64 * MB)
MOVED = {"copy": 2, "update": 3}  # bytes moved a byte of one buffer


@dataclass(frozen=True)
class Probe:
    """GB/s of one kernel over buffers of `bytes` each: the median of the rounds and the best of them."""

    kernel: str
    bytes: int
    median: float
    best: float


@dataclass(frozen=True)
class Bandwidth:
    """The probes of one device, with the number of threads that they had."""

    device: str
    threads: int
    probes: tuple[Probe, ...]

    @property
    def copy(self) -> float:
        """Copy bandwidth in GB/s: the median at the largest size."""
        return max((probe for probe in self.probes if probe.kernel == "copy"), key=lambda probe: probe.bytes).median

    def over(self, working_set: float, kernel: str = "copy") -> float:
        """GB/s of a kernel over as many bytes as a step touches, between two probes by the log of their size.

        Within a cache a copy is faster, too: a share of this, and not of the main memory's, says what is left out.
        """
        probes = sorted((probe.bytes, probe.median) for probe in self.probes if probe.kernel == kernel)
        sizes, rates = zip(*probes, strict=True)
        return float(np.interp(np.log(max(working_set, 1.0)), np.log(2.0 * np.array(sizes)), rates))

    def ceiling(self, working_set: float) -> float:
        """The most GB/s that a step over so many bytes can claim.

        What is larger lies farther from the processor. So it is the best of both kernels over the largest buffers that
        together are no larger than that, and over all larger ones; below the smallest, it is the best of all.
        """
        below = max((probe.bytes for probe in self.probes if 2 * probe.bytes <= working_set), default=0)
        return max(probe.best for probe in self.probes if probe.bytes >= below)

    def improved(self, again: Bandwidth) -> Bandwidth:
        """The better reading of each probe: other work on the machine only ever slows one."""
        pairs = zip(self.probes, again.probes, strict=True)
        return replace(self, probes=tuple(max(pair, key=lambda probe: probe.best) for pair in pairs))

    def joined(self, other: Bandwidth) -> Bandwidth:
        """Two probes of the same sizes as one: the mean of their medians, and the best of both."""
        pairs = zip(self.probes, other.probes, strict=True)
        return replace(
            self,
            probes=tuple(
                replace(one, median=(one.median + two.median) / 2, best=max(one.best, two.best)) for one, two in pairs
            ),
        )

    def as_record(self) -> dict[str, Any]:
        """For a JSON file."""
        return asdict(self) | {"copy_gb_per_s": self.copy}


def probe_beside(device: str, working_set: float) -> Bandwidth:
    """A short probe over about as many bytes as a step touches, for the moments before and after it is timed.

    What else a machine does comes and goes within seconds: a share of what memory gave minutes ago would be of no use.
    """
    size = int(min(max(working_set / 2, SIZES[0]), BEYOND))
    return probe_bandwidth(device, sizes=(size,), rounds=2, block=30 * MB)


def probe_bandwidth(
    device: str = "cpu", *, sizes: tuple[int, ...] = SIZES, rounds: int = 7, block: int = 100 * MB
) -> Bandwidth:
    """Measure copy and update at each size of a buffer, in bytes, with torch's present number of threads.

    A block of steps goes over `block` bytes, and thirty times as many on an accelerator.

    Raises InputError for no size, or one below 4096 bytes.
    """
    if not sizes or min(sizes) < 4096:
        raise InputError(f"a probe needs buffers of at least 4096 bytes, got {sizes}")
    block *= 1 if torch.device(device).type == "cpu" else 30
    probes = []
    for size in sorted(sizes):
        a, b = (torch.ones(size // 4, device=device) for _ in range(2))
        for kernel, step in (("copy", lambda a=a, b=b: a.copy_(b)), ("update", lambda a=a, b=b: a.add_(b, alpha=1e-6))):
            wall = time_blocks(step, steps=max(1, block // size), rounds=rounds, device=device).wall
            rates = [MOVED[kernel] * size / seconds / 1e9 for seconds in wall]
            probes.append(Probe(kernel, size, float(np.median(rates)), max(rates)))
    return Bandwidth(device, torch.get_num_threads(), tuple(probes))
