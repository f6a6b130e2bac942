"""The format of a study file: TOML in, checked tables out, and one line about whatever is wrong with one.

Stands on tuning, for the bounds that it sets. Imports pydantic: import this only where a study is read.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError

from .errors import StudyError, hint, nearest, shown
from .tuning import FIRST_TUNING_SEED, LrRange

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$"
Seed = Annotated[int, Field(ge=0, lt=FIRST_TUNING_SEED)]


class _Table(BaseModel):
    # Strict: else `true` is a rate of 1, and "5" a number.
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Range(_Table):
    """The table that `lr` may be."""

    low: PositiveFloat
    high: PositiveFloat
    per_decade: PositiveInt = LrRange.per_decade
    lowest: PositiveFloat = LrRange.lowest
    highest: PositiveFloat = LrRange.highest


class Axes(_Table):
    """One block."""

    problems: list[str] = Field(min_length=1)
    optimizers: list[str] = Field(min_length=1)
    schedules: list[str] = Field(default=["constant"], min_length=1)
    lr: (
        Literal["tune", "default"]
        | PositiveFloat
        | Range
        | Annotated[list[PositiveFloat | Literal["default"]], Field(min_length=1)]
    ) = "tune"
    search: Any = None  # `tuning.written` reads it
    seeds: Annotated[int, Field(gt=0, le=FIRST_TUNING_SEED)] | Annotated[list[Seed], Field(min_length=1)] = 10
    start: Literal["canonical", "random"] | Annotated[list[float], Field(min_length=1)] = "canonical"
    steps: PositiveInt = 500
    tuning_seeds: PositiveInt = 3
    horizon: Literal["run", "free"] = "run"
    dtype: str | None = None
    # Evaluation runs are timed, and only the plain loop times one run: lanes are for the search, unless asked for.
    engine: Literal["single", "auto", "grouped", "stacked"] = "single"
    trace: Annotated[int, Field(gt=0)] | Literal["all", "loss", "best", "sample", "none"] = "all"
    target: float | None = None


class StudyFile(_Table):
    """A whole file; the flat form is a file of one block."""

    name: str = Field(pattern=_NAME)
    block: list[Axes] = Field(min_length=1)


def read_study(path: Path) -> str:
    """The text of a file. Raises StudyError where there is none, with the nearest name of a study beside it."""
    try:
        # Some editors put a mark before the text, which TOML does not know.
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StudyError(f"cannot read study {str(path)!r}: it is no text in UTF-8") from error
    except FileNotFoundError as error:
        beside = sorted(one.name for one in path.parent.glob("*.toml"))
        raise StudyError(f"cannot read study {str(path)!r}: No such file{nearest(path.name, beside)}") from error
    except (OSError, ValueError) as error:
        raise StudyError(f"cannot read study {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error


def parse_study(text: str) -> StudyFile:
    """The checked tables of a TOML text. Raises StudyError, in one line that names the key or the line."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # besides its own error: numbers, or nests, beyond Python's limits
        raise StudyError(f"this is not TOML: {error}") from error
    flat = "block" not in tables
    if flat:
        axes = {key: value for key, value in tables.items() if key != "name"}
        tables = {key: value for key, value in tables.items() if key == "name"} | {"block": [axes]}
    try:
        return StudyFile.model_validate(tables)
    except ValidationError as error:
        raise StudyError(_one_line(error, flat)) from error


# What each key may be, and what an item of its list may be; a range's own keys are numbers.
_FORMS = {
    "name": "text",
    "problems": 'a list of problems, such as ["rosenbrock", "beale"]',
    "optimizers": 'a list of optimizers, such as ["SGD", "Adam"]',
    "schedules": 'a list of schedules, such as ["constant", "StepLR"]',
    "lr": '"tune", "default", a rate > 0, a list of them, or {low = …, high = …, per_decade = …}',
    "seeds": f"a count from 1 to {FIRST_TUNING_SEED}, or a list of seeds",
    "start": '"canonical", "random", or a point: a list of numbers',
    "steps": "a whole number > 0",
    "tuning_seeds": "a whole number > 0",
    "horizon": '"run" or "free"',
    "dtype": 'the name of a dtype, such as "float64"',
    "trace": '"all", "loss", "best", "sample", "none", or a whole number > 0: every so many steps',
    "target": "a finite number",
    "engine": '"single", "auto", "grouped" or "stacked"',
    "per_decade": "a whole number > 0",
} | dict.fromkeys(("low", "high", "lowest", "highest"), "a number > 0")
_ITEMS = {
    "problems": 'a name or a call, such as "rosenbrock(dim=10)"',
    "optimizers": 'a name or a call, such as "SGD(momentum=0.9)"',
    "schedules": 'a name or a call, such as "StepLR(step_size=100)"',
    "lr": 'a rate > 0 or "default"',
    "seeds": f"a seed from 0 to {FIRST_TUNING_SEED - 1}, since tuning uses those beyond",
    "start": "a finite number",
}
_FIELDS = {*StudyFile.model_fields, *Axes.model_fields, *Range.model_fields}


def _one_line(error: ValidationError, flat: bool) -> str:
    """The complaint that helps most, as `key: what is wrong, got …`."""
    complaints: list[Any] = list(error.errors())
    for one in complaints:
        # An unknown key comes first: it is often the missing one, misspelt.
        if one["type"] == "extra_forbidden":
            return _unknown_key(one["loc"], flat)
    same = [one for one in complaints if one["loc"][:3] == complaints[0]["loc"][:3]]
    # Of a value that fits none of several forms, the complaint that goes deepest is about the form that was meant.
    worst = max(same, key=lambda one: len(_place(one["loc"])))
    place = _place(worst["loc"])
    key, given = _written(place, flat), _given(worst["input"])
    if worst["type"] == "missing":
        return f"{key} is missing" + (': give the study one, name = "…"' if key == "name" else "")
    if any(one["type"] == "too_short" for one in same):
        return f"{key}: the list is empty"
    if key == "name" and worst["type"] == "string_pattern_mismatch":
        return f"name: it names a folder: letters, digits, '.', '_' and '-', a letter or digit first; got {given}"
    if len(place) < 3 and place[0] == "block":
        return f"{key}: expected tables of axes, each under a line [[block]], got {given}"
    item = isinstance(place[-1], int)
    own = next(part for part in reversed(place) if isinstance(part, str))
    return f"{key}: expected {(_ITEMS if item else _FORMS)[own]}, got {given}"


def _unknown_key(place: Any, flat: bool) -> str:
    *parents, last = place
    key = _written([*_place(parents), last], flat)
    if not parents:
        if last in Axes.model_fields:
            return f"key {key!r} belongs inside a [[block]]: beside blocks, only name stands at the top"
        allowed = list(StudyFile.model_fields)
    elif len(parents) > 2:
        allowed = list(Range.model_fields)
    else:
        if last == "name":
            return f"key {key!r} belongs at the top, before the first [[block]]"
        allowed = [*(["name", "block"] if flat else []), *sorted(Axes.model_fields)]
    return f"unknown key {key!r}{hint(str(last), allowed)} allowed: {', '.join(allowed)}"


def _place(location: Any) -> list[str | int]:
    """Keys and indices, without the names that pydantic gives to the members of a union."""
    return [part for part in location if isinstance(part, int) or part in _FIELDS]


def _written(place: list[str | int], flat: bool) -> str:
    """A place as it is written: `block[0].lr[1]`, in a flat study `lr[1]`."""
    text = ""
    for part in place[2:] if flat and place[:1] == ["block"] else place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _given(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else shown(value)
