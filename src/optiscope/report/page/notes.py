"""Markdown into HTML, for what the Markdown report says already; and the findings of an audit as plain rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from markupsafe import Markup

from ...audit import some


def as_html(blocks: Iterable[str]) -> Markup:
    """Blocks of our own Markdown as HTML; whatever looks like HTML in them stays text.

    >>> print(as_html(["### Seeds", "<script> & *three*"]))
    <h3>Seeds</h3>
    <p>&lt;script&gt; &amp; <em>three</em></p>
    <BLANKLINE>
    """
    from markdown_it import MarkdownIt

    # No HTML, and no links either: nothing that a study is called may lead anywhere.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "autolink", "image"])
    return Markup(reader.render("\n\n".join(blocks)))


def audit_rows(found: pd.DataFrame | None) -> list[dict[str, Any]]:
    """One row a finding, the worst first."""
    if found is None:
        return []
    order = found["verdict"].map({"fail": 0, "warn": 1, "pass": 2})
    rows = found.loc[order.sort_values(kind="stable").index].to_dict("records")
    return [row | {"where": some(row["where"]), "rows": some(row["rows"])} for row in rows]
