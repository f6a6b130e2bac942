"""How much is timed: quick, default or full. A bench asks `level.pick(...)`; what it trims, it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from ..errors import InputError, nearest

T = TypeVar("T")
LEVELS = ("quick", "default", "full")


@dataclass(frozen=True)
class Level:
    """One of the three selections.

    >>> Level("default").pick(1, 2, 3), Level("full") >= Level("default")
    (2, True)
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in LEVELS:
            allowed = ", ".join(LEVELS)
            raise InputError(f"level must be one of {allowed}, got {self.name!r}{nearest(self.name, LEVELS)}")

    def pick(self, quick: T, default: T, full: T) -> T:
        """What belongs to this selection."""
        return (quick, default, full)[LEVELS.index(self.name)]

    @property
    def rounds(self) -> int:
        """Blocks that a step is timed over."""
        return self.pick(3, 9, 15)

    def __ge__(self, other: Level) -> bool:
        return LEVELS.index(self.name) >= LEVELS.index(other.name)
