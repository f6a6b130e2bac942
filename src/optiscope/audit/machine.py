"""Rules about where runs were made, in which tier, and what their clocks mean. Imports metrics and pandas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

from .record import Finding, Level, Record, Setting, breach, class_of, some

HARDWARE = ("cpu", "gpu", "cores", "threads")
VERSIONS = ("torch", "cuda", "numpy", "python", "optiscope", "commit")
LANES = ("stacked", "grouped")


def hardware(record: Record) -> Iterator[Finding]:
    """All runs of a setting were made on one machine, with one set of versions, from a clean checkout."""
    for one in record.settings:
        used = sorted(set(one.shown["provenance_id"].dropna().astype(str)))
        unknown = [key for key in used if key not in record.provenance]
        if unknown:
            rows = one.shown[one.shown["provenance_id"].isin(unknown)]
            text = "the machine and versions of some runs were not recorded"
            yield breach("warn", one, text, rows, "keep the store's folder provenance beside its runs")
        facts = {key: record.provenance[key] for key in used if key in record.provenance}
        kinds: list[tuple[tuple[str, ...], Level, str, str]] = [
            (HARDWARE, "fail", "machines", "run a setting on one machine with one number of threads"),
            (VERSIONS, "warn", "versions", "run a setting with one version of everything"),
        ]
        for names, level, what, do in kinds:
            mixed = [name for name in names if len({str(own.get(name)) for own in facts.values()}) > 1]
            if mixed:
                told = "; ".join(f"{name}: {some(_values(facts, name), 2)}" for name in mixed)
                yield breach(level, one, f"runs of several {what} are compared ({told})", one.shown, do)
        twice = one.shown[one.shown.duplicated(["cell", "seed"], keep=False)]
        if len(twice):
            text = "some seeds of a cell are there twice, under two run_ids: other versions of what was run"
            yield breach("fail", one, text, twice, "run the study into an empty folder")
        dirty = [key for key, own in facts.items() if own.get("dirty")]
        if dirty:
            rows = one.shown[one.shown["provenance_id"].isin(dirty)]
            text = "made from a checkout with changes that no commit holds"
            yield breach("warn", one, text, rows, "commit, and run again")


def lanes(record: Record) -> Iterator[Finding]:
    """What was stepped in lanes was proved equal to the plain loop, and the proof was kept."""
    proved = {_proved(key, verdict) for key, verdict in record.verdicts.items()}
    together = record.runs[record.runs["engine"].isin(LANES)]
    columns = ["problem", "optimizer", "dtype", "engine", "purpose"]
    doubtful: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for key, rows in together.groupby(columns, sort=True):
        problem, optimizer, dtype, engine, purpose = map(str, key)  # type: ignore[arg-type]
        if (_family(problem), class_of(optimizer), dtype, engine) not in proved:
            doubtful.setdefault((problem, purpose), []).append(rows)
    for (problem, purpose), parts in doubtful.items():
        rows = pd.concat(parts)
        what = "trials of a search" if purpose == "tuning" else "results"
        text = f"{what} were stepped in lanes and no proof that this is right was kept"
        do = 'engine = "auto" proves what it chooses; "single" needs no proof'
        yield breach("warn" if purpose == "tuning" else "fail", problem, text, rows, do)


def timing(record: Record) -> Iterator[Finding]:
    """Every run that has a time moved its parameters, and times shown in one setting were taken in one way.

    It reads the runs frame: clock, steps, gradient evaluations, losses and tier of the results. Of the benchmarks it
    reads nothing: there a guard that is broken is an error while it is measured, and leaves no figure behind.
    """
    for one in record.settings:
        timed = timed_alone(one.results)
        idle = timed[_idle(timed)]
        if len(idle):
            text = "timed steps changed nothing: the loss is that of the start, or gradients are missing"
            yield breach("fail", one, text, idle, "never time a no-op: see that gradients reach the parameters")
        apart = one.shown[one.shown["engine"] != "single"]
        if len(timed_alone(one.shown)) and len(apart):
            text = "some cells were timed alone, others ran in lanes and have no time of their own"
            yield breach("warn", one, text, apart, 'engine = "single" for all whose times are compared')
        yield from _unreadable(one, timed)


def timed_alone(rows: pd.DataFrame) -> pd.DataFrame:
    """The runs that have a time of their own: what ran in lanes shares one."""
    return rows[rows["wall_s"].notna() & (rows["engine"] == "single")]


def _unreadable(one: Setting, timed: pd.DataFrame) -> Iterator[Finding]:
    wrong = timed[(timed["wall_s"] <= 0) & (timed["steps_done"] > 0)]
    if len(wrong):
        yield breach("fail", one, "steps took no time at all", wrong, "run them again: the clock was not read")


def _idle(rows: pd.DataFrame) -> pd.Series:
    """Whether a run took steps and nothing came of them. Steps from a point without a gradient are no-ops, too."""
    same = (rows["loss_final"] == rows["loss_start"]) & (rows["loss_best"] == rows["loss_start"])
    no_gradient = rows["grad_evals"] < rows["steps_done"]
    return (rows["steps_done"] > 0) & (rows["status"] == "max_steps") & (same | no_gradient)


def _proved(key: str, verdict: Any) -> tuple[str, str, str, str]:
    """What a verdict is about: the problem's family, the optimizer's class, the dtype and the tier."""
    held = json.loads(key)
    problem = json.loads(held["problem"]) if isinstance(held.get("problem"), str) else {}
    return _family(str(problem.get("problem", ""))), str(held["optimizer"]), str(held["dtype"]), str(verdict["tier"])


def _family(problem: str) -> str:
    return problem.partition("(")[0].strip()


def _values(facts: dict[str, Any], name: str) -> list[str]:
    return sorted({str(own.get(name, "unknown"))[:24] for own in facts.values()})
