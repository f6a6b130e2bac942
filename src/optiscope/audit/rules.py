"""The rules in order, and the frame of what they find. Imports pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from . import machine, results, search, subjects
from .record import Record, Rule, merged

RULES = (
    Rule("budget parity", 1, "every cell had the same number of trials", search.budget_parity, subjects.searched_cells),
    Rule("same range", 3, "every cell was searched over the same rates", search.same_range, subjects.searched_cells),
    Rule("winner on the edge", 3, "no winner sits on the end of its range", search.edges, subjects.searched_range),
    Rule(
        "tuning seeds reused",
        4,
        "no seed served both the search and the evaluation",
        search.tuning_seeds,
        subjects.search,
    ),
    Rule(
        "too few seeds", 11, "seeds suffice to tell competitors apart by a test", results.enough_seeds, subjects.rivals
    ),
    Rule(
        "horizon against schedule",
        5,
        "rates and schedules belong to the horizon that is shown",
        search.horizon,
        subjects.horizons,
    ),
    Rule(
        "misses dropped",
        7,
        "every cell has every seed, and every failure is there",
        results.misses,
        subjects.neighbours,
    ),
    Rule(
        "no untuned column",
        2,
        "every optimizer that was tuned is there at its default rate, too",
        search.untuned,
        subjects.search,
    ),
    Rule("no baseline", 2, "SGD and AdamW are among those compared", results.baseline, subjects.optimizers),
    Rule("clipping", 12, "no gradient was clipped", results.clipping, subjects.results),
    Rule("mixed hardware", 20, "one machine and one set of versions a setting", machine.hardware, subjects.machines),
    Rule("unverified lanes", 0, "what ran in lanes was proved right", machine.lanes, subjects.stepped),
    Rule("timing without guards", 14, "every timed run moved its parameters", machine.timing, subjects.timed),
)
COLUMNS = ("rule", "method", "verdict", "finding", "where", "rows", "runs", "do", "idle", "run_ids")


def findings(
    runs: pd.DataFrame, *, searches: Sequence[Mapping[str, Any]] = (),
    provenance: Mapping[str, Mapping[str, Any]] | None = None,
    verdicts: Mapping[str, Mapping[str, Any]] | None = None, table: pd.DataFrame | None = None,
    rules: Sequence[Rule] = RULES,
) -> pd.DataFrame:  # fmt: skip
    """Pass, warn or fail for each rule of fair comparison that a record can show.

    A rule passes where nothing in the record breaks it; what was never recorded nobody can see. A warning makes a
    figure doubtful or harder to read, a failure makes a comparison unfair or a claim untrue.

    Args:
        runs: one row a run, tuning trials included.
        searches: what random searches declared and found, as `Store.searches` gives it.
        provenance: machine and versions by `provenance_id`, as `Store.provenance` gives it; without it nothing is
            said of hardware.
        verdicts: the proofs of lanes by key, as `Store.verdicts` gives it; without it nothing is said of lanes.
        table: what `metrics.comparison` gave for the same runs, where that is at hand.
        rules: those to look at, all of them unless given.

    Returns:
        One row a finding, in the order of `rules`, failures of a rule first: `rule`, `method` (the rule's number in the
        list of the method, 0 where the design itself asks for it), `verdict` (`pass`, `warn`, `fail`), `finding` in
        words, `where` (names of settings) and `rows` (names of cells or of what is missing), both tuples, `runs` (how
        many rows of the runs frame are meant), `do`, what would make it pass, `idle`: it passes because the record
        holds nothing that could break it, and `finding` says so; and `run_ids`, the rows that are meant as long as they
        are few, else none.
    """
    record = Record(runs, searches, provenance or {}, verdicts or {}, table)
    blind = [name for name, given in (("mixed hardware", provenance), ("unverified lanes", verdicts)) if given is None]
    rows = []
    for rule in (rule for rule in rules if rule.name not in blind):
        found = merged(rule.breaches(record)) or [rule.passed(record)]
        rows += [
            (rule.name, rule.number, one.level, one.text, one.where, one.rows, one.runs, one.do, one.idle, one.run_ids)
            for one in found
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def told(found: pd.DataFrame) -> str:
    """How many rules failed, warned and passed, and how many of these had nothing to check, in one sentence."""
    worst = found.groupby("rule", sort=False)["verdict"].agg(lambda own: "fail" if "fail" in set(own) else own.iloc[0])
    counts = {level: int((worst == level).sum()) for level in ("fail", "warn", "pass")}
    idle = int(found["idle"].sum())
    more = f"; {idle} of those that passed had nothing to check" if idle else ""
    if not counts["fail"] and not counts["warn"]:
        return f"All {len(worst)} rules pass{more}."
    words = {"fail": "failed", "warn": "passed with a warning", "pass": "passed"}
    parts = [f"{count} {words[level]}" for level, count in counts.items() if count]
    return f"Of {len(worst)} rules, {', '.join(parts)}{more}."
