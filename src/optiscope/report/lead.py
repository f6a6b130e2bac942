"""What a report says first: which pair to take, how sure that is, what it costs, where it fails. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..metrics import escape_markdown, number, to_markdown
from .page.evidence import Evidence, Group
from .page.verdict import Fact, Recommendation, recommendations

PAIRS = 8
FACTS = 3


def lead(evidence: Evidence) -> list[str]:
    """Blocks of Markdown: a paragraph and a short table for each group of settings that has somebody to recommend."""
    groups = {group.name: group for group in evidence.groups}
    return [block for one in recommendations(evidence) for block in _told(one, groups[one.kind])]


def _told(one: Recommendation, group: Group) -> list[str]:
    name = escape_markdown(f"{one.optimizer} + {one.schedule}")
    lines = [f"**On {escape_markdown(one.kind)}: {name}.** {escape_markdown(one.summary)}"]
    near = f" Not told from it: {len(one.rivals)} of {one.pairs - 1}." if one.rivals else ""
    rows = [f"- How sure: {one.confidence}. {escape_markdown(one.reason)}{near}"]
    rows += [f"- What it costs: {_some(one.cost)}"] if one.cost else []
    where = f"in {len(one.fails)} of {group.settings} settings: {_some(one.fails)}"
    rows.append(f"- Where it fails: {where if one.fails else 'nowhere in this study.'}")
    blocks = [*lines, "\n".join(rows)]
    return [*blocks, to_markdown(_first(group), infinite="all"), NOTE] if one.pairs > 1 else blocks


NOTE = (
    "Undone: the share of the way from the start to the last target, on a logarithmic scale, that the middle half of a "
    "pair's runs left, with a 95% interval by bootstrap. Beats the first: the chance that a run of it is better than "
    "one of the first row's."
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
