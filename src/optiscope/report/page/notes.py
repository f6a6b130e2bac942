"""Markdown into HTML, for what the Markdown report says already; and the findings of an audit as plain rows.

Figures in either lead to runs: a place of the page's runs is a list of mappings as `verdict.Fact.runs` has them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from ...audit import some
from .evidence import Evidence

SEARCHES = ("budget parity", "same range", "winner on the edge", "tuning seeds reused", "horizon against schedule")
Where = Sequence[Mapping[str, Any]]
# heads of a table and the texts of one of its rows, or nothing and the text of one point of a list → the runs meant
Leads = Callable[[Sequence[str], Sequence[str]], Where]


def as_html(blocks: Iterable[str], leads: Leads | None = None) -> Markup:
    """Blocks of our own Markdown as HTML; whatever looks like HTML in them stays text.

    With `leads`, cells and points that have runs behind them open these.

    >>> print(as_html(["### Seeds", "<script> & *three*"]))
    <h3>Seeds</h3>
    <p>&lt;script&gt; &amp; <em>three</em></p>
    <BLANKLINE>
    """
    from markdown_it import MarkdownIt

    # No HTML, and no links either: nothing that a study is called may lead anywhere.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "autolink", "image"])
    tokens = reader.parse("\n\n".join(blocks))
    if leads is not None:
        _lead(tokens, leads)
    return Markup(reader.renderer.render(tokens, reader.options, {}))


def _lead(tokens: list[Any], leads: Leads) -> None:
    """Wrap the cells of each row, and each point of a list, in a way to their runs where there are any."""
    heads: list[str] = []
    cells: list[Any] = []
    for before, token in itertools.pairwise(tokens):
        if token.type == "thead_open":
            heads = []
        elif token.type == "inline" and before.type == "th_open":
            heads.append(_text(token))
        elif token.type == "inline" and before.type == "td_open":
            cells.append(token)
        elif token.type == "tr_close" and cells:
            where = leads(heads, [_text(cell) for cell in cells])
            for cell in cells[1:] if where else ():
                _wrap(cell, where)
            cells = []
        elif token.type == "inline" and before.type == "paragraph_open" and before.level > 1:
            where = leads([], [_text(token)])
            if where:
                _wrap(token, where)


def _text(token: Any) -> str:
    return "".join(part.content for part in token.children)


def _wrap(token: Any, where: Where) -> None:
    from markdown_it.token import Token

    runs = escape(json.dumps(list(where)))
    start = f'<span class="leads" role="button" tabindex="0" data-runs="{runs}">'
    ends = [Token("html_inline", "", 0, content=text) for text in (start, "</span>")]
    token.children = [ends[0], *token.children, ends[1]]


def method_leads(evidence: Evidence) -> Leads:
    """Which runs stand behind a row of the method's tables, or behind a note."""
    places = {" ".join(name.split()): i for i, name in enumerate(evidence.settings.values())}
    problems = set(evidence.runs["problem"].astype(str))
    pairs = sorted(set(evidence.runs["competitor"]), key=len, reverse=True)

    def leads(heads: Sequence[str], cells: Sequence[str]) -> Where:
        if not heads:
            return _noted(cells[0], pairs)
        row = dict(zip(heads, cells, strict=False))
        if heads[0] == "Purpose":
            return [{"purpose": cells[0]}]
        if heads[:3] == ["Problem", "Optimizer", "Schedule"]:
            return [{"problem": row["Problem"], "optimizer": row["Optimizer"], "schedule": row["Schedule"]}]
        if heads[0] == "Problem" and cells[0] in places:
            # The search's runs may have had another horizon: then they are of the problem and of no setting.
            key = list(evidence.settings)[places[cells[0]]]
            return [{"setting": places[cells[0]]}, {"problem": str(key[0]), "purpose": "tuning"}]
        if heads[0] == "Problems":
            named = [name for name in problems if name in re.split(r", (?![^(]*\))", cells[0])]
            return [{"problem": sorted(named)}] if named else []
        return []

    return leads


def _noted(text: str, pairs: Sequence[str]) -> Where:
    """The runs of a point such as `diverged: SGD + constant (3 runs, on beale)`."""
    kind, _, rest = text.partition(": ")
    pair = next((name for name in pairs if rest.startswith((f"{name} (", f"{name}: "))), "")
    if kind == "diverged" and pair:
        return [{"competitor": pair, "status": "diverged", "purpose": "result"}]
    if kind == "error" and pair:
        return [{"competitor": pair, "status": "error"}]
    if kind == "note":
        return [{"noted": re.sub(r" \(\d+ runs?, on .*\)$", "", rest)}]
    return []


def audit_rows(found: pd.DataFrame | None, evidence: Evidence | None = None) -> list[dict[str, Any]]:
    """One row a finding, the worst first; with the evidence, the runs that each is about."""
    if found is None:
        return []
    order = found["verdict"].map({"fail": 0, "warn": 1, "pass": 2})
    rows = found.loc[order.sort_values(kind="stable").index].to_dict("records")
    known = _known(evidence) if evidence is not None else {}
    return [row | {"where": some(row["where"]), "rows": some(row["rows"]), "runs": _meant(row, known)} for row in rows]


def _known(evidence: Evidence) -> dict[str, Any]:
    settings: dict[str, list[int]] = {}
    for i, (key, name) in enumerate(evidence.settings.items()):
        for known in {name, str(key[0])}:
            settings.setdefault(known, []).append(i)
    names = {column: set(evidence.runs[column].astype(str)) for column in ("competitor", "optimizer")}
    return {"settings": settings, "problem": [str(key[0]) for key in evidence.settings], **names}


def _meant(row: Mapping[str, Any], known: Mapping[str, Any]) -> Where:
    """The runs that a finding lists, or else those of the cells or optimizers that it names in its settings, or all.

    A finding about a search shows its trials, too: they are of a problem, whatever their horizon.
    """
    if row["verdict"] == "pass" or not known:
        return []
    if row["run_ids"]:
        return [{"run_id": list(row["run_ids"])}]
    meant: dict[str, Any] = {}
    for column in ("competitor", "optimizer"):
        named = [name for name in row["rows"] if name in known[column]]
        if named:
            meant = {column: named}
            break
    places = sorted({place for name in row["where"] for place in known["settings"].get(name, ())})
    here = {"setting": places} if places else {}
    searched = row["rule"] in SEARCHES or row["finding"].startswith("trials")
    problems = {"problem": sorted({known["problem"][place] for place in places})} if places else {}
    trials = [{"purpose": "tuning", **problems, **meant}] if searched else []
    return [{"purpose": "result", **here, **meant}, *trials]
