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

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..record import Status
from .cells import KEY, group_codes, left_domain, numbers, require

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
    who, ids = pd.factorize(trace["run_id"])
    order = np.lexsort((trace["step"].to_numpy(), who))
    counts = np.bincount(who, minlength=len(ids))
    ends = np.cumsum(counts)
    columns = {name: trace[name].to_numpy(float)[order] for name in _READ if name in trace}
    ground = None if landscape is None else landscape[["x", "y", "loss"]].to_numpy(float)
    place = pd.Index(ids).get_indexer(pd.Index(runs["run_id"]))
    word, step = _told_at_once(runs, place, columns["step"], columns["loss"], counts)
    floors = numbers(runs, "loss_floor")
    for i in np.flatnonzero(word == ""):
        own = slice(ends[place[i]] - counts[place[i]], ends[place[i]])
        path = {name: column[own] for name, column in columns.items()}
        word[i], step[i] = _judge(path, float(floors[i]), ground)
    pairs = list(zip(word.tolist(), step.tolist(), strict=True))
    told = {pair: in_words(*pair) for pair in set(pairs)}
    words = np.array([told[pair] for pair in pairs], dtype=object)
    return pd.DataFrame({"run_id": runs["run_id"].to_numpy(object), "verdict": word, "step": step, "words": words})


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


def _told_at_once(
    runs: pd.DataFrame, place: NDArray[np.intp], steps: Array, loss: Array, counts: NDArray[np.intp]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Word and step of all runs for which no look at the last quarter is needed; of the others the word is empty.

    `steps` and `loss` hold one run's rows after another's, `counts` how many each has, `place` which is whose, -1 where
    a run has none. A run at a time would take most of what all statistics of a large study take.
    """
    word, step = np.full(len(runs), "", dtype=object), np.zeros(len(runs), dtype=np.int64)
    floors, done = numbers(runs, "loss_floor"), numbers(runs, "steps_done")
    status = runs["status"].to_numpy(object) if "status" in runs else np.full(len(runs), "", dtype=object)
    known, failed = place >= 0, status == Status.ERROR
    # What has no trace ended before its first row.
    word[~known] = np.where(failed[~known], "failed", "diverged")
    step[~known] = np.where(np.isnan(done[~known]), -1, done[~known]).astype(np.int64) + 1
    if not known.any():
        return word, step
    starts = np.cumsum(counts) - counts
    rows, whose = np.arange(len(loss)), np.repeat(np.arange(len(counts)), counts)
    floor = np.full(len(counts), np.nan)
    floor[place[known]] = floors[known]

    def since(holds: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The step of the row from which on it holds; of no use where it does not hold in the last."""
        first = np.maximum.reduceat(np.where(holds, starts[whose] - 1, rows), starts) + 1
        return steps[np.minimum(first, len(loss) - 1)].astype(np.int64)

    bad = np.minimum.reduceat(np.where(np.isfinite(loss), len(loss), rows), starts)
    end = np.minimum(bad - starts, counts)
    final = starts + counts - 1
    last = np.where(end > 0, steps[starts + np.maximum(end - 1, 0)], -1).astype(np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        far = loss - loss[starts][whose] > AWAY * np.maximum(np.abs(loss[starts]), 1.0)[whose]
        outside = left_domain(loss, floor[whose])
        near = np.maximum(loss - floor[whose], 0.0) <= SOLVED
    rules = (
        ("running away", far[final], since(far)),
        ("out of budget", np.isnan(floor), last),
        ("left the domain", outside[final], since(outside)),
        ("solved", near[final], since(near)),
        ("out of budget", counts < 2 * _FEWEST, last),
    )
    whole = end == counts
    holds = [rule[1] for rule in rules]  # the first that holds is the one
    told, at = np.select(holds, [rule[0] for rule in rules], ""), np.select(holds, [rule[2] for rule in rules], 0)
    told[~whole] = ""
    word[known], step[known] = told[place[known]], at[place[known]]
    lost = known & (failed | (status == Status.DIVERGED) | ~whole[place])
    reached = np.where(whole[place] & ~np.isnan(done), done, last[place])
    word[lost] = np.where(failed[lost], "failed", "diverged")
    step[lost] = reached[lost].astype(np.int64) + 1
    return word, step


def _judge(path: Path, floor: float, ground: Array | None) -> tuple[str, int]:
    """The word and step of a run that is long enough and that nothing else ended, by its last quarter."""
    steps, loss = path["step"].astype(np.int64), path["loss"]
    gap = np.maximum(loss - floor, 0.0)
    window = slice(len(gap) - max(len(gap) // 4, _FEWEST), None)
    if _oscillates(gap[window]):
        return "oscillating", int(steps[_since(gap <= gap[window].max())])
    if _at_rest(gap[window], path.get("grad_norm")):
        settled = np.abs(gap - gap[-1]) <= 0.01 * max(gap[0] - gap[-1], gap[-1] * _FLAT)
        return _resting_place(path, float(loss[-1]), ground), int(steps[_since(settled)])
    return "out of budget", int(steps[-1])


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
