"""A benchmark session: the clock that every bench uses, under its guard, and the probes that are made once.

Benches get both from `plugin`'s fixture `harness`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import torch

from ..errors import GuardError
from .bandwidth import QUICK_SIZES, SIZES, Bandwidth, probe_bandwidth, probe_beside
from .clocks import Spread, device_clock
from .levels import Level
from .machine import load, machine_facts
from .reference import reference_beside, reference_step
from .step import Stepper


class Checked(Protocol):
    """A guard."""

    def check(self, steps: int) -> None:
        """Raises GuardError unless so many steps were taken, and did their work."""
        ...


def timed(
    benchmark: Any, step: Callable[[], object], guard: Checked, *, steps: int, rounds: int, device: str = "cpu"
) -> float | None:
    """Time `rounds` blocks of `steps` steps, after one that is not read, under a guard: the median seconds of a step.

    On CUDA, with `device_clock.read` as its timer, it records `event_s` beside: the same blocks by CUDA's events.
    With `--benchmark-disable` the step is called once, the guard asked, and there is no time to give.
    """
    device_clock.watch(device)
    benchmark.pedantic(step, rounds=rounds, iterations=steps, warmup_rounds=1)
    calls = 1
    if not benchmark.disabled:
        # Where a round has several calls, pytest-benchmark makes another one for the result; and some for a profile.
        calls = steps * (rounds + 1) + (steps > 1) + (benchmark.cprofile_loops or steps) * bool(benchmark.cprofile)
    guard.check(calls)
    if benchmark.disabled:
        return None
    if events := device_clock.blocks(rounds, steps):
        benchmark.extra_info["event_s"] = Spread.of(events).median
    return benchmark.stats.stats.median


class Harness:
    """One benchmark session: its level, its threads, the machine's facts, and probes that are made once a device."""

    def __init__(self, level: Level, whole: bool):
        self.level, self.whole = level, whole
        self.threads = torch.get_num_threads()
        self.facts = machine_facts()
        self.lines: list[str] = []
        self.begin, self.load = time.time(), load()
        self._bandwidth: dict[str, Bandwidth] = {}
        self._reference: dict[str, dict[str, Any]] = {}
        self._step_beside: dict[str, Callable[[], float]] = {}
        self._beside: dict[str, list[float]] = {}

    def bandwidth(self, device: str = "cpu") -> Bandwidth:
        """The bandwidth probe of a device, made when it is first asked for."""
        if device not in self._bandwidth:
            sizes, rounds = (QUICK_SIZES, 3) if self.level.name == "quick" else (SIZES, 7)
            self._bandwidth[device] = probe_bandwidth(device, sizes=sizes, rounds=rounds)
        return self._bandwidth[device]

    def figures(self, stepper: Stepper, seconds: float, beside: Bandwidth) -> dict[str, Any]:
        """`Stepper.figures`; where they beat the ceiling the probe is made once more, for it may have been disturbed.

        Raises GuardError where they beat that one, too.
        """
        device, touched = stepper.case.device, stepper.working_set
        try:
            return stepper.figures(seconds, beside, self.bandwidth(device).ceiling(touched))
        except GuardError as error:
            before = self._bandwidth.pop(device)
            self._bandwidth[device] = before.improved(self.bandwidth(device))
            self.lines.append(f"{stepper.case}: the bandwidth was probed once more, for {error}")
            return stepper.figures(seconds, beside, self._bandwidth[device].ceiling(touched))

    def timed_step(self, benchmark: Any, stepper: Stepper, rounds: int) -> dict[str, Any]:
        """Time a stepper under its guard, the memory's bandwidth probed right before and after: its figures.

        With `--benchmark-disable` there are none.
        """
        device, touched = stepper.case.device, stepper.working_set
        before = None if benchmark.disabled else probe_beside(device, touched)
        steps = stepper.case.steps
        seconds = timed(benchmark, stepper.step, stepper.guard(), steps=steps, rounds=rounds, device=device)
        if seconds is None or before is None:
            return {}
        beside = before.joined(probe_beside(device, touched))
        return {"steps_per_s": 1 / seconds} | self.figures(stepper, seconds, beside)

    def reference(self, device: str = "cpu") -> dict[str, Any]:
        """The reference step of a device, likewise."""
        if device not in self._reference:
            self._reference[device] = reference_step(device, rounds=self.level.pick(5, 15, 15))
        return self._reference[device]

    def beside(self, device: str = "cpu") -> None:
        """Take a few reference steps between two benchmarks: a machine wavers, from one minute to the next."""
        if device not in self._step_beside:
            self._step_beside[device] = reference_beside(device)
        self._beside.setdefault(device, []).append(self._step_beside[device]())

    def finish(self) -> None:
        """Measure each reference step once more: what the machine was at the end belongs to the run, too."""
        for device, first in self._reference.items():
            last = reference_step(device, rounds=len(first["seconds"]))
            seconds = [*first["seconds"], *last["seconds"]]
            self._reference[device] = first | {"seconds": seconds, "median": Spread.of(seconds).median}

    def as_record(self) -> dict[str, Any]:
        """What the JSON file holds beside pytest-benchmark's own."""
        return {
            "level": self.level.name, "whole": self.whole, "threads": self.threads,
            "seconds": time.time() - self.begin,
            "load_before": self.load, "load_after": load(),
            "bandwidth": {device: one.as_record() for device, one in self._bandwidth.items()},
            "reference": dict(self._reference), "beside": self._beside, "lines": self.lines,
        }  # fmt: skip
