"""What one hyperparameter may be: distributions, each as the function that turns a uniform number into a value.

Values are kept to six digits, so that tables, labels and identities stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from ..errors import InputError

# A value in the outer fiftieth of its range counts as on the edge.
EDGE = 0.02


class Distribution:
    """What a hyperparameter is drawn from: `at` turns a number between 0 and 1 into a value."""

    def at(self, u: float) -> Any:
        """The value at `u`, between 0 and 1."""
        raise NotImplementedError

    def edge(self, value: Any) -> str:
        """`"low"` or `"high"` where the value lies close to a bound, else `""`."""
        raise NotImplementedError

    def described(self, name: str) -> str:
        """In words, for the hyperparameter `name`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Range(Distribution):
    """From `low` to `high`; subclasses say on which scale it is even.

    With chance `zero` the value is exactly zero instead. `whole` rounds to whole numbers.
    """

    low: float
    high: float
    _: KW_ONLY
    zero: float = 0.0
    whole: bool = False
    scale: ClassVar[str] = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"a range needs low < high, got low={self.low}, high={self.high}")
        if not 0 <= self.zero < 1:
            raise InputError(f"zero is a chance: it must be >= 0 and < 1, got {self.zero}")
        if self.whole and math.ceil(self.low) > math.floor(self.high):
            raise InputError(f"no whole number lies between {self.low} and {self.high}")

    def at(self, u: float) -> Any:
        """The value at `u`, between 0 and 1."""
        if u < self.zero:
            return 0 if self.whole else 0.0
        share = (u - self.zero) / (1 - self.zero)
        value = min(max(self._value(share), self.low), self.high)
        if self.whole:
            return min(max(round(value), math.ceil(self.low)), math.floor(self.high))
        return value

    def edge(self, value: Any) -> str:
        """`"low"` or `"high"` where the value lies in the outer fiftieth of the range, else `""`."""
        if self.zero and value == 0:
            return ""
        share = self._share(float(value))
        return "low" if share < EDGE else "high" if share > 1 - EDGE else ""

    def described(self, name: str) -> str:
        """In words, for the hyperparameter `name`."""
        zero = f"zero with chance {self.zero:g}, else " if self.zero else ""
        return f"{zero}{self._words(name)}{', whole numbers' if self.whole else ''}"

    def _value(self, share: float) -> float:
        raise NotImplementedError

    def _share(self, value: float) -> float:
        raise NotImplementedError

    def _words(self, name: str) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Uniform(Range):
    """Even between `low` and `high`.

    >>> Uniform(0.0, 2.0).at(0.25)
    0.5
    """

    scale: ClassVar[str] = "linear"

    def _value(self, share: float) -> float:
        return _short(self.low + (self.high - self.low) * share)

    def _share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def _words(self, name: str) -> str:
        return f"uniform from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class LogUniform(Range):
    """Its logarithm is even between those of `low` and `high`: as many values between 1e-4 and 1e-3 as up to 1e-2.

    >>> LogUniform(1e-4, 1.0).at(0.25)
    0.001
    """

    scale: ClassVar[str] = "log"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low > 0:
            raise InputError(f"a range on a log scale needs low > 0, got {self.low}; zero = CHANCE adds zero itself")

    def _value(self, share: float) -> float:
        return _short(math.exp(math.log(self.low) + (math.log(self.high) - math.log(self.low)) * share))

    def _share(self, value: float) -> float:
        return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))

    def _words(self, name: str) -> str:
        return f"log-uniform from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class NearOne(Range):
    """`1 - value` is log-uniform: for a momentum or a beta, whose memory is 1 / (1 - value) steps long.

    >>> NearOne(0.0, 0.99).at(0.5)
    0.9
    """

    scale: ClassVar[str] = "near_one"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.high < 1:
            raise InputError(f"a range on the near_one scale needs high < 1, got {self.high}")

    def _value(self, share: float) -> float:
        first, last = math.log(1 - self.low), math.log(1 - self.high)
        return round(1 - _short(math.exp(first + (last - first) * share)), 15)

    def _share(self, value: float) -> float:
        first, last = math.log(1 - self.low), math.log(1 - self.high)
        return (math.log(1 - value) - first) / (last - first)

    def edge(self, value: Any) -> str:
        """As elsewhere, but a `low` of 0 is no edge: there the argument itself ends."""
        edge = super().edge(value)
        return "" if edge == "low" and self.low == 0 else edge

    def _words(self, name: str) -> str:
        return f"from {self.low:g} to {self.high:g}, 1 - {name} being log-uniform"


@dataclass(frozen=True)
class Choice(Distribution):
    """One of some values, each as likely as the next.

    >>> Choice((True, False)).at(0.7)
    False
    """

    values: Sequence[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise InputError("a choice needs one value or more")

    def at(self, u: float) -> Any:
        """The value at `u`, between 0 and 1."""
        return self.values[int(u * len(self.values))]

    def edge(self, value: Any) -> str:
        """A choice has no bounds."""
        return ""

    def described(self, name: str) -> str:
        """In words."""
        return "one of " + ", ".join(map(repr, self.values))


def _short(value: float) -> float:
    return float(f"{value:.6g}")
