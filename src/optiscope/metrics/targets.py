"""How far from the floor, and how soon below a target. Imports pandas and NumPy.

Targets are set before the runs: they depend on what a problem is (its floor, its metric, its loss at the start) and on
nothing that an optimizer did. A miss is infinite and stays in the table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import InputError, hint
from .cells import (
    KEY,
    as_categories,
    competitors,
    failed,
    final_loss,
    group_codes,
    grouped_quantile,
    left_domain,
    numbers,
    one_row_a_run,
    require,
)  # fmt: skip
from .stored import HIGHER, Stored, stored_targets

GAP_TARGETS = (1e0, 1e-2, 1e-4, 1e-6, 1e-8)
ACCURACY_TARGETS = (0.5, 0.9, 0.95, 0.99)
RATIO_TARGETS = (0.5, 0.1, 0.01, 0.001)
SOLVED = GAP_TARGETS[-1]  # gaps below the last target that was set before the runs are not told apart
HARDEST_RATIO = RATIO_TARGETS[-1]
TARGETS = {"gap": GAP_TARGETS, "accuracy": ACCURACY_TARGETS, "loss_ratio": RATIO_TARGETS}


def gap(runs: pd.DataFrame, trace: pd.DataFrame | None = None) -> pd.DataFrame:
    """Loss minus the least loss known, `f(x) - f*`: of the runs, or of the trace where one is given.

    Where `loss_floor` is NaN the gap is the loss itself, and the column `floor_known` is False. A gap may be negative
    (noise, or rounding at the floor); it is left so.

    Args:
        runs: one row a run.
        trace: one row a recorded step.

    Returns:
        A copy of `runs` with `gap_final` (infinite for a run that diverged or failed), `gap_best` (infinite for one
        whose best loss lies outside the domain) and `floor_known`; or a copy of `trace` with `gap` and `floor_known`.
        Rows of a run that `runs` lacks have a gap of NaN.
    """
    runs = one_row_a_run(runs)
    floor = numbers(runs, "loss_floor")
    known = ~np.isnan(floor)
    floor = np.where(known, floor, 0.0)
    if trace is None:
        best = numbers(runs, "loss_best")
        best = np.where(left_domain(best, numbers(runs, "loss_floor")), np.inf, best - floor)
        return runs.assign(gap_final=final_loss(runs) - floor, gap_best=best, floor_known=known)
    _, of_run = of_trace(runs, trace, floor)
    _, of_known = of_trace(runs, trace, known.astype(float))
    return trace.assign(gap=numbers(trace, "loss") - of_run, floor_known=of_known == 1)


def of_trace(
    runs: pd.DataFrame, trace: pd.DataFrame, values: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each row of the trace the row of its run, -1 where `runs` lacks it, and the run's value, NaN there."""
    codes = _run_codes(runs, trace)
    return codes, np.where(codes >= 0, np.append(values, np.nan)[codes], np.nan)


def targets_for(runs: pd.DataFrame) -> pd.DataFrame:
    """The targets of each problem, easiest first: columns `problem`, `metric`, `target`.

    - A network of the catalogue, with whatever arguments: what its tuned baseline set (`stored_targets`), where the
      metric was measured.
    - `accuracy`, for any other problem that reports `accuracy_final`: at least 0.5, 0.9, 0.95, 0.99.
    - `gap`, for a problem whose floor is known: at most 1e0, 1e-2, 1e-4, 1e-6, 1e-8.
    - `loss_ratio`, for any other: loss over the run's own loss at the start, at most 0.5, 0.1, 0.01, 0.001. A problem
      with a start at or below zero has no such ratio, and no target.
    """
    runs = one_row_a_run(runs)
    facts = pd.DataFrame(
        {
            "problem": runs["problem"],
            "accuracy": ~np.isnan(numbers(runs, "accuracy_final")),
            "gap": ~np.isnan(numbers(runs, "loss_floor")),
            # NaN: a run that failed before its first loss says nothing about the sign.
            "negative": numbers(runs, "loss_start") <= 0,
        }
    )
    rows, stored = [], _stored(runs)
    for problem, fact in (
        facts.groupby("problem", sort=True, observed=True)[["accuracy", "gap", "negative"]].any().iterrows()
    ):
        if problem in stored:
            rows += [(problem, stored[problem].metric, target) for target in stored[problem].targets]
            continue
        metric = "accuracy" if fact["accuracy"] else "gap" if fact["gap"] else "loss_ratio"
        if metric != "loss_ratio" or not fact["negative"]:
            rows += [(problem, metric, target) for target in TARGETS[metric]]
    return pd.DataFrame(rows, columns=["problem", "metric", "target"])


def _stored(runs: pd.DataFrame) -> dict[str, Stored]:
    """The stored targets of these problems, by the name that the runs have."""
    known = stored_targets()
    found = {}
    for problem, own in runs.groupby("problem", observed=True):
        entry = known.get(str(problem).partition("(")[0])
        if entry and not np.isnan(numbers(own, f"{entry.metric}_final")).all():
            found[str(problem)] = entry
    return found


def steps_to_target(
    runs: pd.DataFrame, trace: pd.DataFrame | None = None, targets: pd.DataFrame | Sequence[float] | None = None
) -> pd.DataFrame:
    """When each run first met each target: one row per run and target, a miss infinite and never dropped.

    The first hit is sought in the trace and in the states that the runs frame knows (start, best, last), so a run whose
    trace was thinned or not kept still hits, at the step of a known state: an upper bound. A run that diverged keeps
    the targets it met before.

    Args:
        runs: one row a run.
        trace: one row a recorded step.
        targets: a frame like `targets_for`'s, or numbers for each problem's own metric.

    Returns:
        Columns of the cell, `competitor`, `lr`, `seed`, `run_id`, `purpose`, `status`, `metric`, `target`, `step` (inf
        on a miss), `hit`, and what was spent up to the hit (in proportion to steps) or, on a miss, in all:
        `evaluations` of the gradient, and `seconds` on the clock, NaN where the run shared it with others in lanes.

    Raises:
        InputError: a target frame with other columns, or with a metric that is none of gap, accuracy, loss_ratio and
            that no run reports.
    """
    runs = one_row_a_run(runs)
    levels = _levels(runs, targets)
    points = _Points(runs, trace)
    done = numbers(runs, "steps_done")
    spent = numbers(runs, "grad_evals")
    per_step = np.divide(spent, done, out=np.ones(len(runs)), where=done > 0)
    seconds = np.where((runs["engine"] == "single").to_numpy(bool), numbers(runs, "wall_s"), np.nan)
    kept = [*KEY, "competitor", "lr", "seed", "run_id", "purpose", "status"]
    runs = as_categories(runs, [*KEY, "purpose", "status"])
    runs = runs.assign(competitor=competitors(runs))
    parts, metrics = [], sorted(set(levels["metric"]))
    for (metric, target), level in levels.groupby(["metric", "target"], sort=False):  # type: ignore[misc]
        asked = runs["problem"].isin(level["problem"]).to_numpy(bool)
        step = points.first_step(str(metric), float(target))[asked]
        hit = np.isfinite(step)
        reached = np.where(hit, step, 0.0)
        share = np.divide(reached, done[asked], out=np.zeros(len(step)), where=done[asked] > 0)
        spent_here = {
            "evaluations": np.where(hit, np.ceil(reached * per_step[asked]), spent[asked]),
            "seconds": seconds[asked] * np.where(hit, share, 1.0),
        }
        parts.append(
            runs.loc[asked, kept].assign(
                metric=pd.Categorical([metric], metrics).repeat(len(step)), target=target, step=step, hit=hit,
                **spent_here,
            )
        )  # fmt: skip
    if not parts:
        empty = {"metric": "", "target": 0.0, "step": 0.0, "hit": False, "evaluations": 0.0, "seconds": 0.0}
        return runs.loc[[], kept].assign(**empty)
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def success(hits: pd.DataFrame, by: Sequence[str] = (*KEY, "lr", "metric", "target")) -> pd.DataFrame:
    """Success rate, expected running time and medians of each cell, out of `steps_to_target`'s frame.

    `ERT = (evaluations of all runs, up to the hit or in vain) / (number of hits)`, infinite without a hit (Hansen,
    Auger, Ros, Mersmann, Tušar, Brockhoff 2021, "COCO", 10.1080/10556788.2020.1808977).

    Returns:
        One row a group: `by`, `runs`, `successes`, `success_rate`, `ert` in evaluations, `ert_seconds` the same in
        seconds, and medians to the target, infinite where half missed: `steps_median`, `evaluations_median`,
        `seconds_median`. Seconds are NaN where a run of the group has none.

    Raises:
        InputError: `by` names a column that is not there.
    """
    require(hits, [*by, "step", "hit", "evaluations", "seconds"], "hits")
    codes, keys = group_codes(hits, by)
    count = np.bincount(codes, minlength=len(keys))
    hit = np.bincount(codes, weights=hits["hit"].to_numpy(float), minlength=len(keys))
    spent = {name: numbers(hits, name) for name in ("evaluations", "seconds")}
    sums: dict[str, NDArray[np.float64]] = {
        name: np.bincount(codes, weights=values, minlength=len(keys)).astype(np.float64)
        for name, values in spent.items()
    }
    miss = ~hits["hit"].to_numpy(bool)

    def per_hit(total: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(total, hit, out=np.where(np.isnan(total), np.nan, np.inf), where=hit > 0)

    def median(name: str) -> NDArray[np.float64]:
        middle = grouped_quantile(np.where(miss, np.inf, spent[name]), codes, len(keys), 0.5)
        return np.where(np.isnan(sums[name]), np.nan, middle)

    return keys.assign(
        runs=count,
        successes=hit.astype(np.int64),
        success_rate=np.divide(hit, count, out=np.zeros(len(keys)), where=count > 0),
        ert=per_hit(sums["evaluations"]),
        ert_seconds=per_hit(sums["seconds"]),
        steps_median=grouped_quantile(hits["step"], codes, len(keys), 0.5),
        evaluations_median=median("evaluations"),
        seconds_median=median("seconds"),
    )


def difficulty(levels: pd.DataFrame) -> pd.Series:
    """A number that grows as a target gets harder: the target, negative where the metric is to fall."""
    return levels["target"].where(levels["metric"].isin(HIGHER), -levels["target"])


class _Points:
    """Every known state of every run: the trace's rows, and the start, best and last state of the runs frame."""

    def __init__(self, runs: pd.DataFrame, trace: pd.DataFrame | None):
        every = np.arange(len(runs))
        codes, steps, losses = (
            [every, every, every],
            [np.zeros(len(runs)), numbers(runs, "step_best"), numbers(runs, "steps_done")],
            [numbers(runs, name) for name in ("loss_start", "loss_best", "loss_final")],
        )
        self._runs, self._trace, self._mine = runs, trace, np.zeros(0, dtype=bool)
        if trace is not None and len(trace):
            of = _run_codes(runs, trace)
            self._mine = of >= 0
            codes.append(of[self._mine])
            steps.append(numbers(trace, "step")[self._mine])
            losses.append(numbers(trace, "loss")[self._mine])
        self.codes, self.steps = np.concatenate(codes), np.concatenate(steps)
        loss = np.concatenate(losses)
        floor, start = numbers(runs, "loss_floor"), numbers(runs, "loss_start")
        outside = left_domain(loss, floor[self.codes])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            self.cost = {
                "gap": np.where(outside, np.inf, loss - np.where(np.isnan(floor), 0.0, floor)[self.codes]),
                "loss_ratio": loss / np.where(start > 0, start, np.nan)[self.codes],
            }

    def first_step(self, metric: str, target: float) -> NDArray[np.float64]:
        """The first step of each run at or beyond the target, infinite where there is none."""
        if metric not in self.cost:
            self.cost[metric] = self._measured(metric)
        met = (self.cost[metric] <= (-target if metric in HIGHER else target)) & ~np.isnan(self.steps)
        first = np.full(len(self._runs), np.inf)
        np.minimum.at(first, self.codes[met], self.steps[met])
        return first

    def _measured(self, metric: str) -> NDArray[np.float64]:
        """A network's own metric at every known state, less being better; the best state is known by its loss alone."""
        unknown = np.full(2 * len(self._runs), np.nan)
        parts = [unknown, np.where(failed(self._runs), np.nan, numbers(self._runs, f"{metric}_final"))]
        if self._trace is not None and len(self._mine):
            parts.append(numbers(self._trace, metric)[self._mine])
        return np.concatenate(parts) * (-1 if metric in HIGHER else 1)


def _run_codes(runs: pd.DataFrame, trace: pd.DataFrame) -> NDArray[np.intp]:
    """The row in `runs` of each row of `trace`, -1 where it has none."""
    require(trace, ("run_id", "step", "loss"), "trace")
    # Each distinct name is looked up once: a trace repeats it hundreds of times.
    codes, names = pd.factorize(trace["run_id"])
    rows = np.append(pd.Index(runs["run_id"]).get_indexer(pd.Index(names)), -1)
    return rows[codes]


def _levels(runs: pd.DataFrame, targets: pd.DataFrame | Sequence[float] | None) -> pd.DataFrame:
    if targets is None:
        return targets_for(runs)
    levels: pd.DataFrame
    if isinstance(targets, pd.DataFrame):
        levels = targets
    else:
        metrics = targets_for(runs)[["problem", "metric"]].drop_duplicates()
        levels = metrics.merge(pd.DataFrame({"target": [float(value) for value in targets]}), how="cross")
    require(levels, ("problem", "metric", "target"), "targets")
    own = [name.removesuffix("_final") for name in runs.columns if name.endswith("_final") and name != "loss_final"]
    allowed = list(dict.fromkeys([*TARGETS, *own]))
    unknown = sorted(set(levels["metric"]) - set(allowed))
    if unknown:
        raise InputError(f"unknown metric {unknown[0]!r}{hint(unknown[0], allowed)} allowed: {', '.join(allowed)}")
    levels = levels[["problem", "metric", "target"]].drop_duplicates()
    return levels.iloc[np.lexsort((difficulty(levels), levels["metric"]))]
