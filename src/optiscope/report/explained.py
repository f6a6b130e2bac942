"""What explains the order, as sections of report.md and as files: what the page draws of it, in numbers. No torch.

The frames are those of the page (`page.charts`), made once. A CSV holds every row; Markdown and LaTeX are for reading.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote

import pandas as pd

from ..metrics import escape_latex, escape_markdown, to_csv, to_latex, to_markdown
from .explained_tables import areas, budget, gains, robustness, variance, wins
from .page.charts import chart_frames
from .page.evidence import Evidence
from .tables import write_text

ROWS = 8  # of each table that stand in report.md
EFFECTS = 4  # that are told in a line
FRAMES = ("variance", "gains", "median_gains", "robustness", "profile", "ecdf", "wins", "budget")


TITLES = {
    "variance": "Where the differences come from",
    "gains": "What a schedule gains over a constant rate",
    "robustness": "How much the rate may be off",
    "areas": "How much is solved, and how soon",
    "wins": "Who beats whom on the same seed",
    "budget": "What a search of few trials finds",
}
WORDS = {
    "variance": (
        "The share of the variance of ranks within a problem that each factor, and each interaction of several, "
        "explains. In all: a factor with all its interactions. The seed is chance."
    ),
    "gains": (
        "Decades of the median cost, each at its own tuned rate, the median over settings: +1 is a tenth of the cost. "
        "failed: one of the two has no finite cost."
    ),
    "robustness": (
        "Decades of rates around the best one with a cost within ten times its own: median and quartiles over "
        "settings and schedules. Open: the share whose band reaches an end of the rates that were tried."
    ),
    "areas": (
        "Areas under the curves as shares of the whole. Profile: of the ratio to the best one's evaluations; it "
        "depends on who competes. Targets: of the evaluations to each target. Met: the share met at the end."
    ),
    "wins": "How often the row beats the column, a tie as half a win; the mean over settings.",
    "budget": (
        "Mean rank over settings after so many trials drawn from the search, by the score that the best of them meets "
        "in half of all draws; 1 is best. The scores of each setting are in the CSV."
    ),
}


@dataclass(frozen=True)
class Part:
    """One question: the `name` of its file, every row, and tables for reading with what each is of.

    Where there is no table, `missing` says why.
    """

    name: str
    rows: pd.DataFrame
    shown: tuple[tuple[str, pd.DataFrame], ...]
    missing: str


def explained(evidence: Evidence) -> list[Part]:
    """Every part, in the order of the report."""
    frames, missing = chart_frames(evidence, FRAMES)
    frames = {name: _plain(frame) for name, frame in frames.items()}
    made = {
        "variance": variance(evidence, frames["variance"]),
        "gains": gains(evidence, frames["gains"], frames["median_gains"]),
        "robustness": robustness(evidence, frames["robustness"]),
        "areas": areas(evidence, frames["profile"], frames["ecdf"]),
        "wins": wins(evidence, frames["wins"]),
        "budget": budget(evidence, frames["budget"]),
    }
    missing |= {"areas": missing.get("profile") or missing.get("ecdf", "")}
    return [
        Part(name, rows, shown, "" if shown else missing.get(name) or reason)
        for name, (rows, shown, reason) in made.items()
    ]


def explained_told(evidence: Evidence, folder: str = "") -> list[str]:
    """Blocks of Markdown: the greatest effects in a line each, and each part folded away.

    `folder` is where the files of `write_explained` lie, as a link would name it.
    """
    if evidence.costs.empty:
        return ["There are no results to explain."]
    blocks, lacking = [], []
    for part in explained(evidence):
        if not part.shown:
            lacking.append(f"- {TITLES[part.name]}: {escape_markdown(part.missing)}")
            continue
        if part.name == "variance":
            blocks.append("\n".join(_line(name, table) for name, table in part.shown))
        blocks += [f"<details>\n<summary>{TITLES[part.name]}</summary>", escape_markdown(WORDS[part.name])]
        for name, table in part.shown:
            blocks += [f"On {escape_markdown(name)}:"] if name else []
            blocks.append(to_markdown(table.head(ROWS)))
        if folder:
            path = quote((PurePath(folder) / part.name).as_posix(), safe="/")
            blocks.append(f"In full: [{part.name}.csv]({path}.csv), [{part.name}.tex]({path}.tex).")
        blocks.append("</details>")
    return [*blocks, "\n".join(["Not told:", "", *lacking])] if lacking else blocks


def write_explained(folder: str | os.PathLike[str], evidence: Evidence) -> list[Path]:
    """Write each part as `NAME.csv` (every row) and `NAME.tex` (for reading) into `folder`; one without rows says why.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    files = []
    for part in explained(evidence):
        pages = [
            to_latex(table, caption=f"{TITLES[part.name]}{f', on {name}' * bool(name)}. {WORDS[part.name]}")
            for name, table in part.shown
        ]
        files += [
            write_text(Path(folder) / f"{part.name}.csv", to_csv(part.rows)),
            write_text(Path(folder) / f"{part.name}.tex", "\n".join(pages) or f"% {escape_latex(part.missing)}\n"),
        ]
    return files


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Names as text: categories of another frame would be counted here, too."""
    texts = [name for name in ("optimizer", "schedule", "competitor", "other") if name in frame]
    return frame.astype(dict.fromkeys(texts, str))


def _line(name: str, table: pd.DataFrame) -> str:
    first = table.head(EFFECTS)
    told = ", ".join(f"{effect} {share}" for effect, share in zip(first["Effect"], first["Share"], strict=True))
    return f"- Differences on {escape_markdown(name)}: {escape_markdown(told)}."
