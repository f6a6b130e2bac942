"""What a study leaves in its folder: pictures, tables, report.md and report.html, made from the frames alone.

Nothing is drawn again while the stored runs, the library and the list of files are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import metrics
from ..audit import findings
from ..syntax import file_name
from .explained import write_explained
from .kept import About, remember, still_good
from .markdown import Picture, relative, write_report
from .page import html_report
from .page.evidence import Evidence
from .page.references import references_of
from .schedules import one_of_each_schedule
from .tables import write_tables, write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ..store import Store

    Drawing = Callable[[pd.DataFrame, pd.DataFrame], Figure]

PAGE = "report.html"
BIBLIOGRAPHY = "references.bib"
TABLES = "tables"
LINES = 16  # that a picture has room for
MOST_DRAWN = 8  # functions, and networks, that have a picture each; report.html draws all


def write_study_page(
    folder: Path, store: Store, run_ids: Iterable[str] | None = None, *, title: str, command: str,
    pictures: Iterable[Picture] = (), methods: dict[str, str] | None = None, fresh: bool = False,
) -> list[Path]:  # fmt: skip
    """Write everything that a reader of `folder` needs, and give the files: report.md first, then report.html.

    `run_ids` are the evaluation runs to show, all by default; tuning trials are always read. `pictures` made
    elsewhere (a race) come first. What the page is told is kept in report.json (`kept.remembered`). With `fresh` all is
    made again, though nothing changed. Raises StoreError where the folder cannot be written.
    """
    chosen = None if run_ids is None else tuple(run_ids)
    about = About(title, command, methods or {}, relative(pictures, folder), chosen)
    done = None if fresh else still_good(folder, about, store)
    if done is not None:
        return done
    every = store.runs()
    runs = _chosen(every, chosen)
    results = runs[runs["purpose"] == "result"]
    trace = store.trace(results["run_id"])
    # Everything below reads this one, so that nothing is computed twice.
    evidence = Evidence(runs, trace)
    table = evidence.compared
    drawn = _draw(folder / "pictures", results, trace, table)
    # A record of no result breaks no rule, and proves none.
    audit = findings(
        runs, searches=store.searches(), provenance=store.provenance(), verdicts=store.verdicts(), table=table,
    ) if len(results) else None  # fmt: skip
    said: dict[str, Any] = {
        "title": title, "runs": runs, "trace": trace, "methods": about.methods, "command": command, "audit": audit,
        "provenance": _facts(store, runs), "searches": store.searches(), "evidence": evidence,
    }  # fmt: skip
    page = write_report(
        folder, pictures=[*about.pictures, *drawn], rest=f"{TABLES}/comparison.csv", bibliography=BIBLIOGRAPHY, **said
    )  # fmt: skip
    works = "\n\n".join(one.bibtex for one in references_of(evidence.results))
    files = [
        page,
        write_text(folder / PAGE, html_report(**said)),
        *write_tables(folder / TABLES, runs, table=table),
        *write_explained(folder / TABLES, evidence),
        write_text(folder / BIBLIOGRAPHY, (works or "% Nothing was run.") + "\n"),
        *(Path(picture.path) for picture in drawn),
    ]
    if len(results) == int((every["purpose"] == "result").sum()):
        about = replace(about, run_ids=None)
    remember(folder, about, store, results["run_id"], files)
    return files


def _draw(folder: Path, runs: pd.DataFrame, trace: pd.DataFrame, table: pd.DataFrame) -> list[Picture]:
    from ..render import alt_text, convergence, history, save_picture, schedule_curves

    folder.mkdir(parents=True, exist_ok=True)
    pictures = []

    def add(name: str, title: str, alt: str, caption: str, draw: Callable[[], Figure]) -> None:
        picture = draw()
        path = _lighter(save_picture(picture, folder / f"{name}.png"))
        # What is shown, then what this one shows.
        pictures.append(Picture(str(path.resolve()), title, f"{alt} {alt_text(picture)}".strip(), caption))

    # Runs are stored as they finish, by two processes in any order: the pictures are the same all the same.
    runs = runs.sort_values(["problem", "optimizer"], kind="stable")
    networks = runs[runs["loss_floor"].isna()]
    functions = runs[runs["loss_floor"].notna()]

    def add_each(some: pd.DataFrame, name: str, title: str, alt: str, caption: str, draw: Drawing) -> None:
        """One picture a setting, of the first few; `{}` in the title and the words is its name."""
        settings = some.groupby(list(metrics.SETTING))
        if len(settings) > MOST_DRAWN:
            caption += f" Of {len(settings)} settings the first {MOST_DRAWN} are drawn here; {PAGE} draws all."
        for key, own in itertools.islice(settings, MOST_DRAWN):
            own_trace = trace[trace["run_id"].isin(own["run_id"])]
            if own_trace.empty:
                continue  # a study that kept none has tables and no curves
            words = (title.format(names[key]), alt.format(names[key]), caption)
            add(f"{name}_{file_name(names[key])}", *words, partial(draw, own, own_trace))

    names = metrics.setting_names(runs)
    many = bool((table.groupby(list(metrics.SETTING)).size() > LINES).any())
    best = "each optimizer under its best schedule"
    which = best if many else "each optimizer at a constant rate and under its best schedule"
    add_each(
        networks, "history", "History of {}", "Loss and measure of {} against the step, a line an optimizer.",
        f"Training loss, and what the problem measures{f': {best}' if many else ''}.",
        lambda own, own_trace: history(_few(own, table) if many else own, own_trace, metric=_metric(own)),
    )  # fmt: skip
    add_each(
        functions, "convergence", "Convergence on {}",
        "Loss above the minimum of {} against the step.",
        f"Median over seeds, quartiles as a band where lines are few: {which}.",
        lambda own, own_trace: convergence(_few(own, table), own_trace),
    )  # fmt: skip
    rates = one_of_each_schedule(runs, trace)
    if rates["schedule"].nunique() > 1:
        add(
            "schedules", "Schedules", "Learning rate against step for each schedule.",
            "The rate of one run under each schedule, relative to its peak.", lambda: schedule_curves(rates),
        )  # fmt: skip
    return pictures


def _lighter(path: Path) -> Path:
    """The picture in 256 colours: lines and bands need no more, and a folder of them is kept with the code."""
    from PIL import Image

    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    return path


def _few(runs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The runs of each optimizer's best schedule and of the constant rate, at the rate at which the tables show them.

    Where a setting has more pairs than a picture has room for, those of the best schedule alone.
    """
    setting = list(metrics.SETTING)
    table = table.merge(runs[setting].drop_duplicates(), on=setting)
    best = ~table.duplicated([*setting, "optimizer"])  # sorted from best to worst
    few = table.groupby(setting)["problem"].transform("size") <= LINES
    names = [*metrics.KEY, "lr"]
    cells = table.loc[best | (few & (table["schedule"] == "constant")), names]
    wanted = set(cells.itertuples(index=False, name=None))
    return runs[[cell in wanted for cell in runs[names].itertuples(index=False, name=None)]]


def _metric(runs: pd.DataFrame) -> str:
    """What this network measures besides its losses: accuracy first."""
    own = [name.removesuffix("_final") for name in runs if str(name).endswith("_final") and runs[name].notna().any()]
    own = [name for name in own if name not in ("loss", "val_loss")]
    return "accuracy" if "accuracy" in own or not own else own[0]


def _chosen(runs: pd.DataFrame, run_ids: Iterable[str] | None) -> pd.DataFrame:
    if run_ids is None:
        return runs
    return runs[runs["run_id"].isin(set(run_ids)) | (runs["purpose"] == "tuning")]


def _facts(store: Store, runs: pd.DataFrame) -> dict[str, Any]:
    facts = store.provenance()
    used = [key for key in facts if key in set(runs["provenance_id"])]
    return facts[used[0]] if len(used) == 1 else {key: facts[key] for key in used}
