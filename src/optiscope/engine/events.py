"""The events of a run, with the words that the plain loop and the lanes tell them in."""

from __future__ import annotations

from typing import Any


def event(kind: str, step: int, text: str) -> dict[str, Any]:
    """Something that happened after so many steps; the kinds are those of the runs table."""
    return {"step": step, "kind": kind, "text": text}


def rate_changed(step: int, before: float, after: float) -> dict[str, Any]:
    """An adaptive schedule changed the rate."""
    return {"step": step, "kind": "lr", "from": before, "to": after}


def diverged(step: int, loss: float) -> dict[str, Any]:
    """The loss is no finite number any more."""
    return event("diverged", step, f"the loss is {loss} at step {step}")


def never_acts(schedule: str, steps: int, rate: float) -> dict[str, Any]:
    """A schedule left the rate as it was throughout the run."""
    return event("note", 0, f"{schedule} never acts within {steps} steps: the rate stays {rate:g}")
