"""What a report says first: which pair to take, how sure that is, what it costs, where it fails. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..metrics import escape_markdown, number, to_markdown
from .page.evidence import Evidence, Group
from .page.verdict import Fact, Recommendation, recommendations

PAIRS = 8
FACTS = 4


def lead(evidence: Evidence) -> list[str]:
    """Blocks of Markdown: a paragraph and a short table for each group of settings that has somebody to recommend."""
    groups = {group.name: group for group in evidence.groups}
    blocks = [block for one in recommendations(evidence) for block in _told(one, groups[one.kind])]
    blocks += [NOTE] * any(len(group.ranking) > 1 for group in evidence.groups) if blocks else []
    if len(evidence.untuned):
        blocks += ["<details>\n<summary>With no tuning at all: every optimizer at its default rate</summary>"]
        for i, group in enumerate(evidence.groups):
            rows = evidence.untuned[evidence.untuned["group"] == i]
            blocks += [f"On {escape_markdown(group.name)}:", to_markdown(_defaults(rows))] if len(rows) else []
        blocks += [UNTUNED, "</details>"]
    return blocks


def _told(one: Recommendation, group: Group) -> list[str]:
    name = escape_markdown(f"{one.optimizer} + {one.schedule}")
    lines = [f"**On {escape_markdown(one.kind)}: {name}.** {escape_markdown(one.summary)}"]
    near = f" Not told from it: {len(one.rivals)} of {one.pairs - 1}." if one.rivals else ""
    rows = [f"- How sure: {one.confidence}. {escape_markdown(one.reason)}{near}"]
    rows += [f"- What it costs: {_some(one.cost)}"] if one.cost else []
    rows += [f"- {escape_markdown(one.untuned)}"] if one.untuned else []
    where = f"in {len(one.fails)} of {group.settings} settings: {_some(one.fails)}"
    rows.append(f"- Where it fails: {where if one.fails else 'nowhere in this study.'}")
    blocks = [*lines, "\n".join(rows)]
    return [*blocks, to_markdown(_first(group), infinite="all")] if one.pairs > 1 else blocks


NOTE = (
    "Undone: the share of the way from the start to the last target, on a logarithmic scale, that the middle half of a "
    "pair's runs left, with a 95% interval by bootstrap. Beats the first: the chance that a run of it is better than "
    "one of the first row's."
)
UNTUNED = "Undone as above. Tuned: the same optimizer at the rate that the search found."


def _defaults(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Optimizer": rows["optimizer"],
            "Undone at its default": [_share(value) for value in rows["iqm"]],
            "Interval": [f"{_share(a)} … {_share(b)}" for a, b in zip(rows["low"], rows["high"], strict=True)],
            "Failed": [f"{lost}/{runs}" for lost, runs in zip(rows["failed"], rows["runs"], strict=True)],
            "Tuned, constant": [_share(value) for value in rows["tuned"]],
            "Tuned, best schedule": [
                f"{_share(value)} ({name})" if name else "–"
                for value, name in zip(rows["best"], rows["schedule"], strict=True)
            ],
        }
    )


def _first(group: Group) -> pd.DataFrame:
    table = group.ranking.head(PAIRS)
    return pd.DataFrame(
        {
            "Pair": table["competitor"],
            "Undone": [_share(value) for value in table["iqm"]],
            "Interval": [f"{_share(a)} … {_share(b)}" for a, b in zip(table["low"], table["high"], strict=True)],
            "Mean rank": [number(float(value)) for value in table["rank"].round(1)],
            "Beats the first": ["–" if value != value else _share(value) for value in table["beats_probability"]],
            "Failed": [f"{lost}/{runs}" for lost, runs in zip(table["failed"], table["runs"], strict=True)],
        }
    )


def _share(value: float) -> str:
    return f"{100 * value:.0f}%" if abs(value) < float("inf") else "all (failed)" if value == value else "–"


def _some(facts: Sequence[Fact]) -> str:
    told = "; ".join(escape_markdown(fact.words) for fact in facts[:FACTS])
    return told + (f"; and {len(facts) - FACTS} more, in report.html" if len(facts) > FACTS else "") + "."
