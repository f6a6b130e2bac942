"""What can go wrong, as a tree. Imports nothing.

OptiscopeError
├── InputError (ValueError)   something given cannot be used; the command line exits with 2
│   ├── UnknownName           a name that no catalogue holds
│   ├── StudyError            a study file that does not say what to run
│   └── Refused               a pair that cannot work together (Muon on a vector, …)
├── StoreError                a folder or file that is not ours to read or write
├── WorkerError               a cluster that does not answer, or work over which workers died
└── GuardError                a timing that cannot be believed: a step that did nothing, a figure above the ceiling
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OptiscopeError(Exception):
    """Base of every error that optiscope raises on purpose; its text is one clear line."""


class InputError(OptiscopeError, ValueError):
    """Something given cannot be used; the text says what was given and what is allowed."""


class UnknownName(InputError):
    """A name that no catalogue holds; the text lists the nearest valid one."""

    def __init__(self, kind: str, given: str, allowed: Iterable[str]):
        allowed = sorted(allowed, key=str.lower)
        super().__init__(f"unknown {kind} {given!r}{hint(given, allowed)} {_listing(kind, allowed)}")


class StudyError(InputError):
    """A study file that does not say what to run; the text names the key."""


class Refused(InputError):
    """Two specs that cannot work together; the text says why."""


class StoreError(OptiscopeError):
    """A folder or file that is not ours to read or write."""


class WorkerError(OptiscopeError):
    """A cluster that does not answer, or work over which worker processes died; the text names the runs."""


class GuardError(OptiscopeError):
    """A timing that cannot be believed; the text says what was stated and what was found."""


def nearest(given: str, allowed: Iterable[str]) -> str:
    """`, did you mean 'Adam'?` for the nearest allowed name, or an empty string.

    A name that goes on from what was given comes before one that merely has letters in common: `Cosin` is the start
    of `CosineAnnealingLR`, though `warmup_cosine` shares as many letters and is shorter.
    """
    lowered = {name.lower(): name for name in allowed}
    begun = [name for name in lowered if len(given) > 2 and name.startswith(given.lower())]
    close = [min(begun, key=len)] if begun else difflib.get_close_matches(given.lower(), lowered, n=1, cutoff=0.5)
    return f", did you mean {lowered[close[0]]!r}?" if close else ""


def reason_of(error: BaseException) -> str:
    """What somebody else's exception says, on one line; its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def shown(value: object) -> str:
    """What was given, on one line and not for ever."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def hint(given: str, allowed: Iterable[str]) -> str:
    """`nearest`, or a semicolon: for a sentence that goes on with what is allowed."""
    return nearest(given, allowed) or ";"


def _listing(kind: str, allowed: list[str]) -> str:
    if len(allowed) <= 12:
        return "allowed: " + ", ".join(allowed)
    plural = kind + ("es" if kind.endswith("s") else "s")
    return f"{len(allowed)} are allowed: {', '.join(allowed[:6])}, … (`optiscope list {plural}` shows all)"
