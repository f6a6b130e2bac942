"""The figures that benchmarks record beside their time, in `extra_info`: ratios of one run, memory, launches.

What a figure is, its name says. `ratio`, `ratio_…` and `…_ratio` are ratios of two arms, of which more is better, and
`overhead…` one of which less is; `…_gb` and the names listed here are memory, of which less is better. Where the
readings of a ratio are known, they stand under its name with `_rounds` behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Ratios of what we do to what a bare loop does: less is better, and their names are older than the rule.
OVERHEADS = ("ratio_full", "ratio_loss_only")
# The figure -> the least difference that means anything, in its own unit.
MEMORY = {"state_bytes_per_parameter": 0.0, "peak_bytes_per_parameter": 0.0, "bytes": 0.0, "bytes_after": 0.0}
COUNTS = ("kernel_launches",)
ROUNDS = "_rounds"
GB_SLACK = 0.02  # a process is as large as its allocator's pages happen to make it
PEAK_SLACK = 1e6  # bytes of a peak, likewise


@dataclass(frozen=True)
class Figure:
    """What a figure is (`ratio`, `memory` or `count`), whether more of it is better, and the least difference."""

    kind: str
    more_is_better: bool
    slack: float = 0.0


def figure_of(name: str) -> Figure | None:
    """The figure of this name, or None for a fact that nobody compares.

    >>> figure_of("ratio_filtered"), figure_of("threads")
    (Figure(kind='ratio', more_is_better=True, slack=0.0), None)
    """
    if name.endswith(ROUNDS):
        return None
    if name in OVERHEADS or name.startswith("overhead"):
        return Figure("ratio", False)
    if name.startswith("ratio") or name.endswith("_ratio"):
        return Figure("ratio", True)
    if name.endswith("_gb"):
        return Figure("memory", False, GB_SLACK)
    if name in MEMORY:
        return Figure("memory", False, MEMORY[name])
    return Figure("count", False) if name in COUNTS else None


def figures_of(benchmark: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a figure of a benchmark: `name`, `figure`, `kind`, `more_is_better`, `slack`, `value`, `data`."""
    rows = []
    info = benchmark["extra_info"]
    for name, value in info.items():
        figure = figure_of(name)
        if figure is None or value is None:
            continue
        slack = figure.slack
        if name == "peak_bytes_per_parameter" and info.get("parameters"):
            slack = PEAK_SLACK / info["parameters"]
        rows.append(
            {
                "name": benchmark["fullname"], "figure": name, "kind": figure.kind,
                "more_is_better": figure.more_is_better, "slack": slack, "value": float(value),
                "data": [float(one) for one in info.get(name + ROUNDS, ())],
            }
        )  # fmt: skip
    return rows
