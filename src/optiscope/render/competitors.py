"""From frames to competitors: each run of a race with its path, its gap and its look. Imports pandas and NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import InputError
from ..metrics.cells import left_domain
from .checks import need, need_flat
from .style import PLAIN, Look, full_name, looks_of, looks_of_schedules, short_name
from .words import cut_apart

MOST = 16  # more names than this fit neither the column nor the map
LONGEST, CROWD = 28, 10  # letters of a name on the map, and how many runs leave room for but two thirds of them
LEAST_GAP = 1e-16  # smaller gaps are rounding: they share the last decade


@dataclass(frozen=True)
class Competitor:
    """One run in a race.

    `gap` is the loss above the floor, or the loss itself where no floor is known; NaN where the run has left the
    domain of its problem, and its loss is below the least one known.
    """

    run_id: str
    label: str
    short: str
    look: Look
    rate: str
    steps: np.ndarray
    xy: np.ndarray
    gap: np.ndarray
    lr: np.ndarray  # the rate of the next step; NaN where the trace has none
    fate: str  # "" where it ran to its end, else "diverged" or "error"
    broke: int  # the step of that fate
    on_bound: bool  # whether its rate is the last one of a search that might have gone on

    @property
    def last(self) -> float:
        """The last step with a finite state."""
        return float(self.steps[-1])

    @property
    def final(self) -> float:
        """The gap at the last finite step."""
        return float(self.gap[-1])

    @property
    def left(self) -> bool:
        """Whether it ran to its end and stands outside the domain there."""
        return not self.fate and math.isnan(self.final)

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
    need_flat(trace, "trace")
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
    schedules = [str(name) for name in runs["schedule"]] if "schedule" in runs else None
    one_method = _by_schedule_alone(names, schedules)
    looks = looks_of_schedules(names[0], schedules, theme) if one_method and schedules else None
    entries = zip(
        runs.to_dict("records"), labels, shorts, looks or looks_of(names, theme, schedules), strict=True
    )  # fmt: skip
    return [
        _competitor(row | ({"schedule": "constant"} if one_method else {}), label, short, look, by_run, floor)
        for row, label, short, look in entries
    ], floor


def _by_schedule_alone(names: list[str], schedules: list[str] | None) -> bool:
    """Whether one optimizer runs under several schedules, once each: then they are who races."""
    return schedules is not None and len(set(names)) == 1 < len(names) and len(set(schedules)) == len(schedules)


def rank(competitors: Sequence[Competitor], *, known: bool) -> list[tuple[int, int]]:
    """(place, index), from the smallest final gap to the largest.

    Then those who left the domain, on one place; then those who did not reach the end, latest first. Gaps that are
    equal to four digits share a place, and so do those below 1e-16 where the floor is `known`.
    """

    def key(i: int) -> tuple[float, float]:
        final = competitors[i].final
        if competitors[i].fate:
            return 2.0, -competitors[i].last
        if competitors[i].left:
            return 1.0, 0.0
        return 0.0, float(f"{max(final, LEAST_GAP) if known else final:.3e}")

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
    # Less than the floor by rounding alone is the floor; by more, the run has left the problem.
    gap = np.maximum(loss[:end] - floor, 0.0) if math.isfinite(floor) else loss[:end]
    gap = np.where(left_domain(loss[:end], np.full(end, floor)), np.nan, gap)
    done = row.get("steps_done")
    # A thin trace ends before the run did.
    broke = int(steps[end - 1] if done is None or pd.isna(done) or end < len(finite) else done) + 1
    on_bound = str(row.get("edge") or "") in ("low", "high")
    lr = path["lr_t"].to_numpy(float)[:end].copy() if "lr_t" in path else np.full(end, np.nan)
    if end > 1 and not fate:
        lr[-1] = lr[-2]  # the last row holds the rate of a step that is not taken
    return Competitor(
        str(row["run_id"]), label, short, look, _rate(row), steps[:end], xy[:end], gap, lr, fate, broke, on_bound
    )


def _rate(row: dict) -> str:
    lr, schedule = row.get("lr"), str(row.get("schedule") or "constant")
    parts = [] if lr is None or pd.isna(lr) else [f"lr {lr:.3g}"]
    return " · ".join(parts + [schedule] * (schedule not in PLAIN))


def _labels(runs: pd.DataFrame, names: list[str]) -> tuple[list[str], list[str]]:
    """Short labels, told apart by whatever differs, and full ones."""
    most = LONGEST if len(names) < CROWD else LONGEST * 2 // 3
    if _by_schedule_alone(names, [str(name) for name in runs["schedule"]] if "schedule" in runs else None):
        full = [str(name) for name in runs["schedule"]]
        shorts = [name.split("(")[0] for name in full]
        shorts = [whole if shorts.count(short) > 1 else short for whole, short in zip(full, shorts, strict=True)]
        return cut_apart(shorts, lambda words: len(words) <= most), full
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
    labels = [
        name if len(name) <= len(short) else full_name(name) if full_name(name).startswith(short + "(") else short
        for name, short in zip(names, shorts, strict=True)
    ]
    return cut_apart(shorts, lambda words: len(words) <= most), labels
