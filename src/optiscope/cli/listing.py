"""`optiscope list`: the catalogues as plain tables, a line an entry, in 80 columns, so that they can be piped."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable

from .. import naming
from ..catalogues.schedules import SCHEDULES
from ..errors import InputError, UnknownName

Rows = list[tuple[str, ...]]


def listing(catalogue: str, name: str | None = None, zoo: bool = False) -> str:
    """The table of one catalogue or of the zoo, or the card of one entry. Raises UnknownName for what there is not."""
    if catalogue not in _ROWS:
        raise UnknownName("catalogue", catalogue, _ROWS)
    if zoo and catalogue != "optimizers":
        raise InputError(f"the zoo has optimizers, no {catalogue}: write `optiscope list optimizers --zoo`")
    if name is not None:
        from .cards import card

        return card(catalogue, name)
    rows = _zoo() if zoo else _ROWS[catalogue]()
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def _problems() -> Rows:
    from ..catalogues.problems import PROBLEMS

    rows: Rows = [("NAME", "ARGUMENTS", "WHAT IS HARD")]
    for family in PROBLEMS:
        own = ", ".join(p.name for p in inspect.signature(family.make).parameters.values())
        # A card tells all of them.
        rows.append((family.name, textwrap.shorten(own, 25, placeholder=" …"), family.note))
    return rows


def _optimizers() -> Rows:
    rows: Rows = [("NAME", "DEFAULT LR", "WHAT IT IS")]
    return rows + [(s.name, f"{s.default_lr:g}", s.note) for s in naming.optimizers().values()]


def _zoo() -> Rows:
    from .zoo import zoo_rows

    return zoo_rows()


def _schedules() -> Rows:
    rows: Rows = [("NAME", "KIND", "STEPS PER", "SHAPE")]
    return rows + [(family.name, family.kind, family.interval, family.note) for family in SCHEDULES]


def _losses() -> Rows:
    rows: Rows = [("NAME: FORMULA, AND WHAT IT TAKES",)]
    for spec in naming.losses().values():
        sides = {side: [part.brief for part in spec.parts if part.side == side] for side in ("output", "target")}
        told = [f"{side}: {', '.join(briefs)}" for side, briefs in sides.items() if briefs]
        rows += [(line,) for line in textwrap.wrap(f"{spec.name}: {spec.formula}", 80, subsequent_indent="    ")]
        for text in (*told, f"reductions: {', '.join(spec.reductions)}"):
            rows += [(f"    {line}",) for line in textwrap.wrap(text, 76, subsequent_indent="  ")]
    return rows


_ROWS: dict[str, Callable[[], Rows]] = {
    "problems": _problems,
    "optimizers": _optimizers,
    "schedules": _schedules,
    "losses": _losses,
}
