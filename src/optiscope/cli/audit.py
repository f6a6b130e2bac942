"""`optiscope audit`: what a folder of results says against itself, as a table or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import typer
from rich import box
from rich.table import Table
from rich.text import Text

from ..audit import findings, some, told
from ..errors import InputError
from .given import stored
from .output import printer

COLORS = {"pass": "green", "warn": "yellow", "fail": "red"}


def audit_folder(folder: Path, strict: bool, as_json: bool) -> None:
    """Print the audit of the store in `folder`; exit with 1 where it is strict and a rule failed.

    Raises InputError where there is no finished result: a record of nothing breaks no rule, and proves none.
    """
    store = stored(folder)
    runs = store.runs()
    if not (runs["purpose"] == "result").any():
        held = f"{len(runs):,} trial{'s' * (len(runs) != 1)} of a search and no result yet" if len(runs) else ""
        raise InputError(f"{str(folder)!r} holds {held or 'no finished run yet'}: there is nothing to audit")
    found = findings(runs, searches=store.searches(), provenance=store.provenance(), verdicts=store.verdicts())
    if as_json:
        print(json.dumps(found.to_dict("records"), indent=2))
    else:
        printer().print(_table(found))
        print(told(found))
    if strict and (found["verdict"] == "fail").any():
        raise typer.Exit(1)


def _table(found: pd.DataFrame) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "rule", "finding", "where", "rows", "what to do"):
        table.add_column(name, overflow="fold")
    for row in found.itertuples():
        rows = some(row.rows) + (f" ({row.runs} runs)" if row.runs > 1 else "")
        cells = (str(row.rule), str(row.finding), some(row.where), rows, str(row.do))
        # Names are users': nothing in them is markup.
        table.add_row(Text(str(row.verdict), COLORS[str(row.verdict)]), *map(Text, cells))
    return table
