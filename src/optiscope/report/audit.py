"""The audit as a section of a page: what failed and what warns in a table, what passes in a line. No torch."""

from __future__ import annotations

import pandas as pd

from ..audit import some, told
from ..metrics import escape_markdown, to_markdown


def audit_told(found: pd.DataFrame) -> list[str]:
    """Blocks of Markdown, out of the frame that `audit.findings` gives."""
    bad = found[found["verdict"] != "pass"]
    blocks = [told(found)]
    if len(bad):
        order = bad["verdict"].map({"fail": 0, "warn": 1})
        blocks.append(to_markdown(_shown(bad.loc[order.sort_values(kind="stable").index])))
    passed = found.loc[found["verdict"] == "pass"].sort_values("idle", kind="stable")
    if len(passed):
        lines = [f"- {escape_markdown(row.rule)}: {escape_markdown(row.finding)}" for row in passed.itertuples()]
        blocks += [f"<details>\n<summary>{len(lines)} that passed</summary>", "\n".join(lines), "</details>"]
    return blocks


def _shown(found: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "": row.verdict,
            "Rule": row.rule,
            "Finding": row.finding,
            "Where": some(row.where),
            "Rows": some(row.rows) + (f" ({row.runs} runs)" if row.runs > 1 else ""),
            "What to do": row.do,
        }
        for row in found.itertuples()
    ]
    return pd.DataFrame(rows)
