"""The reference step: AdamW, the same on every machine, so that two machines' figures can be set side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .clocks import time_blocks
from .sets import ParameterSet
from .step import StepCase, Stepper

REFERENCE = ParameterSet("reference", ((256, 256),) * 16, "16 matrices of 256×256")
STEPS = 20  # of a block


def reference_step(device: str = "cpu", *, rounds: int = 15) -> dict[str, Any]:
    """Seconds of an AdamW step (`foreach`, fp32) on 16 matrices of 256×256, a reading a round, for a JSON file."""
    stepper = Stepper(StepCase("AdamW", "foreach", REFERENCE, device))
    guard = stepper.guard()
    timing = time_blocks(stepper.step, steps=STEPS, rounds=rounds, device=device)
    guard.check(STEPS * (rounds + 1))
    return {
        "what": f"AdamW foreach float32, {REFERENCE.note}", "device": device, "seconds": list(timing.wall),
        "median": timing.spread.median,
    }  # fmt: skip


def reference_beside(device: str = "cpu") -> Callable[[], float]:
    """A function that takes a few reference steps, and gives the seconds of one: what the machine is at that moment."""
    stepper = Stepper(StepCase("AdamW", "foreach", REFERENCE, device))

    def seconds() -> float:
        return time_blocks(stepper.step, steps=1, rounds=3, device=device).spread.median

    return seconds
