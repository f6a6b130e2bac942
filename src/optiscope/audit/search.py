"""Rules about how rates and arguments were found. Imports metrics and pandas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from ..metrics import number
from ..naming import as_optimizer
from .record import Finding, Record, Setting, breach, some

# Arguments of torch's schedules that say when they end.
HORIZONS = ("T_max", "total_steps", "total_iters", "steps")


def budget_parity(record: Record) -> Iterator[Finding]:
    """Every cell of a setting had the same number of trials, on the same number of seeds."""
    do = "give every cell the same number of trials and tuning seeds"
    for one in record.settings:
        tried = one.rates[one.rates["trials"] > 0]
        counts = tried["trials"]
        if counts.nunique() > 1:
            least = tried[counts < counts.max()]
            text = f"{int(counts.min())} to {int(counts.max())} trials a cell"
            yield breach("fail", one, text, least, do)
        seeds = _at_horizon(one).groupby("cell")["seed"].nunique()
        seeds = seeds[seeds.index.isin(tried["cell"])]
        if seeds.nunique() > 1:
            text = f"trials on {seeds.min()} to {seeds.max()} tuning seeds"
            yield breach("fail", one, text, sorted(seeds.index[seeds < seeds.max()]), do)
        fixed = one.rates[(one.rates["trials"] == 0) & ~at_default(one.rates)]
        if len(tried) and len(fixed):
            text = "a rate that was not searched for stands beside rates that were"
            yield breach("warn", one, text, fixed, "tune these cells as well, or run them at their default rate")


def same_range(record: Record) -> Iterator[Finding]:
    """Every cell of a setting was searched over the same range of rates."""
    declared = {_cell_key(search): search for search in record.searches}
    for one in record.settings:
        spans: dict[str, list[str]] = {}
        for row in one.rates[one.rates["trials"] > 0].itertuples():
            search = declared.get((row.problem, row.optimizer, row.schedule, row.start, row.steps))
            if search is not None:
                span = json.dumps(search["space"].get("lr"), sort_keys=True)
            else:
                span = f"{number(row.lr_low)} … {number(row.lr_high)}"
            spans.setdefault(span, []).append(str(row.cell))
        if len(spans) > 1:
            usual = max(spans, key=lambda span: len(spans[span]))
            others = [cell for span, cells in spans.items() if span != usual for cell in cells]
            text = f"rates were searched over {len(spans)} ranges: {some(spans, 3)}"
            yield breach("fail", one, text, others, "search one and the same range for every cell of a problem")


def edges(record: Record) -> Iterator[Finding]:
    """No winner of a search sits on the end of its range."""
    declared = {_cell_key(search): search for search in record.searches}
    winners = {tuple(row[:5]): f"{row.winner} + {row.schedule}" for row in record.ranking.itertuples(index=False)}
    for one in record.settings:
        at: dict[tuple[str, str], list[str]] = {}
        for row in one.rates.itertuples():
            search = declared.get((row.problem, row.optimizer, row.schedule, row.start, row.steps))
            found = search["edges"] if search is not None else {"lr": row.edge} if row.edge else {}
            for name, side in found.items():
                at.setdefault((name, side), []).append(str(row.cell))
        for (name, side), cells in at.items():
            ends = one.rates[one.rates["cell"].isin(cells)]
            end = ends["lr_low"].min() if side == "low" else ends["lr_high"].max()
            told = f" ({number(float(end))})" if name == "lr" else ""
            won = winners.get(one.key) in cells
            text = f"the {side}est {name} searched{told} won" + (", for the winner of the problem, too" if won else "")
            do = "widen the range until its ends lose, or state the bound as part of the result"
            yield breach("fail" if won else "warn", one, text, cells, do)


def tuning_seeds(record: Record) -> Iterator[Finding]:
    """What a rate was chosen on is not what it is judged on."""
    for one in record.settings:
        shared = set(one.tuning["seed"]) & set(one.results["seed"])
        if shared:
            rows = one.results[one.results["seed"].isin(shared)]
            text = f"{len(shared)} seed(s) served both the search and the evaluation: {some(sorted(shared))}"
            yield breach("fail", one, text, rows, "evaluate on seeds that no search has used")
        picked = one.rates[one.rates["chosen_on"] == "result"]
        if len(picked):
            text = "the rate was picked among the results themselves, which flatters it"
            yield breach("fail", one, text, picked, 'search rates on tuning seeds (lr = "tune")')


def horizon(record: Record) -> Iterator[Finding]:
    """Rates were found, and schedules end, at the horizon that is shown."""
    for one in record.settings:
        searched = one.tuning.groupby("cell")["steps"].agg(set)
        wrong = [cell for cell in one.rates["cell"] if cell in searched.index and one.steps not in searched[cell]]
        if wrong:
            lengths = sorted(set().union(*(searched[cell] for cell in wrong)))
            text = f"rates were searched at {some(lengths)} steps and drawn at {one.steps}"
            yield breach("fail", one, text, wrong, "tune and draw one and the same number of steps")
        yield from _ends_elsewhere(one)
        idle = one.results[one.results["events"].fillna("").str.contains("never acts", regex=False)]
        if len(idle):
            text = "the schedule never acts within the run: it is the constant rate by another name"
            yield breach("warn", one, text, idle, "give the schedule arguments that fit the horizon")


def untuned(record: Record) -> Iterator[Finding]:
    """Beside what was tuned stands every optimizer at its default rate."""
    for one in record.settings:
        if not (one.rates["trials"] > 0).any():
            continue
        rows = one.results.drop_duplicates(["optimizer", "schedule", "lr"])
        there = set(rows.loc[at_default(rows).to_numpy(), "optimizer"])
        lacking = [name for name in dict.fromkeys(one.rates["optimizer"]) if name not in there]
        if lacking:
            text = "no run at the default rate, which says what an untuned optimizer does"
            yield breach("warn", one, text, lacking, 'add a block with lr = "default"')


def _ends_elsewhere(one: Setting) -> Iterator[Finding]:
    """Of a function every step is a tick of the schedule: an end that is not the run's is a mismatch for certain."""
    if one.results["loss_floor"].isna().all():
        return
    ends: dict[str, int] = {}
    for text in one.results["hyperparameters"].unique():
        given = json.loads(text).get("schedule", {})
        for name in HORIZONS:
            if isinstance(given.get(name), int) and given[name] != one.steps:
                ends[str(text)] = given[name]
    rows = one.results[one.results["hyperparameters"].isin(ends)]
    if len(rows):
        text = f"the schedule ends at step {some(sorted(set(ends.values())))}, the run at {one.steps}"
        yield breach("warn", one, text, rows, "let the schedule follow the run: leave its length out")


def _at_horizon(one: Setting) -> pd.DataFrame:
    return one.tuning[one.tuning["steps"] == one.steps]


def _cell_key(search: Mapping[str, Any]) -> tuple:
    return tuple(search[name] for name in ("problem", "optimizer", "schedule", "start", "steps"))


def at_default(rows: pd.DataFrame) -> pd.Series:
    """Whether each row has its optimizer's default rate; an optimizer that cannot be found has none."""
    known = {name: _default_lr(str(name)) for name in rows["optimizer"].unique()}
    default = rows["optimizer"].map(known).astype(float)
    return pd.Series(np.isclose(rows["lr"], default, rtol=1e-9), index=rows.index)


def _default_lr(optimizer: str) -> float:
    try:
        return as_optimizer(optimizer).default_lr
    except InputError:
        return float("nan")  # somebody's own class, known where the runs were made
