"""The frames of a study, and every statistic that a page shows of them, each taken once. No torch, no pictures."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ... import metrics
from ...metrics.cells import as_categories, competitors, group_codes, one_row_a_run, require
from ...metrics.rates import rates_of
from .maps import Map, ended_of, maps_of
from .parts import Parts, parts_of
from .untuned import untuned

MOST_RUNS = 50_000
SAME = (*metrics.KEY, "lr", "hyperparameters", "seed", "purpose")


@dataclass
class Evidence:
    """What a page is made of. `runs` holds tuning trials, too; `trace` may be empty, or left out.

    Raises InputError where a fixed column is missing, or a run has two different rows.
    """

    runs: pd.DataFrame
    trace: pd.DataFrame = None  # type: ignore[assignment]
    repeated: int = 0  # rows left out because a later run of the same cell and seed stands in their place
    # What was drawn of it so far, by name, each with the reason where it cannot be made.
    charts: dict[str, tuple[pd.DataFrame, str]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        runs = one_row_a_run(self.runs)
        # A store that outlived a change of the library holds both; seeds may be paired only once.
        again = as_categories(runs[list(SAME)], SAME).duplicated(keep="last").to_numpy(bool)
        self.repeated = int(again.sum())
        runs = runs[~again].reset_index(drop=True)
        self.runs = runs.assign(competitor=competitors(runs).astype(str))
        trace = pd.DataFrame(columns=["run_id", "step", "loss"]) if self.trace is None else self.trace
        require(trace, ("run_id", "step", "loss"), "trace")
        if self.repeated:
            trace = trace[trace["run_id"].isin(self.runs["run_id"])]
        self.trace = trace if "lr_t" in trace else trace.assign(lr_t=np.nan)

    @functools.cached_property
    def results(self) -> pd.DataFrame:
        """The rows of purpose `"result"`."""
        return self.runs[self.runs["purpose"] == "result"].reset_index(drop=True)

    @functools.cached_property
    def rates(self) -> pd.DataFrame:
        """The rate at which each cell is shown."""
        return rates_of(self.comparison) if len(self.results) else pd.DataFrame()

    @functools.cached_property
    def shown(self) -> pd.DataFrame:
        """The result rows at that rate."""
        return metrics.shown_runs(self.runs, self.rates) if len(self.results) else self.results

    @functools.cached_property
    def comparison(self) -> pd.DataFrame:
        """What `metrics.comparison` says of all, before anybody asks how runs ended."""
        return metrics.comparison(self.runs.drop(columns="competitor"), self.trace if len(self.trace) else None)

    @functools.cached_property
    def maps(self) -> list[Map]:
        """The ground of each two-dimensional setting."""
        return maps_of(self)

    @functools.cached_property
    def ended(self) -> pd.DataFrame:
        """How the result runs ended: run_id, verdict, step, words."""
        return ended_of(self)

    @functools.cached_property
    def memory(self) -> pd.DataFrame:
        """The optimizers' state: setting, optimizer, state_bytes, state_share (of the parameters' bytes)."""
        from .extras import memory

        return memory(self)

    @functools.cached_property
    def untuned(self) -> pd.DataFrame:
        """Every optimizer at its default rate, beside what tuning made of it."""
        return untuned(self)

    @functools.cached_property
    def compared(self) -> pd.DataFrame:
        """The comparison, with a column `ended`: how the runs of a cell ended; without it where none can be told."""
        told = metrics.endings(self.shown, self.ended) if len(self.results) else pd.DataFrame()
        if told.empty:
            return self.comparison
        table = self.comparison.merge(told, on=list(metrics.KEY), how="left")
        return table.assign(ended=table["ended"].fillna(""))

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """`compared`, with the names of settings and competitors."""
        table = self.compared
        place = {key: i for i, key in enumerate(self.settings)}
        here = table[list(metrics.SETTING)].itertuples(index=False, name=None)
        return table.assign(
            setting=np.array([place[key] for key in here], dtype=np.int64),
            competitor=competitors(table).astype(str) if len(table) else "",
        )

    @functools.cached_property
    def settings(self) -> dict[tuple, str]:
        """The name of each setting that has results."""
        return metrics.setting_names(self.results.sort_values(list(metrics.SETTING), kind="stable"))

    @functools.cached_property
    def costs(self) -> pd.DataFrame:
        """One number a shown run, less being better."""
        return metrics.costs(self.shown)

    @functools.cached_property
    def hits(self) -> pd.DataFrame:
        """When each shown run first met each target."""
        return metrics.steps_to_target(self.shown, self.trace if len(self.trace) else None)

    @functools.cached_property
    def groups(self) -> list[Group]:
        """Functions, and what has no known minimum, each with the competitors that met in most of its settings."""
        if self.costs.empty:
            return []
        known = self.results.groupby("problem")["loss_floor"].agg(lambda own: bool(own.notna().any()))
        function = self.costs["problem"].map(known).to_numpy(bool)
        parts = (("test functions", function), ("networks", ~function))
        return [_group(name, self.costs[mask]) for name, mask in parts if mask.any()]

    @functools.cached_property
    def parts(self) -> Parts:
        """The groups, and what is left of each at one budget, on one device, or both."""
        return parts_of(self.groups)

    def setting_of(self, frame: pd.DataFrame) -> np.ndarray:
        """The number of the setting of each row; -1 where it has no results (a search at another horizon)."""
        codes, keys = group_codes(frame, metrics.SETTING)
        place = {key: i for i, key in enumerate(self.settings)}
        numbers = [place.get(key, -1) for key in keys.itertuples(index=False, name=None)]
        return np.array(numbers, dtype=np.int64)[codes]


@dataclass(frozen=True)
class Group:
    """Settings in which the same competitors met: `costs` is of these alone; `of` settings of the kind there are.

    A part of a group is one, too.
    """

    name: str
    costs: pd.DataFrame
    of: int

    @functools.cached_property
    def settings(self) -> int:
        """How many settings."""
        return len(self.costs[list(metrics.SETTING)].drop_duplicates())

    @functools.cached_property
    def ranking(self) -> pd.DataFrame:
        """Mean ranks, interquartile means of the shortfall, and the chance to beat the first; best first."""
        ranks = metrics.average_ranks(self.costs)
        means = metrics.interquartile_mean(self.costs)
        names = self.costs[["competitor", "optimizer", "schedule"]].drop_duplicates()
        table = ranks.merge(means, on="competitor").merge(names, on="competitor")
        table = table.sort_values(["iqm", "rank"], kind="stable", ignore_index=True)
        leader = table["competitor"].iloc[0]
        beaten = metrics.probability_of_improvement(self.costs, leader)
        chance = beaten.set_index("competitor")[["probability", "low", "high"]].add_prefix("beats_")
        return table.join(chance, on="competitor")


def _group(name: str, costs: pd.DataFrame) -> Group:
    """Of the sets of competitors that some setting has, the one that makes the full table of the most runs."""
    code, _ = group_codes(costs, metrics.SETTING)
    sets = {one: frozenset(own) for one, own in costs["competitor"].groupby(code)}
    best = costs[:0]
    for chosen in sorted(set(sets.values()), key=sorted):
        inside = np.isin(code, [one for one, there in sets.items() if chosen <= there])
        kept = costs[inside & costs["competitor"].isin(chosen).to_numpy(bool)]
        best = max(best, kept, key=len)
    return Group(name, best.reset_index(drop=True), len(sets))
