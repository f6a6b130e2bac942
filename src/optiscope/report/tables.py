"""The comparison as tables that fit a page, and as files. Imports metrics and pandas; no torch.

Only this room and its neighbours here decide paths and save.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from .. import metrics
from ..errors import StoreError
from ..metrics.targets import difficulty

SHOWN_TARGETS = 5
MOST_ROWS = 400  # beyond which tables for reading are cut
BEST_ROWS = 25  # of each setting that are left then
CAPTION = (
    "Medians over seeds, the quartiles beside them. diverged: at least half the seeds diverged, failed or left the "
    "domain (a loss below the least one known), which counts as an infinite loss. never: at least half the seeds "
    "missed the target. Success: share of runs that met the last target shown. Diverged: runs that diverged, plus runs "
    "that failed. Ended: so many runs in this way, at or from the median step (solved: within 1e-8 of the least loss "
    "known; stuck: at rest above it, at a saddle or in a wrong basin where a map tells; out of budget: still on the "
    "way). Wall s (seconds a run) and ms/step are given where runs were made one at a time: a run stepped "
    "together with others has no time of its own. –: not measured, or does not apply."
)
TIE_RULE = (
    "whom no test at the 5% level, with Holm's correction for all who compete, tells from its head: Wilcoxon's "
    "signed-rank test on pairs of a seed, or, where so many compete on so few seeds that no outcome of it could be "
    "significant, the rank-sum test"
)
TIES = (
    f"Tied with: whoever shares the first place, that is, {TIE_RULE}. Could show: the smallest difference from the "
    "head that so many seeds would have shown with a power of 0.8, by the middle one of the competitors."
)
WORDS: dict[str, str] = dict.fromkeys(["Final gap", "Final loss", "Best gap", "Best loss", "Accuracy"], "diverged")
BEST = dict.fromkeys(WORDS, "min") | {"Accuracy": "max"}


def target_name(metric: str, target: float) -> str:
    """A target in words: `gap 1e-8`, `accuracy 0.9`, `loss 0.1 of start`."""
    return f"loss {target:g} of start" if metric == "loss_ratio" else f"{metric} {metrics.number(float(target))}"


def summary(cells: pd.DataFrame) -> pd.DataFrame:
    """One setting of a comparison in about a dozen columns with readable names, best first.

    Final and best are gaps where the floor is known. Of the targets, the hardest five that somebody met are shown,
    or the easiest where nobody met any.
    """
    floor = cells["loss_floor"].fillna(0.0)
    measure = "gap" if cells["loss_floor"].notna().any() else "loss"
    final = cells["loss_final"].astype(float) - floor
    shown = pd.DataFrame({"Optimizer": cells["optimizer"], "Schedule": cells["schedule"], "lr": cells["lr"]})
    shown["At edge"] = cells["edge"].map({"low": "low", "high": "high", "": ""})
    if not (cells["edge"] != "").any():
        shown = shown.drop(columns="At edge")
    if cells["accuracy_final"].notna().any():
        shown["Accuracy"] = cells["accuracy_final"].astype(float)
        shown["Quartiles"] = _quartiles(cells, "accuracy_final")
        shown[f"Final {measure}"] = final
    else:
        shown[f"Final {measure}"] = final
        shown["Quartiles"] = _quartiles(cells, "loss_final", floor)
        shown[f"Best {measure}"] = cells["loss_best"].astype(float) - floor
    for metric, target in _targets(cells):
        shown[f"Steps to {target_name(metric, target)}"] = cells[f"steps_to_{metric}_{target:.15g}"].astype(float)
    if cells["success_rate"].notna().any():
        shown["Success"] = [f"{100 * rate:.0f}%" for rate in cells["success_rate"]]
    shown["Diverged"] = [f"{bad + error}/{runs}" for bad, error, runs in _counts(cells)]
    if "ended" in cells and (cells["ended"] != "").any():
        shown["Ended"] = cells["ended"]
    alone = cells["ms_per_step"].astype(float).where(cells["engine"] == "single")
    if alone.notna().any():
        shown["Wall s"] = cells["wall_s"].astype(float).where(cells["engine"] == "single")
        shown["ms/step"] = alone
    return shown


def markdown_table(cells: pd.DataFrame, most: int | None = None) -> str:
    """`summary` in Markdown, the best numbers of all in bold; with `most`, of its rows the first so many."""
    shown = summary(cells)
    best = {name: which for name, which in BEST.items() if name in shown.columns}
    best |= {name: "min" for name in shown.columns if name.startswith("Steps to")}
    return metrics.to_markdown(
        shown, best=best if len(shown) > 1 else {}, infinite=WORDS, most=most,  # type: ignore[arg-type]
    )  # fmt: skip


def write_tables(
    folder: str | os.PathLike[str], runs: pd.DataFrame, trace: pd.DataFrame | None = None, *,
    table: pd.DataFrame | None = None,
) -> list[Path]:  # fmt: skip
    """Write `comparison.md`, `comparison.csv` and `comparison.tex` into `folder`, each whole or not at all.

    The CSV holds every row and column of `metrics.comparison` in full, and how the runs of each cell ended; the others
    hold `summary`, for reading, of a study of more than 400 rows the best 25 of each setting. `table` is all of that
    for these runs, where it is at hand.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    from .page.evidence import Evidence  # the page's rooms read this one

    whole: pd.DataFrame = Evidence(runs, trace).compared if table is None else table
    parts, pages = [], []
    most = BEST_ROWS if len(whole) > MOST_ROWS else None
    cut = f"The best {most} of each problem; all {len(whole):,} rows are in comparison.csv." if most else ""
    for setting, name in metrics.setting_names(whole).items():
        cells = whole[(whole[list(metrics.SETTING)] == list(setting)).all(axis=1)]
        parts.append(f"## {metrics.escape_markdown(name)}\n\n{markdown_table(cells, most)}")
        # Wide on purpose: what a paper has no room for is easier cut than recomputed.
        shown, words = summary(cells.head(most or len(cells))), " ".join(filter(None, [f"{name}.", cut, CAPTION]))
        pages.append(metrics.to_latex(shown, caption=words, infinite=WORDS))
    said = [cut] * bool(cut)
    blocks = ["# Comparison", *said, *(parts or ["There are no results."]), metrics.escape_markdown(CAPTION)]
    text = "\n\n".join(blocks)
    latex = "\n".join(pages) or "% There are no results.\n"
    return [
        write_text(Path(folder) / "comparison.md", text + "\n"),
        write_text(Path(folder) / "comparison.csv", metrics.to_csv(whole)),
        write_text(Path(folder) / "comparison.tex", latex),
    ]


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text under a temporary name, then rename it, so that nobody ever reads half a file.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"cannot write {str(path)!r}: {reason}; give a folder that can be written") from error
    return path


def _targets(cells: pd.DataFrame) -> list[tuple[str, float]]:
    """The hardest few targets that somebody met, easiest first; the easiest one where nobody met any."""
    known = []
    for name in cells.columns:
        if name.startswith("steps_to_") and name != "steps_to_target" and cells[name].notna().any():
            metric, _, target = name.removeprefix("steps_to_").rpartition("_")
            known.append((metric, float(target)))
    levels = pd.DataFrame(known, columns=["metric", "target"])
    if levels.empty:
        return []
    # `target` is the hardest one that any run met, though the median run of every cell may have missed it.
    hardest = difficulty(cells[["metric", "target"]].dropna()).max()
    levels = levels[difficulty(levels) <= hardest] if pd.notna(hardest) else levels.iloc[:1]
    return list(levels.tail(SHOWN_TARGETS).itertuples(index=False, name=None))


def _quartiles(cells: pd.DataFrame, name: str, floor: pd.Series | float = 0.0) -> list[str]:
    """Lower and upper quartile in one cell; one run has none."""

    def text(value: float) -> str:
        return metrics.number(float(value), infinite="diverged")

    low, high = cells[f"{name}_q25"] - floor, cells[f"{name}_q75"] - floor
    rows = zip(low, high, cells["runs"], strict=True)
    return ["–" if runs == 1 else text(a) if a == b else f"{text(a)} … {text(b)}" for a, b, runs in rows]


def _counts(cells: pd.DataFrame) -> Iterable[tuple[int, int, int]]:
    return cells[["diverged", "errors", "runs"]].itertuples(index=False, name=None)
