"""The record that rules read, cut into the settings within which runs are compared. Imports metrics and pandas."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from .. import metrics
from ..catalogues.optimizers import OPTIMIZERS
from ..metrics.cells import competitors, group_codes, one_row_a_run
from ..metrics.rates import rates_of

Level = Literal["pass", "warn", "fail"]
MOST_IDS = 500  # a finding about more rows is one about whole cells, and these it names


@dataclass(frozen=True)
class Finding:
    """What one rule found: `rows` names who is meant (`Adam + StepLR`), `runs` counts their rows in the runs frame.

    `run_ids` are these rows, all of them or none: none where they are too many to list, or where what is meant is what
    lacks. `where` names the settings, `do` is what would make the rule pass; both are empty where it passes. A rule is
    `idle` where it passes because nothing in the record could break it.
    """

    level: Level
    text: str
    where: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    runs: int = 0
    do: str = ""
    idle: bool = False
    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule: its name, its number in the method's list, what is true where it passes, and what looks for breaches.

    `instead` gives another finding where the record holds nothing, or less, of what `good` speaks of, and else None.
    """

    name: str
    number: int
    good: str
    breaches: Callable[[Record], Iterator[Finding]]
    instead: Callable[[Record], Finding | None]

    def passed(self, record: Record) -> Finding:
        """What is said where no breach was found."""
        return self.instead(record) or Finding("pass", self.good)


@dataclass(frozen=True)
class Setting:
    """The runs that are set against each other: of one problem, start, horizon, dtype and device.

    `results` are its result rows, `tuning` the search's rows of the problem, at any horizon, and `rates` what
    `metrics.shown_rates` says of its cells; all three have a column `cell`, the name of optimizer and schedule.
    """

    name: str
    key: tuple
    results: pd.DataFrame
    tuning: pd.DataFrame
    rates: pd.DataFrame
    shown: pd.DataFrame

    @property
    def steps(self) -> int:
        """The horizon."""
        return int(self.results["steps"].iloc[0])


@dataclass
class Record:
    """The runs frame, and what a store keeps beside it: searches, provenance by id, verdicts on tiers by key."""

    runs: pd.DataFrame
    searches: Sequence[Mapping[str, Any]] = ()
    provenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    table: pd.DataFrame | None = None  # the comparison of these runs, where it is at hand

    def __post_init__(self) -> None:
        self.runs = one_row_a_run(self.runs)
        self.runs = self.runs.assign(cell=competitors(self.runs).astype(str))

    @functools.cached_property
    def settings(self) -> list[Setting]:
        """Every setting that has results."""
        results = self.runs[self.runs["purpose"] == "result"].reset_index(drop=True)
        tuning = self.runs[self.runs["purpose"] == "tuning"]
        if results.empty:
            return []
        rates = rates_of(self.comparison)
        rates = rates.assign(cell=competitors(rates).astype(str))
        # Text against a million texts: `isin` would look at them one by one in Python.
        known = pd.Index(metrics.shown_runs(self.runs, rates)["run_id"])
        shown = known.get_indexer(pd.Index(results["run_id"])) >= 0
        codes, keys = group_codes(results, metrics.SETTING)
        of_rate = rates.merge(keys.reset_index(names="_setting"), on=list(metrics.SETTING))["_setting"].to_numpy()
        names = metrics.setting_names(keys)
        by_problem = dict(tuple(tuning.groupby("problem", sort=False)))
        found = []
        for i, key in enumerate(keys.itertuples(index=False, name=None)):
            here = codes == i
            searched = by_problem.get(key[0], tuning.iloc[:0])
            found.append(Setting(names[key], key, results[here], searched, rates[of_rate == i], results[here & shown]))
        return found

    @functools.cached_property
    def comparison(self) -> pd.DataFrame:
        """The comparison of these runs."""
        return metrics.comparison(self.runs.drop(columns="cell")) if self.table is None else self.table

    @functools.cached_property
    def ranking(self) -> pd.DataFrame:
        """Who won each setting, as a report says it."""
        return metrics.ranking(self.comparison)


def breach(
    level: Level, setting: Setting | str, text: str, rows: pd.DataFrame | Iterable[str], do: str, runs: int = 0
) -> Finding:
    """A finding about some rows of a frame that has a column `cell`, or about somebody by name."""
    name = setting if isinstance(setting, str) else setting.name
    if isinstance(rows, pd.DataFrame):
        frame: pd.DataFrame = rows
        ids = frame["run_id"].tolist() if "run_id" in frame.columns else []
        count = runs or len(ids)
        listed = tuple(map(str, ids)) if count == len(ids) <= MOST_IDS else ()
        return Finding(level, text, (name,), tuple(sorted(set(frame["cell"]))), count, do, run_ids=listed)
    return Finding(level, text, (name,), tuple(rows), runs, do)


def merged(found: Iterable[Finding]) -> list[Finding]:
    """Findings that say the same of several settings as one, the worst first."""
    together: dict[tuple[str, ...], Finding] = {}
    for one in found:
        key = (one.level, one.text, one.do)
        if key in together:
            before = together[key]
            rows = tuple(dict.fromkeys([*before.rows, *one.rows]))
            runs, listed = before.runs + one.runs, (*before.run_ids, *one.run_ids)
            listed = listed if len(listed) == runs <= MOST_IDS else ()
            where = (*before.where, *one.where)
            one = Finding(one.level, one.text, where, rows, runs, one.do, run_ids=listed)
        together[key] = one
    return sorted(together.values(), key=lambda one: ("fail", "warn", "pass").index(one.level))


def class_of(optimizer: str) -> str:
    """The import path of the class that a label of the runs frame names; what is no call is taken by its name.

    >>> class_of("Momentum"), class_of("pytorch_optimizer.Lion(betas=(0.9, 0.99))"), class_of("mine")
    ('torch.optim.SGD', 'pytorch_optimizer.Lion', 'mine')
    """
    name = optimizer.partition("(")[0].strip()
    return next((spec.path for spec in OPTIMIZERS if spec.name == name), name)


def some(names: Iterable[object], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    listed = [str(name) for name in names]
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
