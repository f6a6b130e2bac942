"""The comparison of every cell of a study, and who won each problem. Imports pandas and NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .cells import (
    KEY,
    SETTING,
    Checked,
    as_categories,
    competitors,
    failed,
    final_loss,
    group_codes,
    grouped_quantile,
    left_domain,
    median_iqr,
    numbers,
    one_row_a_run,
)  # fmt: skip
from .costs import costs
from .ranks import tied_ranks
from .rates import shown_rates, shown_runs
from .targets import SOLVED, difficulty, steps_to_target, success, targets_for

COLUMNS = (
    *KEY, "lr", "chosen_on", "edge", "trials", "lr_low", "lr_high", "seeds", "runs",
    "loss_floor", "loss_final", "loss_final_q25", "loss_final_q75", "loss_best", "gap_final",
    "accuracy_final", "accuracy_final_q25", "accuracy_final_q75",
    "metric", "target", "success_rate", "ert", "steps_to_target", "diverged", "errors", "wall_s", "ms_per_step",
    "engine", "rank", "tied", "test", "detectable", "unit",
)  # fmt: skip


def comparison(
    runs: pd.DataFrame, trace: pd.DataFrame | None = None, targets: pd.DataFrame | Sequence[float] | None = None
) -> pd.DataFrame:
    """One row per problem (with its start, steps, dtype and device), optimizer and schedule, at `shown_rates`' rate.

    Only rows of purpose `"result"` are results; `"tuning"` rows tell the search range, its trials and its edge.

    Returns:
        `COLUMNS`, then `steps_to_METRIC_TARGET` for each target: the median over runs, infinite where half missed, NaN
        where the problem has no such target. Medians and quartiles are over seeds, a run that diverged or failed being
        infinitely bad. `metric` and `target` name the hardest target that any cell of the setting met (the easiest
        where none did); `success_rate`, `ert` and `steps_to_target` belong to it. `wall_s` is in seconds,
        `ms_per_step` in milliseconds a step done, medians over the runs that have a clock reading. `rank` is the place
        of `tied_ranks`, with how many share it, the test that it rests on, and the smallest difference from the head
        that so many seeds would have shown. Sorted by setting, then from best to worst median.
    """
    runs = as_categories(one_row_a_run(runs), (*KEY, "hyperparameters", "purpose", "status", "engine"))
    results = runs[runs["purpose"] == "result"]
    if results.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    rates = shown_rates(runs)
    chosen = Checked(shown_runs(runs, rates))
    codes, table = group_codes(chosen, KEY)
    size = len(table)

    def count(mask: np.ndarray) -> np.ndarray:
        return np.bincount(codes, weights=mask.astype(float), minlength=size).astype(np.int64)

    groups = chosen.groupby(codes)
    table = table.merge(rates, on=list(KEY))
    table["seeds"] = groups["seed"].nunique().to_numpy()
    table["runs"] = np.bincount(codes, minlength=size)
    table["loss_floor"] = groups["loss_floor"].min().to_numpy(float)
    for name, values in zip(("", "_q25", "_q75"), median_iqr(final_loss(chosen), codes, size), strict=True):
        table[f"loss_final{name}"] = values
    best = numbers(chosen, "loss_best")
    best = np.where(left_domain(best, numbers(chosen, "loss_floor")), np.inf, best)
    table["loss_best"] = grouped_quantile(best, codes, size, 0.5)
    table["gap_final"] = table["loss_final"] - table["loss_floor"]
    table["accuracy_final"], table["accuracy_final_q75"], table["accuracy_final_q25"] = _accuracy(chosen, codes, size)
    table["diverged"] = count((chosen["status"] == "diverged").to_numpy(bool))
    table["errors"] = count((chosen["status"] == "error").to_numpy(bool))
    done, wall = numbers(chosen, "steps_done"), numbers(chosen, "wall_s")
    per_step = np.divide(1e3 * wall, done, out=np.full(len(done), np.nan), where=done > 0)
    table["wall_s"] = pd.Series(wall).groupby(codes).median().to_numpy()
    table["ms_per_step"] = pd.Series(per_step).groupby(codes).median().to_numpy()
    engines = pd.DataFrame({"cell": codes, "engine": chosen["engine"].astype(str)}).drop_duplicates()
    table["engine"] = engines.sort_values("engine").groupby("cell")["engine"].agg(", ".join).to_numpy()

    # Of a seed that is there twice, under two versions of the library, the later run counts.
    once = as_categories(chosen[[*KEY, "seed"]], KEY).duplicated(keep="last").to_numpy(bool)
    places = tied_ranks(costs(chosen.rows(~once)))
    names = table[[*SETTING]].assign(competitor=competitors(table).astype(str), _row=np.arange(size))
    places = places.assign(competitor=places["competitor"].astype(str)).merge(names, on=[*SETTING, "competitor"])
    places = places.set_index("_row").sort_index()
    for name in ("rank", "tied", "test", "detectable", "unit"):
        table[name] = places[name].to_numpy()

    hits = steps_to_target(chosen, trace, targets_for(results) if targets is None else targets)
    cells = success(hits, (*KEY, "metric", "target"))
    table = table.merge(_hardest_met(cells), on=list(KEY), how="left")
    table = table[list(COLUMNS)].merge(_wide(cells), on=list(KEY), how="left")
    table["_cost"] = _cost(table)["median"]
    order = [*SETTING, "_cost", "steps_to_target", "optimizer", "schedule"]
    return table.sort_values(order, ignore_index=True).drop(columns="_cost")


def ranking(table: pd.DataFrame) -> pd.DataFrame:
    """Who won each setting of a `comparison`, by the last iterate: accuracy where it was measured, else gap, else loss.

    A tie is a shared first place: no test tells those who share it from its head (`tied_ranks`). Of them the winner has
    the best median, all gaps below 1e-8, the last target, being equal; of equal medians the better worse quartile, then
    the fewer steps to the target.

    Returns:
        One row a setting: its columns, `competitors`, `winner`, `schedule`, `lr`, `judged_by`, `final` (the winner's
        median), `seeds`, `tied` (how many share the first place, those with an infinite median left out; 1 where there
        is one winner, 0 where every run diverged or failed and `winner` is empty), `tied_with`, `solved`, `runner_up`
        (the best that does not tie), `runner_up_final`, `test` (that the places rest on), `detectable` with `unit` (the
        median over the others of the smallest difference that so many seeds would have shown), and `fastest` with
        `metric`, `target`, `fastest_steps`: least median steps to the hardest target that anyone met.
    """
    rows = []
    for setting, cell in table.groupby(list(SETTING), sort=True):
        cost = _cost(cell)
        gap = (cost["judged_by"] == "gap").iloc[0]
        for name in ("median", "q75"):
            cost[f"_{name}"] = cost[name].clip(lower=SOLVED) if gap else cost[name]
        cost = cost.assign(rank=cell["rank"], _infinite=~np.isfinite(cost["median"]))
        cost = cost.sort_values(["_infinite", "rank", "_median", "_q75", "steps_to_target", "optimizer", "schedule"])
        cell = cell.loc[cost.index]
        lead, leader = cost.iloc[0], cell.iloc[0]
        finite = np.isfinite(cost["median"])
        solved = gap and cost["q75"].iloc[0] <= SOLVED
        level = finite & (cost["rank"] == lead["rank"])
        names = cell["optimizer"] + " + " + cell["schedule"]
        behind = names[finite & ~level]
        second = cost["median"][behind.index[0]] if len(behind) else np.nan
        quickest = cost["steps_to_target"].fillna(np.inf)
        met = np.isfinite(quickest.min())
        finished = bool(finite.iloc[0])
        rows.append(
            {
                **dict(zip(SETTING, setting, strict=True)),
                "competitors": len(cell),
                "winner": leader["optimizer"] if finished else "",
                "schedule": leader["schedule"] if finished else "",
                "lr": leader["lr"] if finished else np.nan,
                "judged_by": lead["judged_by"],
                "final": _shown(lead["median"], lead["judged_by"]),
                "seeds": leader["seeds"],
                "tied": int(level.sum()),
                "tied_with": "; ".join(names[level].iloc[1:]),
                "solved": bool(solved),
                "runner_up": behind.iloc[0] if len(behind) else "",
                "runner_up_final": _shown(second, lead["judged_by"]),
                "test": leader["test"],
                # The one in the middle: infinities allow no average.
                "detectable": cell["detectable"].dropna().quantile(0.5, interpolation="higher"),
                "unit": leader["unit"],
                "fastest": names[quickest.idxmin()] if met else "",
                "metric": leader["metric"],
                "target": leader["target"],
                "fastest_steps": quickest.min(),
            }
        )
    names = [*SETTING, "competitors", "winner", "schedule", "lr", "judged_by", "final", "seeds", "tied", "tied_with"]
    names += ["solved", "runner_up", "runner_up_final", "test", "detectable", "unit", "fastest", "metric", "target"]
    names += ["fastest_steps"]
    return pd.DataFrame(rows, columns=names)


def _accuracy(chosen: pd.DataFrame, codes: np.ndarray, size: int) -> list[np.ndarray]:
    """Median, upper and lower quartile of the final accuracy; a failed run is infinitely bad, NaN where unmeasured."""
    accuracy = numbers(chosen, "accuracy_final")
    problems = chosen["problem"][~np.isnan(accuracy)].unique()
    measured = pd.Series(chosen["problem"].isin(problems)).groupby(codes).any().to_numpy(bool)
    # Negated, so that the one rule "NaN and failure are +inf" makes them the worst here too.
    cost = np.where(failed(chosen), np.inf, -accuracy)
    return [np.where(measured, -values, np.nan) for values in median_iqr(cost, codes, size)]


def _hardest_met(cells: pd.DataFrame) -> pd.DataFrame:
    """Each cell's figures for the hardest target that any cell of its setting met, or the easiest where none did."""
    level = cells.assign(level=difficulty(cells))
    met = level[level["successes"] > 0].groupby(list(SETTING))["level"].max().rename("met")
    easiest = level.groupby(list(SETTING))["level"].min().rename("easiest")
    level = level.merge(easiest.to_frame().join(met), on=list(SETTING))
    level = level[level["level"] == level["met"].fillna(level["easiest"])].drop_duplicates(list(KEY))
    level = level.rename(columns={"steps_median": "steps_to_target"})
    return level[[*KEY, "metric", "target", "success_rate", "ert", "steps_to_target"]]


def _wide(cells: pd.DataFrame) -> pd.DataFrame:
    """One column a target, easiest first."""
    order = cells[["metric", "target"]].drop_duplicates()
    order = order.iloc[np.lexsort((difficulty(order), order["metric"]))]
    codes, wide = group_codes(cells, KEY)
    median = numbers(cells, "steps_median")
    for metric, target in order.itertuples(index=False):
        own = ((cells["metric"] == metric) & (cells["target"] == target)).to_numpy(bool)
        column = np.full(len(wide), np.nan)
        column[codes[own]] = median[own]
        wide[f"steps_to_{metric}_{target:.15g}"] = column
    return wide


def _cost(table: pd.DataFrame) -> pd.DataFrame:
    """What cells are ranked by, less being better: quantiles of minus accuracy, of the gap or of the loss."""
    floor = table["loss_floor"].fillna(0.0)
    # One measure a setting: a cell whose every run failed before it could measure is judged like its neighbours.
    by_accuracy = table["accuracy_final"].notna().groupby([table[name] for name in SETTING]).transform("any")
    cost = table[["optimizer", "schedule", "steps_to_target"]].copy()
    for name, loss, accuracy in (("median", "", ""), ("q25", "_q25", "_q75"), ("q75", "_q75", "_q25")):
        missing = -table[f"accuracy_final{accuracy}"].fillna(-np.inf)
        cost[name] = (table[f"loss_final{loss}"] - floor).mask(by_accuracy, missing)
    known = np.where(table["loss_floor"].notna(), "gap", "loss_final")
    cost["judged_by"] = np.where(by_accuracy, "accuracy_final", known)
    return cost


def _shown(cost: float, judged_by: str) -> float:
    return -cost if judged_by == "accuracy_final" else cost
