"""Clocks: blocks of many steps, the accelerator synchronised before each reading, CUDA events beside the wall clock."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..errors import InputError


def synchronise(device: str) -> None:
    """Wait until the device has done what it was given; the CPU always has."""
    if torch.device(device).type not in ("cpu", "meta"):
        torch.get_device_module(device).synchronize()


@dataclass(frozen=True)
class Spread:
    """The median of several readings with its quartiles, the least of them, and how many there were."""

    median: float
    q25: float
    q75: float
    least: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of some readings.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(median=2.0, q25=1.5, q75=2.5, least=1.0, rounds=3)
        """
        if not len(values):
            raise InputError("a spread needs at least one reading, got none")
        q25, median, q75 = (float(value) for value in np.quantile(values, (0.25, 0.5, 0.75)))
        return cls(median, q25, q75, float(min(values)), len(values))

    @property
    def relative(self) -> float:
        """The interquartile range as a share of the median."""
        return (self.q75 - self.q25) / self.median if self.median else 0.0


@dataclass(frozen=True)
class Timing:
    """Seconds a step, one reading a block of `steps` steps: by the wall clock, and by CUDA events on CUDA."""

    steps: int
    wall: tuple[float, ...]
    events: tuple[float, ...] = ()

    @property
    def spread(self) -> Spread:
        """Of the wall clock."""
        return Spread.of(self.wall)


def time_blocks(step: Callable[[], object], *, steps: int, rounds: int, device: str = "cpu", warm: int = 1) -> Timing:
    """Time `rounds` blocks of `steps` calls each, after `warm` blocks that are not read.

    The device is synchronised before each reading of the clock. The garbage collector rests meanwhile.

    Raises InputError for fewer than one step or round.
    """
    return interleave({"step": step}, steps=steps, rounds=rounds, device=device, warm=warm)["step"]


def interleave(
    arms: Mapping[str, Callable[[], object]], *, steps: int, rounds: int, device: str = "cpu", warm: int = 1
) -> dict[str, Timing]:
    """Time several arms in turn, A B A B, so that whatever else the machine does meets all of them."""
    if steps < 1 or rounds < 1 or warm < 0:
        raise InputError(f"a block needs steps >= 1, rounds >= 1 and warm >= 0, got {steps}, {rounds} and {warm}")
    wall: dict[str, list[float]] = {name: [] for name in arms}
    events: dict[str, list[float]] = {name: [] for name in arms}
    cuda = torch.device(device).type == "cuda"
    for step in arms.values():
        for _ in range(warm * steps):
            step()
    with resting_collector():
        for _ in range(rounds):
            for name, step in arms.items():
                seconds, by_events = _block(step, steps, device, cuda)
                wall[name].append(seconds / steps)
                if by_events is not None:
                    events[name].append(by_events / steps)
    return {name: Timing(steps, tuple(wall[name]), tuple(events[name])) for name in arms}


def _block(step: Callable[[], object], steps: int, device: str, cuda: bool) -> tuple[float, float | None]:
    """Seconds of a block by the wall clock, and by CUDA events."""
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if cuda else []
    synchronise(device)
    begin = time.perf_counter()
    if cuda:
        marks[0].record()
    for _ in range(steps):
        step()
    if cuda:
        marks[1].record()
    synchronise(device)
    end = time.perf_counter()
    return end - begin, marks[0].elapsed_time(marks[1]) / 1e3 if cuda else None


class DeviceClock:
    """A clock for pytest-benchmark, whose `timer` is `read`: it waits for the accelerator before it reads.

    On CUDA each reading stands between two events, so that the device's own time is known of the very blocks that the
    wall clock is read around.
    """

    def __init__(self):
        self._device, self._marks = "cpu", []

    def watch(self, device: str) -> None:
        """The device that is timed from now on."""
        self._device, self._marks = device, []

    def read(self) -> float:
        """Seconds of the wall clock."""
        if torch.device(self._device).type != "cuda":
            synchronise(self._device)
            return time.perf_counter()
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        synchronise(self._device)
        now = time.perf_counter()
        after.record()
        self._marks.append((before, after))
        return now

    def blocks(self, rounds: int, steps: int) -> list[float]:
        """Seconds a step by the events, of each of the last `rounds` blocks; nothing where there are none."""
        marks = self._marks[-2 * rounds :]
        synchronise(self._device)
        return [
            begin.elapsed_time(end) / 1e3 / steps for (_, begin), (end, _) in zip(marks[::2], marks[1::2], strict=True)
        ]


device_clock = DeviceClock()  # the one that benches name and the harness asks


@contextlib.contextmanager
def resting_collector() -> Iterator[None]:
    """No search for garbage within: it would fall into some rounds and not into others."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Within it, torch computes with so many threads; after it, with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
