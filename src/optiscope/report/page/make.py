"""Puts the page together: evidence in, text of one HTML file out. It saves nothing."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from ... import __version__, metrics
from ...audit import told
from ...render.heat import LOST, RAMPS
from ...render.style import PLAIN, THEMES, full_name, looks_of
from ..markdown import _flat
from ..method import bullets, how_it_was_measured
from ..search import searches_told
from .charts import chart_frames
from .evidence import Evidence, Group
from .maps import race_grounds
from .notes import as_html, audit_rows, method_leads
from .pack import Numbers, packed, packed_json
from .paths import paths
from .references import references_of
from .repeat import add_repeats
from .verdict import Fact, recommendations

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = (
    "base", "frames", "plots", "keys", "tables", "leads", "drawer", "run", "board", "winners", "pareto", "curves",
    "charts", "sensitivity", "schedules", "race", "stage", "start",
)  # fmt: skip
LOST_RUNS = ("diverged", "error")
DRAWN_COLUMNS = {"bands": ("low", "mid", "high"), "trace": ("loss", "lr_t", "x0", "x1")}


def html_report(
    *, title: str, runs: pd.DataFrame, trace: pd.DataFrame | None = None, audit: pd.DataFrame | None = None,
    methods: Mapping[str, Any] | Sequence[str] = (), provenance: Mapping[str, Any] | None = None, command: str = "",
    searches: Sequence[Mapping[str, Any]] = (), evidence: Evidence | None = None,
) -> str:  # fmt: skip
    """The report of a study as one HTML page, which opens from disk and fetches nothing.

    Args:
        title: the heading.
        runs: one row a run, tuning trials included; an empty frame makes a page that says so.
        trace: one row a recorded step; without it there are no curves and no race, and the page says so.
        audit: what `audit.findings` gives; shown with the verdict.
        methods: what the frames do not know: name → text, or sentences.
        provenance: facts of the environment, nested mappings allowed.
        command: the shell command that reproduces the study.
        searches: what random searches declared and found, as a store keeps it.
        evidence: what was made of the same runs and trace for another page, where that is at hand.

    Raises:
        InputError: a column of the runs frame is missing, or a run has two different rows.
    """
    evidence = Evidence(runs, trace) if evidence is None else evidence
    frames, missing = chart_frames(evidence)
    numbers = Numbers()
    kept = paths(evidence)
    grounds = race_grounds(evidence, numbers)
    ended = dict(zip(evidence.ended["run_id"], evidence.ended["words"], strict=True))
    page_runs = add_repeats(kept.runs)
    page_runs = page_runs.assign(ended=[ended.get(run_id, "") for run_id in page_runs["run_id"]])
    all_frames = {**frames, "runs": page_runs, "trace": kept.trace, "losses": _losses()}
    data = {
        "settings": _settings(evidence),
        "groups": [_group(evidence, one) for one in evidence.groups],
        "parts": [_part(evidence, one) for one in evidence.parts.groups],
        "choices": [vars(one) for one in evidence.parts.choices],
        "listed": {"runs": len(kept.runs), "of": len(evidence.runs)},
        "looks": _looks(evidence.results),
        "frames": {name: numbers.frame(frame, DRAWN_COLUMNS.get(name, ())) for name, frame in all_frames.items()},
        "missing": missing,
        "grounds": grounds,
    }
    found = references_of(evidence.results)
    measured = how_it_was_measured(evidence.runs.drop(columns="competitor"), evidence.table) if len(runs) else []
    said = [bullets(_sentences(methods))] if methods else []
    return _environment().get_template("page.html").render(
        title=title, version=__version__, counts=_counts(evidence), recommendations=recommendations(evidence),
        audit=audit_rows(audit, evidence), audit_told="" if audit is None else told(audit), trouble=trouble(evidence),
        left_out=kept.left_out,
        method=as_html([*said, *measured, *searches_told(searches, evidence.runs)], method_leads(evidence)),
        environment=_flat(provenance or {}), command=command, references=found, themes=THEMES, heat=RAMPS, lost=LOST,
        style=_own("page.css"),
        script=Markup("\n").join(_own(f"{name}.js") for name in SCRIPTS), plotly=_plotly(),
        data=packed_json(data), numbers=numbers.text(),
    )  # fmt: skip


@functools.cache
def _plotly() -> str:
    """Plotly's own build, packed: a third of its size, and it costs nothing until a chart comes into view."""
    return packed((files("plotly") / "package_data" / "plotly.min.js").read_bytes())


@functools.cache
def _losses() -> pd.DataFrame:
    from ...catalogues.losses.curves import sample_losses

    return sample_losses(61)


def _own(name: str) -> Markup:
    return Markup((ASSETS / name).read_text(encoding="utf-8"))


def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = metrics.number
    return made


def _group(evidence: Evidence, group: Group) -> dict[str, Any]:
    places = sorted({int(place) for place in evidence.setting_of(group.costs)})
    return {"name": group.name, "settings": group.settings, "of": group.of, "ids": places}


def _part(evidence: Evidence, group: Group) -> dict[str, Any]:
    """Who met where: what a row of the leaderboard stands for, and the runs behind it."""
    places = sorted({int(place) for place in evidence.setting_of(group.costs)})
    return {"name": group.name, "ids": places, "competitors": group.ranking["competitor"].astype(str).tolist()}


def _settings(evidence: Evidence) -> list[dict[str, Any]]:
    judged = (
        {} if evidence.costs.empty else evidence.costs.groupby(list(metrics.SETTING))["judged_by"].first().to_dict()
    )
    return [
        dict(zip(metrics.SETTING, key, strict=True))
        | {"name": name, "judged": str(judged.get(key, "loss")), "steps": int(key[metrics.SETTING.index("steps")])}
        for key, name in evidence.settings.items()
    ]


def _looks(results: pd.DataFrame) -> dict[str, Any]:
    """Colour and dash of each optimizer in either theme, and the dash of each schedule where several meet."""
    optimizers = sorted(results["optimizer"].unique())
    schedules = sorted(results["schedule"].unique(), key=lambda name: (name not in PLAIN, name))
    themes = {}
    for theme in THEMES:
        own = looks_of(optimizers, theme)
        themes[theme] = {
            name: {"color": look.color, "ink": look.ink, "dash": list(look.dash)}
            for name, look in zip(optimizers, own, strict=True)
        }
    several = looks_of([optimizers[0]] * len(schedules), "light", schedules) if len(schedules) > 1 else []
    dashes = {name: list(look.dash) for name, look in zip(schedules, several, strict=bool(several))}
    return themes | {"schedules": dashes, "names": {name: full_name(name) for name in optimizers}, "order": schedules}


def _counts(evidence: Evidence) -> list[tuple[str, str, dict[str, Any]]]:
    """Count, noun, and the runs that are counted."""
    results, shown = evidence.results, {"purpose": "result"}
    trials = int((evidence.runs["purpose"] == "tuning").sum())
    lost = int(results["status"].isin(LOST_RUNS).sum())
    counted = [
        *((results[name].nunique(), name, shown) for name in ("problem", "optimizer", "schedule")),
        (len(results), "run", shown), (trials, "tuning trial", {"purpose": "tuning"}),
        (results["seed"].nunique(), "seed", shown),
    ]  # fmt: skip
    return [
        *((f"{n:,}", f"{noun}{'' if n == 1 else 's'}", where) for n, noun, where in counted),
        (f"{lost:,}", "diverged or failed", {"purpose": "result", "status": LOST_RUNS}),
    ]


def trouble(evidence: Evidence) -> list[Fact]:
    """What a reader must know before the first figure, in sentences."""
    said = []
    results = evidence.results
    if evidence.runs.empty:
        said.append(Fact("There are no runs: run a study, then write the report again."))
    elif results.empty:
        told = f"There are {len(evidence.runs):,} trials of a search and no results yet: nothing can be compared."
        said.append(Fact(told, ({"purpose": "tuning"},)))
    else:
        all_of_them = ({"purpose": "result"},)
        if results["status"].isin(LOST_RUNS).all():
            told = f"All {len(results):,} runs diverged or failed: there is nothing to recommend."
            said.append(Fact(told, all_of_them))
        if len(results) == 1:
            said.append(Fact("There is one run: it can be looked at, and compared with nothing.", all_of_them))
        if evidence.trace.empty:
            said.append(Fact("No trace was kept: there are no curves and no race."))
    if evidence.repeated:
        said.append(
            Fact(
                f"{evidence.repeated:,} rows repeat the cell and seed of a later run (the library changed between "
                "them); the later one counts."
            )
        )
    return said


def _sentences(methods: Mapping[str, Any] | Sequence[str]) -> list[str]:
    if isinstance(methods, Mapping):
        return [metrics.escape_markdown(f"{name}: {value}") for name, value in methods.items()]
    return [metrics.escape_markdown(line) for line in methods]
