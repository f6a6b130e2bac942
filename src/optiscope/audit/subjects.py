"""What a rule is about, where a record holds less of it than the rule's own words claim. Imports pandas.

A rule that nothing breaks says what is true. Where there was nothing to break it (no search, one optimizer, no lanes),
its usual words would claim what nobody looked at: each function here gives another finding then, and else None.
"""

from __future__ import annotations

from .machine import LANES, timed_alone
from .record import Finding, Record

NO_SEARCH = "nothing to check: no rate was searched for"


def results(record: Record) -> Finding | None:
    """Whether there is a result."""
    return None if record.settings else _idle(record, "")


def searched_cells(record: Record) -> Finding | None:
    """Whether some setting has two cells whose rates were searched for."""
    counts = [int((one.rates["trials"] > 0).sum()) for one in record.settings]
    if max(counts, default=0) > 1:
        return None
    return _idle(record, "nothing to compare: one cell a setting was searched for" if any(counts) else NO_SEARCH)


def searched_range(record: Record) -> Finding | None:
    """Whether a search had more than one rate to choose from, so that its winner could sit on an end."""
    wide = any((one.rates["lr_low"] < one.rates["lr_high"]).any() for one in record.settings)
    return (
        None if wide or record.searches else _idle(record, "nothing to check: no search had two rates to choose from")
    )


def search(record: Record) -> Finding | None:
    """Whether there was a search."""
    tried = any(len(one.tuning) or (one.rates["trials"] > 0).any() for one in record.settings)
    return None if tried else _idle(record, NO_SEARCH)


def rivals(record: Record) -> Finding | None:
    """Whether anybody meets anybody."""
    most = max((one.rates["cell"].nunique() for one in record.settings), default=0)
    return None if most > 1 else _idle(record, "nothing to tell apart: one cell a setting")


def optimizers(record: Record) -> Finding | None:
    """Whether optimizers meet."""
    there = [set(one.rates["optimizer"]) for one in record.settings]
    if max(map(len, there), default=0) > 1:
        return None
    return _idle(record, f"nothing to compare: one optimizer{' a setting' * (len(set().union(*there)) > 1)}")


def horizons(record: Record) -> Finding | None:
    """Whether there are rates that were found at some horizon, and schedules that have one."""
    moving = any((one.results["schedule"] != "constant").any() for one in record.settings)
    if search(record) is not None:
        if moving:
            return Finding("pass", "schedules belong to the horizon that is shown; no rate was searched for")
        return _idle(record, "nothing to check: no rate was searched for, and no schedule moves it")
    return None if moving else Finding("pass", "rates belong to the horizon that is shown; no schedule moves them")


def neighbours(record: Record) -> Finding | None:
    """Whether a cell's seeds can be held against those of another."""
    if not record.settings or rivals(record) is None:
        return results(record)
    return Finding("pass", "every failure is there; with one cell a setting, no other's seeds show a gap")


def machines(record: Record) -> Finding | None:
    """Whether any run says where it was made."""
    known = any(one.shown["provenance_id"].notna().any() for one in record.settings)
    return None if known else _idle(record, "nothing to check: no run says where it was made")


def stepped(record: Record) -> Finding | None:
    """Whether anything was stepped in lanes, results or trials."""
    together = bool(len(record.runs)) and bool(record.runs["engine"].isin(LANES).any())
    return None if together else Finding("pass", "nothing to prove: no run was stepped in lanes", idle=True)


def timed(record: Record) -> Finding | None:
    """Whether any result has a time of its own."""
    some = any(len(timed_alone(one.results)) for one in record.settings)
    return None if some else _idle(record, "nothing to check: no result has a time of its own")


def _idle(record: Record, text: str) -> Finding:
    return Finding("pass", text if record.settings else "nothing to check: there is no result", idle=True)
