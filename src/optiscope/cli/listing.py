"""`optiscope list`: the catalogues as plain tables, a line an entry, so that they can be piped."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from .. import naming
from ..errors import InputError, StoreError, UnknownName


def listing(catalogue: str, zoo: bool = False) -> str:
    """The table of one catalogue, or of the zoo. Raises UnknownName for one that there is not."""
    if catalogue not in _ROWS:
        raise UnknownName("catalogue", catalogue, _ROWS)
    if zoo and catalogue != "optimizers":
        raise InputError(f"the zoo has optimizers, no {catalogue}: write `optiscope list optimizers --zoo`")
    rows = _zoo() if zoo else _ROWS[catalogue]()
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


def _zoo() -> list[tuple[str, ...]]:
    from ..catalogues.zoo import zoo
    from ..zoo import needs

    rows: list[tuple[str, ...]] = [("NAME", "DEFAULT LR", "NEEDS", "SOURCE")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's code, and its deprecations
        for spec in zoo():
            try:
                rate = f"{spec.default_lr:g}"
            except InputError:  # it has none, and so there is none to show
                rate = "-"
            wants = ", ".join(filter(None, (spec.note, needs(spec))))
            rows.append((spec.name, rate, wants, spec.source))
    return rows


def write_zoo(results: Path) -> None:
    """Survey the zoo into `zoo.md` and `zoo.csv`, and print where they are."""
    from rich.console import Console

    from .. import zoo

    with Console(stderr=True).status("") as status:
        frame = zoo.survey(progress=status.update)
    try:
        results.mkdir(parents=True, exist_ok=True)
        (results / "zoo.md").write_text(zoo.markdown(frame), encoding="utf-8")
        frame.to_csv(results / "zoo.csv", index=False)
    except OSError as error:
        raise StoreError(f"cannot write into {str(results)!r}: {error.strerror or error}") from error
    print("\n".join(f"{tier:<12}{count}" for tier, count in frame["tier"].value_counts().items()))
    print(f"{results / 'zoo.md'}\n{results / 'zoo.csv'}")


def _schedules() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("NAME", "KIND", "STEPS PER", "WHAT IT DOES")]
    rows += [(s.name, s.kind, s.interval, s.note) for s in naming.schedules().values()]
    return rows


def _losses() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("NAME", "TARGET", "FORMULA")]
    rows += [(s.name, s.target, s.formula) for s in naming.losses().values()]
    return rows


_ROWS: dict[str, Callable[[], list[tuple[str, ...]]]] = {
    "problems": _problems,
    "optimizers": _optimizers,
    "schedules": _schedules,
    "losses": _losses,
}
