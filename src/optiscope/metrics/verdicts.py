"""How each run ended, told from its trace: one word, the step, and a sentence. Each word is a rule of its own.

    failed            somebody's code raised an exception in its course
    diverged          the loss is no finite number any more
    left the domain   the loss fell below the least one known: the run has left the problem
    solved            the loss came within 1e-8 of the minimum, and stayed there
    oscillating       up and down over the last quarter of the run, and no lower
    saddle            at rest, far above the minimum, and close by it goes further down
    wrong basin       at rest in a minimum that is not the least
    stuck             at rest far above the minimum; without a landscape, nobody knows where
    running away      the loss rose by over a million times what it was (or one), and ended there
    out of budget     none of these: it was still on its way at the last step

Imports pandas and NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..record import Status
from .cells import KEY, group_codes, left_domain, require

VERDICTS = (
    "failed", "diverged", "left the domain", "solved", "oscillating", "saddle", "wrong basin", "stuck", "running away",
    "out of budget",
)  # fmt: skip
SOLVED = 1e-8
AWAY = 1e6

_FEWEST = 8  # rows of a last quarter, below which nothing can be said of it
_UPS = 0.2  # share of the last quarter's steps that must go up, for an oscillation
_AMPLITUDE = 0.1  # decades that an oscillation is wide, at least
_PROGRESS, _SHARE = 0.3, 0.45  # decades that it falls or rises by, at most; more where it is wide, by its share of that
_FLAT = 1e-3  # of the gap: what the loss of a run at rest changes by at most
_REST = 1e-3  # of the largest gradient: what the last one is at most
_NEAR = 0.04  # of the map's sides: how far from the end a way down is looked for
_LOWER = 0.05  # of the differences there: how much lower it must go

_READ = ("step", "loss", "grad_norm", "x0", "x1")

Array = NDArray[np.float64]
Path = dict[str, Array]  # the columns of one run's trace, by step


def verdicts(runs: pd.DataFrame, trace: pd.DataFrame, landscape: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a run, in the order of `runs`: run_id, verdict (one of `VERDICTS`), step, words.

    `trace` has run_id, step and loss; the gradient's norm says whether a run is at rest, and without it the loss alone
    does. Where no minimum is known (`loss_floor`), a run is failed, diverged, running away or out of
    budget. `landscape`, a grid of x, y, loss, tells a saddle from a wrong basin where the trace has x0 and x1.

    Raises InputError where a column is missing.
    """
    require(runs, ("run_id",), "runs")
    require(trace, ("run_id", "step", "loss"), "trace")
    who = pd.Index(trace["run_id"].unique()).get_indexer(pd.Index(trace["run_id"]))
    order = np.lexsort((trace["step"].to_numpy(), who))
    ends = np.cumsum(np.bincount(who)) if len(who) else np.empty(0, int)
    slices = {run_id: slice(ends[i - 1] if i else 0, ends[i]) for i, run_id in enumerate(trace["run_id"].unique())}
    columns = {name: trace[name].to_numpy(float)[order] for name in _READ if name in trace}
    ground = None if landscape is None else landscape[["x", "y", "loss"]].to_numpy(float)
    needed = [name for name in ("run_id", "status", "steps_done", "loss_floor") if name in runs]
    rows = []
    for row in runs[needed].to_dict("records"):
        own = slices.get(row["run_id"], slice(0, 0))
        verdict, step = _judge(row, {name: column[own] for name, column in columns.items()}, ground)
        rows.append((row["run_id"], verdict, step, in_words(verdict, step)))
    return pd.DataFrame(rows, columns=["run_id", "verdict", "step", "words"]).astype({"step": "int64"})


def in_words(verdict: str, step: int) -> str:
    """A verdict as a clause.

    >>> in_words("saddle", 12)
    'stuck at a saddle from step 12'
    """
    clause = {
        "oscillating": "oscillates from step {}",
        "saddle": "stuck at a saddle from step {}",
        "wrong basin": "in a wrong basin from step {}",
        "stuck": "stuck from step {}",
        "running away": "runs away from step {}",
        "out of budget": "out of budget after {} steps",
    }
    return clause.get(verdict, verdict + " at step {}").format(step)


def endings(runs: pd.DataFrame, ended: pd.DataFrame, by: Sequence[str] = KEY) -> pd.DataFrame:
    """How the runs of each cell ended, as one text: `7× solved at step 120, 3× out of budget after 500 steps`.

    Args:
        runs: one row a run, with `run_id` and the columns of a cell.
        ended: what `verdicts` gave for them; a run that is not there is not counted.
        by: the columns of a cell.

    Returns:
        One row a cell with a verdict, sorted: `by`, `ended`. The most frequent verdict stands first, each with the
        median step over its runs (of an even number the lower one in the middle).
    """
    require(runs, ("run_id", *by), "runs")
    require(ended, ("run_id", "verdict", "step"), "verdicts")
    own = runs[["run_id", *by]].merge(ended[["run_id", "verdict", "step"]], on="run_id")
    codes, keys = group_codes(own, (*by, "verdict"))
    steps = pd.Series(own["step"].to_numpy()).groupby(codes).quantile(0.5, interpolation="lower")
    rows = keys.assign(count=np.bincount(codes, minlength=len(keys)), step=steps.to_numpy())
    place = rows["verdict"].map({name: i for i, name in enumerate(VERDICTS)})
    rows = rows.assign(place=place).sort_values([*by, "count", "place"], ascending=[*[True] * len(by), False, True])
    told = [f"{n}× {in_words(name, int(step))}" for n, name, step in rows[["count", "verdict", "step"]].to_numpy()]
    joined = pd.Series(told, dtype=object).groupby(group_codes(rows, by)[0]).agg(", ".join)
    return group_codes(rows, by)[1].assign(ended=joined.to_numpy())


def _judge(row: dict[str, Any], path: Path, ground: Array | None) -> tuple[str, int]:
    steps, loss = path["step"].astype(np.int64), path["loss"]
    finite = np.isfinite(loss)
    end = len(loss) if finite.all() else int(np.argmin(finite))
    last = int(steps[end - 1]) if end else 0
    status, done = str(row.get("status") or ""), row.get("steps_done")
    if status in (Status.ERROR, Status.DIVERGED) or end < len(loss) or not end:
        reached = last if end else -1
        if done is not None and not pd.isna(done) and end == len(loss):
            reached = int(done)
        return ("failed" if status == Status.ERROR else "diverged"), reached + 1
    with np.errstate(over="ignore"):
        far = loss - loss[0] > AWAY * max(abs(float(loss[0])), 1.0)
    if far[-1]:
        return "running away", int(steps[_since(far)])
    floor = row.get("loss_floor")
    if floor is None or pd.isna(floor):
        return "out of budget", last
    outside = left_domain(loss, np.full(len(loss), float(floor)))
    if outside[-1]:
        return "left the domain", int(steps[_since(outside)])
    gap = np.maximum(loss - floor, 0.0)
    if gap[-1] <= SOLVED:
        return "solved", int(steps[_since(gap <= SOLVED)])
    window = slice(len(gap) - max(len(gap) // 4, _FEWEST), None)
    if len(gap) < 2 * _FEWEST:
        return "out of budget", last
    if _oscillates(gap[window]):
        return "oscillating", int(steps[_since(gap <= gap[window].max())])
    if _at_rest(gap[window], path.get("grad_norm")):
        settled = np.abs(gap - gap[-1]) <= 0.01 * max(gap[0] - gap[-1], gap[-1] * _FLAT)
        return _resting_place(path, float(loss[-1]), ground), int(steps[_since(settled)])
    return "out of budget", last


def _since(holds: NDArray[np.bool_]) -> int:
    """The first row from which on it always holds; the last row holds."""
    breaks = np.flatnonzero(~holds)
    return int(breaks[-1]) + 1 if len(breaks) else 0


def _oscillates(gap: Array) -> bool:
    decades = np.log10(np.maximum(gap, 1e-300))
    third = max(len(gap) // 3, 1)
    progress = np.median(decades[:third]) - np.median(decades[-third:])
    low, high = np.quantile(decades, (0.1, 0.9))
    amplitude = high - low
    still = abs(progress) < max(_PROGRESS, _SHARE * amplitude)
    return bool((np.diff(gap) > 0).mean() >= _UPS and still and amplitude >= _AMPLITUDE)


def _at_rest(gap: Array, gradient: Array | None) -> bool:
    flat = bool(gap.max() - gap.min() <= _FLAT * gap[-1])
    if gradient is None:
        return flat
    known = gradient[np.isfinite(gradient)]  # in the last row there is none
    return flat and bool(len(known)) and bool(known[-1] <= _REST * known.max())


def _resting_place(path: Path, loss: float, ground: Array | None) -> str:
    if ground is None or not {"x0", "x1"} <= set(path):
        return "stuck"
    side = np.ptp(ground[:, :2], axis=0)
    away = (ground[:, :2] - np.array([path["x0"][-1], path["x1"][-1]])) / np.where(side > 0, side, 1.0)
    near = ground[np.hypot(*away.T) <= _NEAR, 2]
    near = near[np.isfinite(near)]
    if len(near) < 5:
        return "stuck"
    deepest = loss - float(near.min())
    spread = float(near.max()) - min(float(near.min()), loss)
    return "saddle" if spread > 0 and deepest > _LOWER * spread and math.isfinite(spread) else "wrong basin"
