"""Which learning rate to show for a cell, and whether its search range held it. Imports pandas and NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .cells import CELL, KEY, as_categories, group_codes, one_row_a_run
from .trials import trial_scores


def best_rates(runs: pd.DataFrame, by: Sequence[str] = CELL) -> pd.DataFrame:
    """The best learning rate of each cell: the least median, over seeds, of the final loss.

    Where the problem measures a validation loss, that is judged. A rate tried with several settings of other arguments,
    as a random search may, stands for the best of them.

    A run that diverged or failed counts as infinite, so a rate at which half the seeds diverge cannot win. Equal scores
    go to the smaller rate, the one with more room before divergence. Where a cell has rows of purpose `"tuning"`, these
    alone choose: what a rate was chosen on is not what it is judged on.

    Returns:
        One row a cell: `by`, `lr`, `score`, `edge` (`"low"` or `"high"` where the winner is the end of its range, which
        should then be extended; `""` inside, or where there was one rate), `trials` (distinct settings), `seeds`,
        `lr_low`, `lr_high`, `chosen_on`. Where every rate diverged, the score is infinite and the smallest rate stands.
    """
    runs = one_row_a_run(runs)
    tuned, _ = group_codes(runs, by)
    tuning = (runs["purpose"] == "tuning").to_numpy(bool)
    searched = np.isin(tuned, tuned[tuning])
    pool = runs.rows(tuning | ~searched)

    codes, rates = group_codes(pool, (*by, "lr", "hyperparameters"))
    rates = rates.join(trial_scores(pool, codes, len(rates))[["score", "seeds"]])
    best = rates.sort_values([*by, "score", "lr"]).drop_duplicates(list(by)).reset_index(drop=True)

    spread = rates.groupby(list(by), sort=True, dropna=False)["lr"]
    _, cells = group_codes(pool, by)
    cells = cells.assign(
        trials=spread.size().to_numpy(), lr_low=spread.min().to_numpy(), lr_high=spread.max().to_numpy()
    )
    best = best.merge(cells, on=list(by))
    best["edge"] = edges(best)
    _, purposes = group_codes(pool, (*by, "purpose"))
    best["chosen_on"] = best.merge(purposes, on=list(by))["purpose"].to_numpy()
    return best[[*by, "lr", "score", "edge", "trials", "seeds", "lr_low", "lr_high", "chosen_on"]]


def edges(rates: pd.DataFrame) -> np.ndarray:
    """`"low"`, `"high"` or `""`: which end of `lr_low … lr_high` each `lr` sits on."""
    wide = rates["lr_low"] < rates["lr_high"]
    low, high = wide & (rates["lr"] <= rates["lr_low"]), wide & (rates["lr"] >= rates["lr_high"])
    return np.select([low, high], ["low", "high"], "")


def shown_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """The rate at which each cell's results are shown, with the search that led to it.

    The tuned rate where results were run at it, else the best among the results' own rates. Trials are matched by
    problem, optimizer, schedule and steps: a search at another horizon says nothing about this one.

    Returns:
        The cell's columns, `lr`, `chosen_on` (`"tuning"`; `"result"`: picked among the results themselves, which
        flatters; `"fixed"`: one rate, no search), `edge`, `trials`, `lr_low`, `lr_high`.
    """
    runs = as_categories(one_row_a_run(runs), (*KEY, "hyperparameters", "purpose", "status"))
    results = runs.rows(runs["purpose"] == "result")
    horizon = [*CELL, "steps"]
    own = best_rates(results, KEY)
    tuned = best_rates(runs.rows(runs["purpose"] == "tuning"), horizon)
    _, tried = group_codes(results, (*KEY, "lr"))
    tried = tried.merge(tuned[[*horizon, "lr"]], on=[*horizon, "lr"])
    table = own.merge(tuned, on=horizon, how="left", suffixes=("", "_tuned")).merge(
        tried.rename(columns={"lr": "lr_both"}), on=list(KEY), how="left"
    )
    searched = table["lr_tuned"].notna()
    table["chosen_on"] = np.select(
        [table["lr_both"].notna() | (searched & (table["trials"] == 1)), table["trials"] > 1],
        ["tuning", "result"],
        "fixed",
    )
    table["lr"] = table["lr_both"].fillna(table["lr"])
    for name in ("trials", "lr_low", "lr_high"):
        table[name] = table[f"{name}_tuned"].where(searched, table[name])
    # A fixed rate was not searched for: no range, no trials.
    fixed = table["chosen_on"] == "fixed"
    table["trials"] = table["trials"].mask(fixed, 0).astype("int64")
    table["edge"] = edges(table)
    return table[[*KEY, "lr", "chosen_on", "edge", "trials", "lr_low", "lr_high"]]


def rates_of(table: pd.DataFrame) -> pd.DataFrame:
    """What `shown_rates` gives, out of a `comparison` of the same runs, which holds it."""
    rates = table[[*KEY, "lr", "chosen_on", "edge", "trials", "lr_low", "lr_high"]]
    return rates.sort_values(list(KEY), ignore_index=True)


def shown_runs(runs: pd.DataFrame, rates: pd.DataFrame | None = None) -> pd.DataFrame:
    """The rows of purpose `"result"` at the rate at which `comparison` shows their cell.

    `rates` is what `shown_rates` gave for the same runs, where that is at hand.
    """
    runs = one_row_a_run(runs)
    results = runs[runs["purpose"] == "result"]
    if results.empty:
        return results
    known = (shown_rates(runs) if rates is None else rates)[[*KEY, "lr"]]
    codes, keys = group_codes(results, (*KEY, "lr"))
    shown = keys.merge(known.assign(shown=True), on=[*KEY, "lr"], how="left")["shown"].notna().to_numpy()
    return results[shown[codes]].reset_index(drop=True)
