"""`optiscope groups`: who is in which parameter group, as a plain table in 80 columns."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from ..grouping import group_table
from ..metrics import number
from .given import rate


def groups_text(problem: str, optimizer: str, lr: str) -> str:
    """The table of `group_table`: a line of numbers a group, its members and their shapes beneath."""
    rows = group_table(problem, optimizer, rate(lr, "default")).to_dict("records")
    table = [("GROUP", "WEIGHTS", "LR", "MOMENTUM", "DECAY", "STATE BYTES", "FROZEN UNTIL")]
    table += [_line(row) for row in rows]
    widths = [max(len(cells[i]) for cells in table) for i in range(len(table[0]))]
    widths[0] = min(widths[0], 20)
    lines = []
    for cells, row in zip(table, [None, *rows], strict=True):
        first, *rest = cells
        # A long pattern has a line to itself.
        lines += [first] if len(first) > widths[0] else []
        head = "" if len(first) > widths[0] else first
        numbers = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join([head.ljust(widths[0]), *numbers]).rstrip())
        if row is not None:
            members = (f"{name} {_shape(shape)}" for name, shape in zip(row["members"], row["shapes"], strict=True))
            lines += textwrap.wrap(", ".join(members), 80, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = ["-" if math.isnan(row[key]) else number(row[key]) for key in ("lr", "momentum", "weight_decay")]
    frozen = f"step {row['frozen_until']}" if row["frozen_until"] else "-"
    return (row["pattern"] or "all others", f"{row['weights']:,}", *numbers, f"{row['state_bytes']:,}", frozen)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"
