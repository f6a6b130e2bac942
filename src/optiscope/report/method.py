"""How a study was measured, out of its own rows: what a reader needs before believing the tables. No torch."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pandas as pd

from .. import metrics
from ..metrics import escape_markdown, number, to_markdown
from .tables import TIE_RULE, target_name

LISTED = 20


def how_it_was_measured(runs: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Blocks of Markdown: the protocol, the switches of a step, the targets, how runs ended, the notes."""
    switched = training_steps(runs)
    blocks = [
        "### Search and evaluation",
        to_markdown(protocol(runs, table)) if len(table) else "There is a search, and no evaluation yet.",
        *(["### Training step", bullets(switched)] if switched else []),
        "### Places and ties",
        escape_markdown(
            f"Best median first. A place is shared by all {TIE_RULE}. Every table, the page and the audit hold to it."
        ),
        "### Targets",
        to_markdown(_targets(runs)),
        "Set before the runs. A run that misses one counts as never, and stays in the table.",
        "### How runs ended",
        to_markdown(_statuses(runs)),
        "max\\_steps: ran to its last step. A search is meant to find the rates that diverge.",
    ]
    told = notes(runs)
    return [*blocks, "### Notes and failures", bullets(told)] if told else blocks


def protocol(runs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """One row a setting: the search range, the trials, the seeds of search and evaluation, horizon, dtype, engine."""
    rows = []
    purposes = dict(tuple(runs.groupby("purpose")))
    cells_of, results_of = (
        dict(tuple(part.groupby(list(metrics.SETTING), sort=False)))
        for part in (table, purposes.get("result", runs[:0]))
    )
    searches = purposes.get("tuning", runs[:0])
    trials_of = dict(tuple(searches.groupby(["problem", "steps"], sort=False)))
    for setting, name in metrics.setting_names(table).items():
        cells, results = cells_of[setting], results_of[setting]
        tuning = trials_of.get((setting[0], results["steps"].iloc[0]), searches[:0])
        searched = cells[cells["trials"] > 0]
        rows.append(
            {
                "Problem": name,
                "Steps": int(results["steps"].iloc[0]),
                "Start": results["start"].iloc[0],
                "Rates searched": _span(searched["lr_low"].min(), searched["lr_high"].max())
                if len(searched)
                else "none",
                "Trials a cell": _whole(cells["trials"]),
                "Search seeds": _seeds(tuning["seed"]),
                "Evaluation seeds": _seeds(results["seed"]),
                "dtype": results["dtype"].iloc[0],
                "Device": results["device"].iloc[0],
                "Engine": ", ".join(sorted(set(results["engine"]))),
            }
        )
    return pd.DataFrame(rows)


def training_steps(runs: pd.DataFrame) -> list[str]:
    """What was asked of a training step besides the plain loop's (clipping, accumulation, …), and on which problems."""
    where: dict[str, set[str]] = defaultdict(set)
    for row in runs[runs["events"].fillna("").str.contains('"training"', regex=False)].itertuples():
        for event in _events(row) or ():
            if event.get("kind") == "training":
                where[str(event.get("text", ""))].add(str(row.problem))
    return [f"{escape_markdown(text)} (on {_some(sorted(on))})" for text, on in sorted(where.items())]


def notes(runs: pd.DataFrame) -> list[str]:
    """What the engine noted (a schedule that never acted, …) and why runs diverged or failed, counted."""
    seen: dict[tuple[str, str], int] = defaultdict(int)
    where: dict[tuple[str, str], set[str]] = defaultdict(set)
    told = runs["status"].isin(["diverged", "error"]) | runs["events"].fillna("").str.contains('"note"', regex=False)
    for row in runs[told].itertuples():
        for key in sorted(set(_told(row))):
            seen[key] += 1
            where[key].add(str(row.problem))
    lines = []
    order = ("error", "note", "diverged")
    for (kind, text), count in sorted(seen.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0][1])):
        on = _some(sorted(where[kind, text]))
        lines.append(f"{kind}: {escape_markdown(text)} ({count} run{'s' if count > 1 else ''}, on {on})")
    return lines


def bullets(lines: list[str]) -> str:
    """A Markdown list, cut after twenty lines with a count of the rest."""
    rest = [f"- and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return "\n".join([*(f"- {line}" for line in lines[:LISTED]), *rest])


def _told(row: Any) -> Iterable[tuple[str, str]]:
    """(kind, text) of what a runs row has to say."""
    cell = f"{row.optimizer} + {row.schedule}"
    # A search is meant to find the rates that diverge: only results are named.
    if row.status == "diverged" and row.purpose == "result":
        yield "diverged", cell
    if row.status == "error":
        first = str(row.error or "").strip().splitlines()
        yield "error", f"{cell}: {first[0] if first else 'no message'}"
    events = _events(row)
    if events is None:
        yield "error", f"{cell}: its events are not JSON"
    for event in events or ():
        if event.get("kind") == "note":
            yield "note", str(event.get("text", ""))


def _events(row: Any) -> list[dict[str, Any]] | None:
    """The events of a runs row; None where they are not JSON."""
    try:
        return json.loads(row.events) if isinstance(row.events, str) and row.events else []
    except ValueError:
        return None


def _targets(runs: pd.DataFrame) -> pd.DataFrame:
    levels = metrics.targets_for(runs)
    sets: dict[str, list[str]] = defaultdict(list)
    for problem, some in levels.groupby("problem", sort=True):
        pairs = some[["metric", "target"]].itertuples(index=False, name=None)
        sets[", ".join(target_name(*pair) for pair in pairs)].append(str(problem))
    without = sorted(set(runs["problem"]) - set(levels["problem"]))
    rows = [{"Problems": ", ".join(problems), "Targets": text} for text, problems in sets.items()]
    return pd.DataFrame(rows + ([{"Problems": ", ".join(without), "Targets": "none"}] if without else []))


def _statuses(runs: pd.DataFrame) -> pd.DataFrame:
    counts = runs.groupby(["purpose", "status"]).size().unstack(fill_value=0)
    counts.insert(0, "runs", counts.sum(axis=1))
    return counts.rename_axis(columns=None).reset_index().rename(columns={"purpose": "Purpose", "runs": "Runs"})


def _seeds(seeds: pd.Series) -> str:
    values = sorted(set(seeds.tolist()))
    if not values:
        return "none"
    whole = values == list(range(values[0], values[-1] + 1))
    return (
        f"{len(values)}: {values[0]} … {values[-1]}" if whole and len(values) > 2 else f"{len(values)}: {_some(values)}"
    )


def _span(low: float, high: float) -> str:
    return number(float(low)) if low == high else f"{number(float(low))} … {number(float(high))}"


def _whole(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return str(low) if low == high else f"{low} … {high}"


def _some(names: Iterable[object], most: int = 5) -> str:
    names = [escape_markdown(str(name)) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
