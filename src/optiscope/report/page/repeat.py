"""Whether a run can be made again by names alone, and what it is called then. No torch.

The command is tried out on paper: the run that it would make must have the run_id that is stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from ...errors import InputError

CELL = ("problem", "optimizer", "schedule", "hyperparameters", "start", "steps", "dtype")
TOGETHER = ("optimizer", "schedule", "start", "steps", "dtype")
MOST_CELLS = 20_000
OWN = "It was made with an object of one's own, or with an import path, which no command here can name."
UNSEEN = "Whether names alone make it again was not looked into: the study has more cells than are tried out."
CHANGED = "The same names give another run today: they stood for an object of one's own, or the library has changed."


def add_repeats(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with a column `again`: empty where a command makes the run again, `free` where the schedule's own end
    is meant, else the reason why none does.
    """
    if runs.empty:
        return runs.assign(again="")
    cells = runs.drop_duplicates(list(CELL))
    # Those of one optimizer and schedule together: to see whether the two fit is what takes the time.
    found: dict[tuple, str] = {}
    for _, some in cells.head(MOST_CELLS).groupby(list(TOGETHER), sort=False):
        rows = some.to_dict("records")
        words = _told(rows)
        if words is None:  # one of the problems is refused; the others need not be
            words = [told for row in rows for told in _told([row]) or [OWN]]
        found |= {tuple(row[name] for name in CELL): told for row, told in zip(rows, words, strict=True)}
    again = [found.get(key, UNSEEN) for key in runs[list(CELL)].itertuples(index=False, name=None)]
    return runs.assign(again=again)


def by_names(runs: pd.DataFrame) -> pd.DataFrame:
    """Of some runs those that names alone make again: of these, what a name stands for is known."""
    return runs[add_repeats(runs)["again"].isin(("", "free")).to_numpy(bool)]


def start_of(label: str) -> Any:
    """What `grid` takes for a start: a name, or the point that a label spells.

    >>> start_of("random"), start_of("(1.0, -2.5)")
    ('random', (1.0, -2.5))
    """
    if label in ("canonical", "random"):
        return label
    try:
        return tuple(float(part) for part in label.strip("()[] ").split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"no start is called {label!r}") from error


def _told(rows: list[dict[str, Any]]) -> list[str] | None:
    """What is said of each of some rows that differ in their problem alone; None where a name or value is refused."""
    from ...naming import grid
    from ...spec import run_ids

    first = rows[0]
    names = [str(row["problem"]) for row in rows]
    # A dotted name would import somebody's code only to look at it.
    if any("." in name.partition("(")[0] for name in (*names, str(first["optimizer"]), str(first["schedule"]))):
        return None
    problems = list(dict.fromkeys(names))
    for horizon in ("run", "free"):
        try:
            made = grid(
                problems, str(first["optimizer"]), str(first["schedule"]), lr=float(first["lr"]),
                seed=int(first["seed"]), start=start_of(str(first["start"])), steps=int(first["steps"]),
                dtype=str(first["dtype"]), horizon=horizon,
            )  # fmt: skip
        except InputError:
            continue
        if len(made) < len(problems):
            return None  # two names of one problem
        of = dict(zip(problems, made, strict=True))
        again = run_ids(
            [
                replace(of[name], lr=float(row["lr"]), seed=int(row["seed"]))
                for name, row in zip(names, rows, strict=True)
            ]
        )
        same = "" if horizon == "run" else "free"
        return [same if run_id == row["run_id"] else CHANGED for row, run_id in zip(rows, again, strict=True)]
    return None
