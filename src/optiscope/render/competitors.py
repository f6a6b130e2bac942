"""From frames to competitors: each run of a race with its path, its gap and its look. Imports pandas and NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import InputError
from .style import Look, looks_of, short_name

MOST = 16  # more names than this fit neither the column nor the map
LEAST_GAP = 1e-16  # smaller gaps are rounding: they share the last decade

PLAIN = ("constant", "none", "nan")  # schedules that need no mention


@dataclass(frozen=True)
class Competitor:
    """One run in a race. `gap` is the loss above the floor, or the loss itself where no floor is known."""

    run_id: str
    label: str
    short: str
    look: Look
    rate: str
    steps: np.ndarray
    xy: np.ndarray
    gap: np.ndarray
    fate: str  # "" where it ran to its end, else "diverged" or "error"

    @property
    def last(self) -> float:
        """The last step with a finite state."""
        return float(self.steps[-1])

    @property
    def final(self) -> float:
        """The gap at the last finite step."""
        return float(self.gap[-1])

    def at(self, time: float) -> tuple[np.ndarray, float]:
        """Position and gap at a time between steps; after the end, the last ones."""
        position = np.array([np.interp(time, self.steps, self.xy[:, 0]), np.interp(time, self.steps, self.xy[:, 1])])
        row = int(np.searchsorted(self.steps, time, side="right")) - 1
        return position, float(self.gap[max(row, 0)])


def competitors_of(runs: pd.DataFrame, trace: pd.DataFrame, theme: str) -> tuple[list[Competitor], float]:
    """The competitors in the order of the runs frame, and the loss floor (NaN where none is known).

    Raises InputError for an empty frame, a trace without `x0` and `x1`, a run without a trace, or too many runs.
    """
    need(runs, "runs", ("run_id", "optimizer"))
    need(trace, "trace", ("run_id", "step", "loss", "x0", "x1"), why="a race needs a problem of two dimensions")
    if len(runs) > MOST:
        raise InputError(f"a race holds at most {MOST} runs, got {len(runs)}: choose the best of each optimizer")
    if "problem" in runs and runs["problem"].nunique() > 1:
        raise InputError(f"a race is run on one problem, got {', '.join(sorted(runs['problem'].unique())[:4])}")
    floors = runs["loss_floor"].dropna().unique() if "loss_floor" in runs else np.array([])
    if len(floors) > 1:
        raise InputError(f"a race is run on one problem, got {len(floors)} loss floors: {sorted(floors)[:3]}")
    floor = float(floors[0]) if len(floors) else math.nan
    by_run = dict(tuple(trace.groupby("run_id", sort=False)))
    names = [str(name) for name in runs["optimizer"]]
    shorts, labels = _labels(runs, names)
    entries = zip(runs.to_dict("records"), labels, shorts, looks_of(names, theme), strict=True)
    return [_competitor(row, label, short, look, by_run, floor) for row, label, short, look in entries], floor


def need(frame: pd.DataFrame, name: str, columns: Sequence[str], why: str = "") -> None:
    """Raise InputError where the frame is empty or lacks one of the columns."""
    missing = [column for column in columns if column not in frame]
    if missing:
        reason = f"; {why}" if why else ""
        raise InputError(
            f"the {name} frame lacks the columns {', '.join(missing)}{reason}; "
            f"it has: {', '.join(map(str, frame.columns)) or 'none'}"
        )
    if frame.empty:
        raise InputError(f"the {name} frame is empty: nothing to draw")


def rank(competitors: Sequence[Competitor], *, known: bool) -> list[tuple[int, int]]:
    """(place, index), from the smallest final gap to the largest; who did not reach the end comes last, latest first.

    Where the floor is `known`, gaps below 1e-16 share a place, and so do equal ones.
    """

    def key(i: int) -> tuple[float, float]:
        final = competitors[i].final
        if competitors[i].fate:
            return 1.0, -competitors[i].last
        return 0.0, max(final, LEAST_GAP) if known else final

    order = sorted(range(len(competitors)), key=lambda i: (*key(i), i))
    places: list[tuple[int, int]] = []
    for position, i in enumerate(order):
        tied = position > 0 and key(i) == key(order[position - 1])
        places.append((places[-1][0] if tied else position + 1, i))
    return places


def _competitor(
    row: dict, label: str, short: str, look: Look, by_run: dict[str, pd.DataFrame], floor: float
) -> Competitor:
    if row["run_id"] not in by_run:
        raise InputError(f"run {row['run_id']!r} ({label}) has no rows in the trace: run it with trace='all'")
    path = by_run[row["run_id"]].sort_values("step", kind="stable")
    steps = path["step"].to_numpy(float)
    xy = path[["x0", "x1"]].to_numpy(float)
    loss = path["loss"].to_numpy(float)
    finite = np.isfinite(loss) & np.isfinite(xy).all(axis=1)
    end = len(finite) if finite.all() else int(np.argmin(finite))
    if end == 0:
        raise InputError(f"run {row['run_id']!r} ({label}) has no finite row in the trace: it cannot race")
    status = str(row.get("status", "max_steps"))
    fate = status if status in ("diverged", "error") else "" if end == len(finite) else "diverged"
    gap = loss[:end] - floor if math.isfinite(floor) else loss[:end]
    return Competitor(str(row["run_id"]), label, short, look, _rate(row), steps[:end], xy[:end], gap, fate)


def _rate(row: dict) -> str:
    lr, schedule = row.get("lr"), str(row.get("schedule") or "constant")
    parts = [] if lr is None or pd.isna(lr) else [f"lr {lr:.3g}"]
    return " · ".join(parts + [schedule] * (schedule not in PLAIN))


def _labels(runs: pd.DataFrame, names: list[str]) -> tuple[list[str], list[str]]:
    """Short labels, told apart by whatever differs, and full ones."""
    shorts = [short_name(name) for name in names]
    if len(set(shorts)) < len(set(names)):
        shorts = [name if shorts.count(short) > 1 else short for name, short in zip(names, shorts, strict=True)]
    for column, pattern in (("schedule", "{} {}"), ("lr", "{} lr {:.3g}"), ("seed", "{} #{}")):
        if len(set(shorts)) == len(shorts):
            break
        if column in runs and runs[column].nunique() > 1:
            doubled = [shorts.count(short) > 1 for short in shorts]
            shorts = [
                pattern.format(short, value) if twice else short
                for short, value, twice in zip(shorts, runs[column], doubled, strict=True)
            ]
    return shorts, [name if len(name) <= len(short) else short for name, short in zip(names, shorts, strict=True)]
