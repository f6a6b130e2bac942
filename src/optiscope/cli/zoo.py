"""The zoo on the command line: its listing, and the survey of its tiers. Reads no options and knows no typer."""

from __future__ import annotations

import warnings
from pathlib import Path

from ..errors import InputError, StoreError


def zoo_rows() -> list[tuple[str, ...]]:
    """The rows of `optiscope list optimizers --zoo`, a heading first."""
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
    from .. import zoo
    from .output import Console

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
