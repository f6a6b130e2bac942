"""`optiscope list`: the catalogues as plain tables, a line an entry, so that they can be piped."""

from __future__ import annotations

from collections.abc import Callable

from .. import naming
from ..errors import UnknownName


def listing(catalogue: str) -> str:
    """The table of one catalogue. Raises UnknownName for one that there is not."""
    if catalogue not in _ROWS:
        raise UnknownName("catalogue", catalogue, _ROWS)
    rows = _ROWS[catalogue]()
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def _problems() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("NAME", "SIZE", "MINIMUM", "FORMULA")]
    for name, problem in naming.problems().items():
        size = f"{problem.dim}-D" if problem.is_function else "network"
        floor = "" if problem.minimum_value is None else f"{problem.minimum_value:.6g}"
        rows.append((name, size, floor, problem.formula))
    return rows


def _optimizers() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("NAME", "DEFAULT LR", "NOTE", "SOURCE")]
    rows += [(s.name, f"{s.default_lr:g}", s.note, s.source) for s in naming.optimizers().values()]
    return rows


def _schedules() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("NAME", "KIND", "STEPS PER", "WHAT IT DOES")]
    rows += [(s.name, s.kind, s.interval, s.note) for s in naming.schedules().values()]
    return rows


def _losses() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("NAME", "FORMULA", "OUTPUT", "TARGET", "REDUCTIONS", "ARGUMENTS", "SOURCE")]
    for spec in naming.losses().values():
        arguments = ", ".join(name for name in spec.options if name != "reduction")
        sides = [
            ", ".join(part.brief for part in spec.parts if part.side == side) or "none" for side in ("output", "target")
        ]
        rows.append((spec.name, spec.formula, *sides, ", ".join(spec.reductions), arguments or "none", spec.source))
    return rows


_ROWS: dict[str, Callable[[], list[tuple[str, ...]]]] = {
    "problems": _problems,
    "optimizers": _optimizers,
    "schedules": _schedules,
    "losses": _losses,
}
