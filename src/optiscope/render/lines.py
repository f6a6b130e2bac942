"""Which runs are one line of a picture: its label, its look, and what became of its runs. pandas and NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..metrics.cells import final_loss, left_domain
from .bands import is_lost
from .checks import choose, standing
from .style import PLAIN, Look, looks_of
from .words import cut

MOST = 16  # lines that are told apart, and that a legend has room for


def lines_of(runs: pd.DataFrame, theme: str) -> tuple[list[tuple[str, pd.DataFrame, Look]], str]:
    """(label, rows, look) of each line: an optimizer, told apart by schedule, and by rate if a problem has several.

    And what to say of the lines that there is no room for.
    """
    judged = "loss_final" in runs
    keys = ["optimizer"]
    if "schedule" in runs and runs["schedule"].nunique() > 1:
        keys.append("schedule")
    problem = ["problem"] if "problem" in runs else []
    if "lr" in runs and runs.groupby(keys + problem)["lr"].nunique().max() > 1:
        keys.append("lr")
    # Side by side what belongs together: each optimizer's constant rate, then its schedules.
    place = {name: i for i, name in enumerate(dict.fromkeys(runs["optimizer"]))}
    groups = sorted(
        runs.groupby(keys, sort=False),
        key=lambda group: (place[group[0][0]], "schedule" in keys and str(group[0][1]) not in PLAIN),
    )
    chosen = ""
    if len(groups) > MOST:
        kept, chosen = choose(_scores([rows for _, rows in groups], problem), MOST, "lowest" if judged else "first")
        groups = [groups[i] for i in kept]
    schedules = [str(key[1]) for key, _ in groups] if "schedule" in keys else None
    looks = looks_of([str(key[0]) for key, _ in groups], theme, schedules)
    return [(_label(keys, key), rows, look) for (key, rows), look in zip(groups, looks, strict=True)], chosen


def _scores(groups: Sequence[pd.DataFrame], problem: Sequence[str]) -> pd.Series:
    """The mean place of each group over the problems, by the median of its final losses."""
    ends = []
    for i, rows in enumerate(groups):
        rows = rows if "status" in rows else rows.assign(status="max_steps")
        ends.append(rows[list(problem)].assign(line=i, end=final_loss(rows)))
    return standing(pd.concat(ends, ignore_index=True), "line", "end", problem).sort_index()


def _label(keys: Sequence[str], key: Sequence[object]) -> str:
    """The optimizer by its own name, then what tells it from the others."""
    parts = [f"lr {value:.3g}" if column == "lr" else str(value) for column, value in zip(keys, key, strict=True)]
    return " · ".join([cut(parts[0], 34), *(cut(part, 24) for part in parts[1:])])


def with_lost(label: str, rows: pd.DataFrame) -> str:
    """The label, and below it how many of its runs were lost or left the domain."""
    lost = sum(is_lost(row) for row in rows.to_dict("records"))
    words = [f"{lost} of {len(rows)} diverged"] * bool(lost)
    if {"loss_final", "loss_floor"} <= set(rows):
        kept = rows[[not is_lost(row) for row in rows.to_dict("records")]]
        left = int(left_domain(kept["loss_final"].to_numpy(float), kept["loss_floor"].to_numpy(float)).sum())
        words += [f"{left} of {len(rows)} left the domain"] * bool(left)
    return "\n".join([label, *words])
