"""A random search as a study file writes it, and back: `search = {trials = 64, lr = {low = 1e-4, high = 1.0}, …}`.

{low, high}                  a range, on a log scale; scale = "log", "linear" or "near_one" says otherwise;
                             zero = CHANCE adds zero itself, whole = true rounds
[true, false]                one of these
[{low, high}, {low, high}]   a sequence drawn element by element, for betas
0.9                          a fixed value
schedule = {NAME = …}        arguments of the schedule
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..checks import check_whole
from ..errors import InputError, hint
from ..spec import OptimizerSpec, ScheduleSpec
from .distributions import Choice, LogUniform, NearOne, Range, Uniform
from .space import SCHEDULE, Space, default_space

SCALES: dict[str, type[Range]] = {kind.scale: kind for kind in (LogUniform, Uniform, NearOne)}
RANGE_KEYS = ("low", "high", "scale", "zero", "whole")


@dataclass(frozen=True)
class SearchPlan:
    """A random search to be made: how many trials, from which space (None: by default), and the seed of the draws."""

    trials: int = 64
    space: Space | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("seed", 0)):
            check_whole(name, getattr(self, name), least)

    def space_of(self, optimizer: OptimizerSpec, schedule: ScheduleSpec) -> Space:
        """What is searched of these two: one space serves several optimizers, each taking what it has."""
        return self.space.of(optimizer, schedule) if self.space else default_space(optimizer, schedule)


def plan_from(value: Any) -> SearchPlan:
    """The plan that a number of trials, or a table, describes. Raises InputError, in one line that names the key."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = {"trials": value}
    if not isinstance(value, Mapping):
        raise InputError(
            f"search: expected a number of trials or {{trials = …, lr = {{low = …, high = …}}, …}}, got {value!r}"
        )
    table = dict(value)
    try:
        plan = SearchPlan(**{key: table.pop(key) for key in ("trials", "seed") if key in table})
        return SearchPlan(plan.trials, space_from(table) if table else None, plan.seed)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith("search") else f"search: {text}") from error


def space_from(table: Mapping[str, Any]) -> Space:
    """The space that a table describes; the inverse of `written`."""
    if "lr" not in table:
        odd = next(iter(table), "")
        allowed = "trials, seed, lr, schedule and the optimizer's own arguments"
        raise InputError(f"search.lr is missing, got {odd!r}{hint(odd, ('trials', 'seed', 'lr'))} allowed: {allowed}")
    if isinstance(table["lr"], str):
        raise InputError(f"search.lr: expected a range, {{low = …, high = …}}, or a rate > 0, got {table['lr']!r}")
    own = {name: _entry(value, f"search.{name}") for name, value in table.items() if name != "schedule"}
    its = table.get("schedule", {})
    if not isinstance(its, Mapping):
        raise InputError(f"search.schedule: expected a table of its arguments, got {its!r}")
    return Space(own | {"schedule": {name: _entry(value, f"search.schedule.{name}") for name, value in its.items()}})


def written(space: Space) -> dict[str, Any]:
    """The table that describes a space."""
    table: dict[str, Any] = {name: _plain(entry) for name, entry in space.entries.items() if SCHEDULE not in name}
    its = {name.removeprefix(SCHEDULE): _plain(part) for name, part in space.entries.items() if SCHEDULE in name}
    return table | ({"schedule": its} if its else {})


def _entry(value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return _range(value, place)
    if isinstance(value, (list, tuple)):
        if any(isinstance(part, Mapping) for part in value):
            return tuple(_entry(part, f"{place}[{i}]") for i, part in enumerate(value))
        if not value:
            raise InputError(f"{place}: the list is empty")
        return Choice(tuple(tuple(part) if isinstance(part, list) else part for part in value))
    return value


def _range(table: Mapping[str, Any], place: str) -> Range:
    for key in table:
        if key not in RANGE_KEYS:
            raise InputError(f"{place}: unknown key {key!r}{hint(key, RANGE_KEYS)} allowed: {', '.join(RANGE_KEYS)}")
    for key in ("low", "high"):
        if key not in table:
            raise InputError(f"{place}: {key} is missing")
    for key in ("low", "high", "zero"):
        number = table.get(key, 0.0)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise InputError(f"{place}: {key} must be a number, got {number!r}")
    if not isinstance(table.get("whole", False), bool):
        raise InputError(f"{place}: whole must be true or false, got {table['whole']!r}")
    scale = table.get("scale", "log")
    if scale not in SCALES:
        raise InputError(f"{place}: unknown scale {scale!r}{hint(str(scale), SCALES)} allowed: {', '.join(SCALES)}")
    try:
        return SCALES[scale](
            float(table["low"]), float(table["high"]), zero=float(table.get("zero", 0)), whole=table.get("whole", False)
        )
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _plain(entry: Any) -> Any:
    if isinstance(entry, tuple):
        return [_plain(part) for part in entry]
    if isinstance(entry, Choice):
        return [list(value) if isinstance(value, tuple) else value for value in entry.values]
    if not isinstance(entry, Range):
        return entry
    extra = {"zero": entry.zero} if entry.zero else {}
    extra |= {"whole": True} if entry.whole else {}
    return {"low": entry.low, "high": entry.high, "scale": entry.scale, **extra}
