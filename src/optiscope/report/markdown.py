"""A study as one Markdown page that a code host shows well: verdict, pictures, tables, method. Imports no torch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from .. import metrics
from ..audit import findings
from ..metrics import escape_markdown, number, to_markdown
from ..metrics.cells import one_row_a_run
from .audit import audit_told
from .method import bullets, how_it_was_measured
from .search import searches_told
from .tables import CAPTION, MOST_ROWS, TIES, markdown_table, target_name, write_text

if TYPE_CHECKING:
    from .page.evidence import Evidence
    from .page.references import Reference

TOP_ROWS = 12
MANY = 8  # settings or pictures beyond which a page folds them


@dataclass(frozen=True)
class Picture:
    """A picture of the report: file (relative to the report), title, words for those who cannot see it, caption."""

    path: str | os.PathLike[str]
    title: str
    alt: str
    caption: str = ""


def markdown_report(
    *, title: str, runs: pd.DataFrame, trace: pd.DataFrame | None, pictures: Sequence[Picture] = (),
    methods: Mapping[str, Any] | Iterable[str] = (), provenance: Mapping[str, Any] | None = None, command: str = "",
    searches: Sequence[Mapping[str, Any]] = (), audit: pd.DataFrame | None = None, evidence: Evidence | None = None,
    rest: str = "", bibliography: str = "",
) -> str:  # fmt: skip
    """The report of a study as Markdown; it saves nothing.

    Args:
        title: the heading.
        runs: one row a run, tuning trials included.
        trace: one row a recorded step; without it, steps to targets come from the runs frame alone.
        pictures: shown in this order, by their path as it is.
        methods: what the frames do not know (how seeds were drawn, what was clipped, …): name → text, or sentences.
        provenance: facts of the environment, nested mappings allowed.
        command: the shell command that reproduces the study.
        searches: what random searches declared and found, as a store keeps it.
        audit: what `audit.findings` found; without it, what the runs and searches alone can show.
        evidence: what was made of the same runs and trace for another page, where that is at hand.
        rest: the path of a file that holds the comparison in full, the other tables beside it; with it, they are
            linked, and the comparison of a large study is cut.
        bibliography: the path of a file with the references as BibTeX.
    """
    # The page's rooms read this one.
    from .explained import explained_told
    from .lead import lead
    from .page.evidence import Evidence
    from .page.references import references_of

    runs = one_row_a_run(runs)
    evidence = Evidence(runs, trace) if evidence is None else evidence
    cells = evidence.compared
    first = lead(evidence) if len(cells) else []
    blocks = [
        f"# {escape_markdown(title)}",
        "## Verdict",
        *_trouble(evidence),
        *first,
        *_verdict(runs, cells),
        "## Audit",
    ]
    if len(cells):
        blocks += audit_told(findings(runs, searches=searches, table=cells) if audit is None else audit)
    else:
        blocks.append("There is no result to audit.")
    drawn = [_picture(picture) for picture in pictures]
    blocks += ["## Pictures", *(drawn[:MANY] or ["There are no pictures."])]
    blocks += _folded(f"{_many(len(drawn) - MANY, 'further picture')}", drawn[MANY:])
    blocks += ["## Tables", *_tables(cells, rest)]
    blocks += [
        "## What explains it",
        *explained_told(evidence, rest and PurePath(rest).parent.as_posix()),
        "## How it was measured",
    ]
    if methods:
        blocks.append(bullets(_sentences(methods)))
    blocks += how_it_was_measured(runs, cells) if len(runs) else ["There are no runs."]
    blocks += searches_told(searches, runs)
    environment = pd.DataFrame(_flat(provenance or {}), columns=["Fact", "Value"])
    blocks += ["## Environment", to_markdown(environment) if len(environment) else "Nothing was recorded."]
    blocks += ["## References", *_references(references_of(evidence.results), bibliography)]
    blocks += ["## Reproduce", _fenced(command) if command.strip() else "No command was recorded."]
    return "\n\n".join(blocks) + "\n"


def write_report(folder: str | os.PathLike[str], *, name: str = "report.md", **what: Any) -> Path:
    """Write `markdown_report(**what)` into `folder`; a picture's absolute path is made relative to it.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    folder = Path(folder)
    pictures = relative(what.pop("pictures", ()), folder)
    return write_text(folder / name, markdown_report(pictures=pictures, **what))


def relative(pictures: Iterable[Picture], folder: Path) -> tuple[Picture, ...]:
    """The pictures by their paths from `folder`: a folder that is moved together with them keeps them."""
    found = []
    for picture in pictures:
        path = os.fspath(picture.path)
        if os.path.isabs(path):
            path = Path(os.path.relpath(path, folder.absolute())).as_posix()
        found.append(Picture(path, picture.title, picture.alt, picture.caption))
    return tuple(found)


def _trouble(evidence: Evidence) -> list[str]:
    """What a reader must know before the first figure, in the words of the page."""
    from .page.make import trouble

    return [f"> {escape_markdown(line.words)}" for line in trouble(evidence)]


def _references(works: Sequence[Reference], bibliography: str) -> list[str]:
    if not works:
        return ["Nothing was run."]
    lines = [f"- {escape_markdown(one.line)}{_elsewhere(one.link)}" for one in works]
    file = f" As BibTeX: {_link(bibliography)}." if bibliography else ""
    return [
        f"The works behind what was run, and behind the statistics.{file}",
        *_folded(_many(len(works), "reference"), ["\n".join(lines)]),
    ]


def _elsewhere(address: str) -> str:
    return f" [link]({quote(address, safe=':/')})" if address else ""


def _verdict(runs: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []  # said already
    results = runs[runs["purpose"] == "result"]
    bad = int(table["diverged"].sum()), int(table["errors"].sum())
    counts = (
        f"{_many(results['problem'].nunique(), 'problem')}, {_many(results['optimizer'].nunique(), 'optimizer')}, "
        f"{_many(results['schedule'].nunique(), 'schedule')}, {_many(len(results), 'run')}, "
        f"{_many(int((runs['purpose'] == 'tuning').sum()), 'tuning trial')}. Of the runs shown, {bad[0]} diverged and "
        f"{bad[1]} failed."
    )
    names, rows = metrics.setting_names(table), []
    for row in metrics.ranking(table).itertuples(index=False):
        rows.append(
            {
                "Problem": names[tuple(getattr(row, name) for name in metrics.SETTING)],
                "Winner": _winner(row),
                "lr": row.lr,
                "Judged by": {"gap": "gap", "accuracy_final": "accuracy", "loss_final": "loss"}[str(row.judged_by)],
                "Final": row.final,
                "Tied with": _tied(row),
                "Runner-up": _runner_up(row),
                "Seeds": row.seeds,
                "Could show": _could_show(row),
                "Fastest": _fastest(row),
            }
        )
    rule = (
        "Winner: the best median over seeds at the last step, by the gap (loss less the least loss known), by accuracy "
        "where it was measured, or else by the loss; solved: three runs in four end within "
        f"{number(metrics.SOLVED)} of the least loss known. {TIES} Runner-up: the best that is not tied. Fastest: the "
        "fewest steps, by the median, to the hardest target that any run met; – where every median missed it."
    )
    winners = to_markdown(pd.DataFrame(rows), infinite="diverged")
    if len(rows) <= MANY:
        return [counts, winners, rule]
    return [counts, *_folded(f"Who won each of {len(rows)} problems", [winners, rule])]


def _could_show(row: Any) -> str:
    if row.test == "none" or row.competitors == 1:
        return "–" if row.competitors == 1 else "nothing"
    # Nought where most solved it: there is nothing to tell apart.
    return f"{number(row.detectable)} {row.unit if row.unit == 'decades' else 'of the loss'}" if row.detectable else "–"


def _folded(words: str, blocks: Sequence[str]) -> list[str]:
    return [f"<details>\n<summary>{words}</summary>", *blocks, "</details>"] if blocks else []


def _winner(row: Any) -> str:
    if not row.tied:
        return "nobody: every median is infinite (diverged, failed or left the domain)"
    return f"{row.winner} + {row.schedule}" + (" (solved)" if row.solved else "")


def _tied(row: Any) -> str:
    if row.competitors == 1:
        return "– (the only one run)"
    others = row.tied - 1
    return "nobody" if others < 1 else row.tied_with if others <= 2 else f"{others} others"


def _runner_up(row: Any) -> str:
    if not row.tied or row.competitors == 1:
        return "–"
    if not row.runner_up:
        return "none: all others tied" if row.tied == row.competitors else "none: the others diverged or failed"
    ratio = row.runner_up_final / row.final if row.final > 0 else np.inf
    lower = row.judged_by != "accuracy_final" and 1.01 <= ratio < 1e6
    return f"{row.runner_up}: {number(row.runner_up_final)}" + (
        f", {number(ratio)} times the winner's" if lower else ""
    )


def _fastest(row: Any) -> str:
    if not row.fastest:
        return "–"
    plural = "" if row.fastest_steps == 1 else "s"
    return f"{row.fastest}: {number(row.fastest_steps)} step{plural} to {target_name(row.metric, row.target)}"


def _tables(table: pd.DataFrame, rest: str = "") -> list[str]:
    if table.empty:
        return ["There are no results."]
    blocks = []
    names = metrics.setting_names(table)
    cut = bool(rest) and len(table) > MOST_ROWS
    if cut:
        blocks.append(f"The best {TOP_ROWS} of each problem; all {len(table):,} rows are in {_link(rest)}.")
    for setting, name in names.items():
        cells = table[(table[list(metrics.SETTING)] == list(setting)).all(axis=1)]
        # Set as one table and then cut, so that bold means best of all and both parts have the same columns.
        head, rule, *rows = markdown_table(cells, TOP_ROWS if cut else None).splitlines()
        best, others = ("\n".join([head, rule, *some]) for some in (rows[:TOP_ROWS], rows[TOP_ROWS:]))
        if len(names) > MANY:
            blocks += _folded(escape_markdown(name), [best])
        else:
            blocks += [f"### {escape_markdown(name)}", best]
        if rows[TOP_ROWS:] and not cut:
            blocks += _folded(_many(len(rows) - TOP_ROWS, "further row"), [others])
    return [*blocks, escape_markdown(CAPTION)]


def _link(path: str) -> str:
    return f"[{escape_markdown(path)}]({_quoted(path)})"


def _quoted(path: str | os.PathLike[str]) -> str:
    # So that a colon makes no scheme and a bracket ends no link; a relative path needs neither.
    return quote(PurePath(path).as_posix(), safe="/")


def _picture(picture: Picture) -> str:
    path = _quoted(picture.path)
    parts = [f"### {escape_markdown(picture.title)}", f"![{escape_markdown(picture.alt)}]({path})"]
    return "\n\n".join([*parts, escape_markdown(picture.caption)] if picture.caption else parts)


def _sentences(methods: Mapping[str, Any] | Iterable[str]) -> list[str]:
    if isinstance(methods, Mapping):
        return [f"{escape_markdown(name)}: {escape_markdown(value)}" for name, value in _flat(methods)]
    return [escape_markdown(line) for line in methods]


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (list, tuple, set)):
            rows.append((f"{prefix}{name}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows


def _fenced(command: str) -> str:
    """A code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{command.strip()}\n{fence}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
