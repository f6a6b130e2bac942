"""The targets that ship with the package: for each network, those that its tuned baseline set. Imports no pandas."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "data" / "targets.toml"
HIGHER = frozenset({"accuracy", "r2"})  # metrics that are to grow; all others are to fall


@dataclass(frozen=True)
class Stored:
    """The targets of one network, easiest first, and where they come from.

    `optimizer` at rate `lr` reached the median `score` of the metric over `seeds`, after `steps` steps of `problem`.
    """

    name: str
    metric: str
    targets: tuple[float, ...]
    optimizer: str
    lr: float
    score: float
    problem: str
    steps: int
    seeds: tuple[int, ...]
    date: str
    command: str


@functools.cache
def stored_targets(file: Path = FILE) -> dict[str, Stored]:
    """The targets of each network by the name of its family."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: Stored(name, **_tuples(table)) for name, table in tables.items()}


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
