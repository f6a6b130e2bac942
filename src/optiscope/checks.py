"""What a spec may be made of: one clear line for what it may not. Imports errors."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .errors import InputError, shown


def check_name(kind: str, name: Any) -> None:
    """Raises InputError for what is no name of one line."""
    if not isinstance(name, str) or not name.strip() or "\n" in name:
        article = "an" if kind[0] in "aeiou" else "a"
        raise InputError(f"{article} {kind} needs a name of one line, got {shown(name)}")


def check_whole(name: str, value: Any, least: int = 1) -> int:
    """The value. Raises InputError unless it is a whole number, and large enough; True is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number >= {least}, got {shown(value)}")
    return value


def check_sequence(name: str, key: str, value: Any) -> tuple[Any, ...]:
    """The value as a tuple. Raises InputError for one number, or a text."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InputError(f"problem {name!r}: {key} must be a sequence, got {shown(value)}")
    return tuple(value)


def check_point(name: str, key: str, value: Any) -> tuple[Any, ...]:
    """The finite numbers of a point, or of one coordinate's bounds. Raises InputError for anything else."""
    try:
        point = tuple(float(part) for part in check_sequence(name, key, value))
    except (TypeError, ValueError, OverflowError):
        point = (math.nan,)
    if not all(map(math.isfinite, point)) or (key == "bounds" and len(point) != 2):
        what = "pairs of finite numbers" if key == "bounds" else "finite numbers"
        raise InputError(f"problem {name!r}: {key} must be {what}, got {shown(value)}")
    return point
