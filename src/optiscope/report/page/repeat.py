"""Whether a run can be made again by names alone, and what it is called then. No torch.

The command is tried out on paper: the run that it would make must have the run_id that is stored.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...errors import InputError

CELL = ("problem", "optimizer", "schedule", "hyperparameters", "start", "steps", "dtype")
MOST_CELLS = 3_000
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
    found = {
        tuple(row[name] for name in CELL): _told(row) if i < MOST_CELLS else UNSEEN
        for i, row in enumerate(cells.to_dict("records"))
    }
    return runs.assign(again=[found[key] for key in runs[list(CELL)].itertuples(index=False, name=None)])


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


def _told(row: dict[str, Any]) -> str:
    from ...naming import grid
    from ...spec import run_ids

    names = [str(row[name]) for name in ("problem", "optimizer", "schedule")]
    # A dotted name would import somebody's code only to look at it.
    if any("." in name.partition("(")[0] for name in names):
        return OWN
    for horizon in ("run", "free"):
        try:
            made = grid(
                *names, lr=float(row["lr"]), seed=int(row["seed"]), start=start_of(str(row["start"])),
                steps=int(row["steps"]), dtype=str(row["dtype"]), horizon=horizon,
            )  # fmt: skip
        except InputError:
            continue
        if run_ids(made)[0] == row["run_id"]:
            return "" if horizon == "run" else "free"
        return CHANGED
    return OWN
