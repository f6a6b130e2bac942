"""The reference step: AdamW, the same on every machine, so that two machines' figures can be set side by side."""

from __future__ import annotations

from typing import Any

from .clocks import time_blocks
from .sets import ParameterSet
from .step import StepCase, Stepper

REFERENCE = ParameterSet("reference", ((256, 256),) * 16, "16 matrices of 256×256")


def reference_step(device: str = "cpu", *, rounds: int = 15) -> dict[str, Any]:
    """Seconds of an AdamW step (`foreach`, fp32) on 16 matrices of 256×256, a reading a round, for a JSON file."""
    stepper = Stepper(StepCase("AdamW", "foreach", REFERENCE, device))
    guard = stepper.guard()
    steps = 20
    timing = time_blocks(stepper.step, steps=steps, rounds=rounds, device=device)
    guard.check(steps * (rounds + 1))
    return {
        "what": f"AdamW foreach float32, {REFERENCE.note}", "device": device, "seconds": list(timing.wall),
        "median": timing.spread.median,
    }  # fmt: skip
