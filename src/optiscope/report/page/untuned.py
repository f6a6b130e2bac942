"""The column with no tuning at all: every optimizer at its default rate, beside what tuning made of it. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ... import metrics
from ...audit import at_default
from ...metrics.rate_curves import PLAIN

if TYPE_CHECKING:
    from .evidence import Evidence, Group

COLUMNS = (
    "group", "optimizer", "iqm", "low", "high", "runs", "failed", "tuned", "best", "schedule",
)  # fmt: skip


def untuned(evidence: Evidence) -> pd.DataFrame:
    """One row a group and optimizer that ran at its default and constant rate in every setting of the group.

    Columns: `group` (its number), `optimizer`; the interquartile mean of the shortfall at the default rate (`iqm`, with
    `low` and `high`), `runs`, `failed`; the same mean of the tuned constant rate (`tuned`) and of its best schedule,
    tuned (`best`, `schedule`). Best first. Empty where no rate was found by a search.
    """
    results = evidence.results
    plain = results[results["schedule"] == PLAIN]
    rows = plain[at_default(plain).to_numpy(bool)] if len(plain) else plain
    if rows.empty or not (evidence.table["chosen_on"] == "tuning").any():
        return pd.DataFrame(columns=list(COLUMNS))
    costs = metrics.costs(rows.drop(columns="competitor"))
    parts = [_of_group(i, group, costs) for i, group in enumerate(evidence.groups)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _of_group(number: int, group: Group, costs: pd.DataFrame) -> pd.DataFrame:
    own = costs.merge(group.costs[list(metrics.SETTING)].drop_duplicates(), on=list(metrics.SETTING))
    settings = own[["optimizer", *metrics.SETTING]].drop_duplicates().groupby("optimizer").size()
    own = own[own["optimizer"].isin(settings.index[settings == group.settings])]
    if own.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    means = metrics.interquartile_mean(own, ("optimizer",))
    ranking = group.ranking
    constant = ranking[ranking["schedule"] == PLAIN].set_index("optimizer")["iqm"]
    best = ranking.drop_duplicates("optimizer").set_index("optimizer")
    means = means.assign(
        group=number, tuned=means["optimizer"].map(constant), best=means["optimizer"].map(best["iqm"]),
        schedule=means["optimizer"].map(best["schedule"]).fillna(""),
    )  # fmt: skip
    return means[list(COLUMNS)].sort_values(["iqm", "optimizer"], ignore_index=True)
