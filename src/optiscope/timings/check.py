"""What a saved run must hold, field by field: whatever else a file has is one clear line, and never a traceback."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError
from .figures import ROUNDS, figure_of

_MISSING = object()


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _amount(value: Any) -> bool:
    return _number(value) and value >= 0


def _positive(value: Any) -> bool:
    return _number(value) and value > 0


def _readings(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_positive, value))


_KINDS: dict[str, Callable[[Any], bool]] = {
    "an object": lambda value: isinstance(value, dict),
    "a list": lambda value: isinstance(value, list),
    "a text": lambda value: isinstance(value, str),
    "a text or null": lambda value: value is None or isinstance(value, str),
    "true or false": lambda value: isinstance(value, bool),
    "a number": _number,
    "a number of at least 0": _amount,
    "a number of at least 0, or null": lambda value: value is None or _amount(value),
    "a number above 0": _positive,
    "a list of one or more numbers above 0": _readings,
}
_FACTS = {
    "cpu": "a text", "cores": "a number above 0", "threads": "a number above 0", "memory_gb": "a number above 0",
    "system": "a text", "torch": "a text", "python": "a text", "commit": "a text", "dirty": "true or false",
}  # fmt: skip
_HARNESS = {
    "level": "a text", "seconds": "a number of at least 0", "load_before": "a number of at least 0, or null",
    "load_after": "a number of at least 0, or null", "bandwidth": "an object", "reference": "an object",
}  # fmt: skip
_STATS = {
    "median": "a number above 0",
    "q1": "a number above 0",
    "q3": "a number above 0",
    "rounds": "a number above 0",
}
_PROBE = {"kernel": "a text", "bytes": "a number above 0", "median": "a number above 0", "best": "a number above 0"}
_CELL = {
    "problem": "a text", "optimizer": "a text", "schedule": "a text", "steps": "a number above 0", "seeds": "a list",
    "lr": "a number above 0",
}  # fmt: skip


def check_saved(whole: object) -> None:
    """Raises InputError, naming the field, for anything that `pytest --benchmark` does not write."""
    if not isinstance(whole, dict):
        raise InputError(f"the file must be an object, got {_shown(whole)}")
    for name, kind in (("machine_info", "an object"), ("optiscope", "an object"), ("datetime", "a text")):
        _field(whole, name, kind)
    for name, kind in _FACTS.items():
        _field(whole["machine_info"], name, kind, "machine_info.")
    _check_harness(whole["optiscope"])
    seen: set[str] = set()
    if not _field(whole, "benchmarks", "a list"):
        raise InputError("benchmarks is empty: nothing was timed")
    for i, one in enumerate(whole["benchmarks"]):
        _check_benchmark(one, f"benchmarks[{i}]")
        if one["fullname"] in seen:
            raise InputError(f"benchmarks[{i}].fullname is there twice: {one['fullname']!r}")
        seen.add(one["fullname"])


def _check_harness(harness: Mapping[str, Any]) -> None:
    for name, kind in _HARNESS.items():
        _field(harness, name, kind, "optiscope.")
    for device in harness["reference"]:
        at = f"optiscope.reference.{device}."
        one = _field(harness["reference"], device, "an object", "optiscope.reference.")
        _field(one, "seconds", "a list of one or more numbers above 0", at)
        _field(one, "median", "a number above 0", at)
        _field(one, "what", "a text", at)
    for device in harness["bandwidth"]:
        at = f"optiscope.bandwidth.{device}."
        one = _field(harness["bandwidth"], device, "an object", "optiscope.bandwidth.")
        _field(one, "threads", "a number above 0", at)
        _field(one, "copy_gb_per_s", "a number above 0", at)
        for i, probe in enumerate(_field(one, "probes", "a list", at)):
            for name, kind in _PROBE.items():
                _field(probe, name, kind, f"{at}probes[{i}].")
    # A file of an earlier version has none.
    for device in _field(harness, "beside", "an object", "optiscope.") if "beside" in harness else ():
        _field(harness["beside"], device, "a list of one or more numbers above 0", "optiscope.beside.")


def _check_benchmark(one: object, at: str) -> None:
    for name, kind in (("fullname", "a text"), ("name", "a text"), ("group", "a text or null")):
        _field(one, name, kind, f"{at}.")
    stats, info = (_field(one, name, "an object", f"{at}.") for name in ("stats", "extra_info"))
    for name, kind in _STATS.items():
        _field(stats, name, kind, f"{at}.stats.")
    if "data" in stats:
        _field(stats, "data", "a list of one or more numbers above 0", f"{at}.stats.")
    for name, value in info.items():
        if figure_of(name) and value is not None:
            _field(info, name, "a number of at least 0", f"{at}.extra_info.")
        if name.endswith(ROUNDS) and figure_of(name.removesuffix(ROUNDS)):
            _field(info, name, "a list of one or more numbers above 0", f"{at}.extra_info.")
    if "targets" in info:
        _check_targets(info, f"{at}.extra_info.")


def _check_targets(info: Mapping[str, Any], at: str) -> None:
    for name, kind in _CELL.items():
        _field(info, name, kind, at)
    for i, target in enumerate(_field(info, "targets", "a list", at)):
        here = f"{at}targets[{i}]."
        _field(target, "metric", "a text", here)
        _field(target, "target", "a number", here)
        steps = _field(target, "steps", "a list", here)
        if len(steps) != len(info["seeds"]):
            raise InputError(f"{here}steps must be one a seed, of {len(info['seeds'])}, got {len(steps)}")
        for k, value in enumerate(steps):
            if value is not None and not _amount(value):
                raise InputError(f"{here}steps[{k}] must be a number of at least 0, or null, got {_shown(value)}")


def _field(owner: Any, name: str, kind: str, at: str = "") -> Any:
    """A field of an object, if it is what it must be."""
    if not isinstance(owner, dict):
        raise InputError(f"{at.removesuffix('.')} must be an object, got {_shown(owner)}")
    value = owner.get(name, _MISSING)
    if value is _MISSING:
        raise InputError(f"{at}{name} is missing; it must be {kind}")
    if not _KINDS[kind](value):
        raise InputError(f"{at}{name} must be {kind}, got {_shown(value)}")
    return value


def _shown(value: object) -> str:
    """A value in few words; of a list the first that is no number above 0."""
    if isinstance(value, list) and value:
        wrong = next(((i, one) for i, one in enumerate(value) if not _positive(one)), None)
        return f"{_shown(wrong[1])} at [{wrong[0]}]" if wrong else f"a list of {len(value)}"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
