"""`optiscope demo`, `run` and `report`: a study into its folder, with a bar while it runs and a summary at the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..engine import run_single_step
from ..engine.check import check_device
from ..engine.cluster import check_cluster
from ..errors import InputError, StoreError
from ..spec import Problem, Run
from ..store import Store
from ..study import Study, StudyResult
from .given import stored
from .output import Console, printer
from .progress import StudyProgress

if TYPE_CHECKING:
    import pandas as pd

LOST = {"error": "failed with an error", "diverged": "diverged"}  # statuses of runs that came to no end


def run_and_report(
    study: Study, results: Path, jobs: int, cluster: str | None, device: str, memory_mb: int, verbose: bool,
    source: Path | None,
) -> None:  # fmt: skip
    """Run what is not yet run, write the pages, and print where they are and what won.

    `source` is the file of the study; without one it is the demo, with its race.
    """
    with_race = source is None
    if cluster is None:
        check_device(device)
    else:
        check_cluster(cluster)
    folder = results / study.name
    store = Store(folder)
    _keep_text(folder, study)
    console = Console(stderr=True)
    outcome = _run(study, store, jobs, cluster, device, memory_mb, verbose, console)
    pictures = [_race(results, console)] if with_race else []
    words = ["demo"] if source is None else ["run", source.as_posix()]
    command = command_of(
        words, results=results, jobs=jobs, cluster=cluster, device=device, memory_mb=memory_mb, verbose=verbose
    )
    files = _pages(folder, store, outcome, command, pictures)
    runs = store.runs(outcome.run_ids)
    fruitless = bool(runs["status"].isin(LOST).all())
    if not fruitless:
        _summary(store, outcome.run_ids)
    if with_race:
        print(f"race      {results / 'optimizers.gif'}")
    _where(folder, files)
    if fruitless:
        # The input was well formed, so this is no complaint about it; but no script may take it for a success.
        print(f"optiscope: {lost(runs)}", file=sys.stderr)
        raise typer.Exit(1)
    _tell_lost(runs)


def command_of(words: list[str], **options: Any) -> str:
    """The command as one would type it: options only where they are not the command's own."""
    usual = {
        "results": Path("results"), "jobs": 1, "cluster": None, "device": "cpu", "memory_mb": 512, "verbose": False
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value != usual[name]}
    for name, value in given.items():
        words = [*words, f"--{name.replace('_', '-')}"]
        if value is not True:
            words.append(value.as_posix() if isinstance(value, Path) else str(value))
    return shlex.join(["optiscope", *words])


def write_report(folder: Path, fresh: bool = False) -> list[Path]:
    """Write the pages of a folder that holds runs, and give the files. Raises InputError where it holds none.

    A folder remembers what the command that ran its study told its page; one that does not is called by its name.
    """
    store = stored(folder)
    runs = store.runs()
    if runs.empty:
        raise InputError(f"{str(folder)!r} holds no finished run yet")
    from ..report import About, remembered, write_study_page

    about = remembered(folder) or About(folder.name, command_of(["report", folder.as_posix()]), {}, ())
    files = write_study_page(
        folder, store, about.run_ids, title=about.title, command=about.command, pictures=about.pictures,
        methods=about.methods, fresh=fresh,
    )  # fmt: skip
    results = runs[runs["purpose"] == "result"]
    if results.empty:
        print(f"{len(runs):,} trial{'s' * (len(runs) != 1)} of a search and no result yet: nothing can be compared")
    else:
        _summary(store, None if about.run_ids is None else list(about.run_ids))
    _where(folder, files)
    _tell_lost(results)
    return files


def lost(runs: pd.DataFrame) -> str:
    """How many of these runs failed or diverged, and what the first of them died of; nothing where none did."""
    counts = {status: int((runs["status"] == status).sum()) for status in LOST}
    if not any(counts.values()):
        return ""
    told = [f"{count} {LOST[status]}" for status, count in counts.items() if count]
    if len(told) == 1:
        many = "all" if len(runs) in counts.values() else f"{sum(counts.values())} of"
        said = f"{many} {len(runs)} runs {LOST[max(counts, key=counts.__getitem__)]}"
    else:
        said = f"of {len(runs)} runs {' and '.join(told)}"
    worst = runs[runs["status"] == next(status for status in LOST if counts[status])].iloc[0]
    who = f"{worst['problem']} / {worst['optimizer']} / {worst['schedule']} / lr {worst['lr']:g} / seed {worst['seed']}"
    return f"{said}; the first, {who}: {worst['error'] or f'the loss was not finite at step {worst.steps_done + 1}'}"


def _run(
    study: Study, store: Store, jobs: int, cluster: str | None, device: str, memory_mb: int, verbose: bool,
    console: Console,
) -> StudyResult:  # fmt: skip
    work: dict[Problem, int] = {}
    for block in study.blocks:
        for problem, steps in block.work().items():
            work[problem] = work.get(problem, 0) + steps

    def say(run: Run, event: dict[str, Any]) -> None:
        who = f"{run.problem.name} / {run.optimizer.name} / {run.schedule.name} / lr {run.lr:g} / seed {run.seed}"
        console.print(f"{who}: {_said(event)}", highlight=False, markup=False, soft_wrap=True)

    with StudyProgress(work, console) as bar:
        fresh = not any((store.path / "runs").iterdir())
        for problem in work:
            if fresh and not problem.is_function and cluster is None:
                # A network's step costs anything from a millisecond to seconds: one is timed for the estimate.
                bar.calibrated(problem, run_single_step(problem, device))
        return study.run(
            store, device=device, jobs=jobs, cluster=cluster, memory_mb=memory_mb, progress=bar.finished,
            on_event=say if verbose else None,
        )  # fmt: skip


def _said(event: dict[str, Any]) -> str:
    if event["kind"] == "lr":
        return f"step {event['step']}: lr {event['from']:.4g} -> {event['to']:.4g}"
    return event["text"] if event["kind"] in ("note", "training") else f"{event['kind']}: {event['text']}"


def _race(results: Path, console: Console) -> Any:
    from ..racing import prepare_race
    from ..render import save_picture
    from ..report import Picture

    target = results / "optimizers.gif"
    if not target.exists():
        with console.status("drawing the race …"):
            save_picture(prepare_race().draw(), target)
    words = target.with_suffix(".alt.txt")
    told = words.read_text(encoding="utf-8").strip() if words.exists() else ""
    return Picture(
        str(target.resolve()), "The race", told or "Seven optimizers run over Beale's function from one start.",
        "Each at the best rate of one and the same search; the rates are in the picture.",
    )  # fmt: skip


def help_of(problems: Sequence[Problem]) -> str:
    """What the optimizers were helped by, in words: only the switches that a problem asks for, each with its name."""
    told = {}
    for problem in problems:
        training = problem.task.training if problem.task else None
        if training is not None and training.told:
            told[problem.name] = "; ".join(training.told)
    clipped = any(
        p.task and p.task.training and {"clip_norm", "clip_value"} & set(p.task.training.set) for p in problems
    )
    words = [*([] if clipped else ["no gradient clipping"]), "no boundary penalty", "no projection"]
    asked = [f"{name}: {text}" for name, text in told.items()]
    return ", ".join(words) + (f". Asked for in the study: {', and '.join(asked)}" if asked else "")


def _pages(folder: Path, store: Store, outcome: StudyResult, command: str, pictures: list[Any]) -> list[Path]:
    from ..report import write_study_page

    methods = {
        "Selection": "each pair's rate has the lowest median final loss (of a network: validation loss, if any) "
        "over the tuning seeds at the same horizon; a trial that diverged or left the domain counts as infinite; the "
        "grid of a problem grows for all its pairs while any winner sits on its edge",
        "Seeds": "tuning and evaluation seeds are disjoint; evaluation seeds are shared by all optimizers",
        "No silent help": help_of([problem for block in outcome.study.blocks for problem in block.problems]),
    }
    if outcome.searched:
        methods["Random search"] = (
            "every optimizer of a problem has the same number of trials, drawn with the same underlying numbers; the "
            "winner has the lowest median final loss (of a network: validation loss, if any) over the tuning seeds at "
            "the same horizon; a trial that diverged or left the domain counts as infinite"
        )
        if not outcome.tuned:
            del methods["Selection"]
    return write_study_page(
        folder, store, outcome.run_ids, title=f"Study: {outcome.study.name}", command=command, pictures=pictures,
        methods=methods,
    )  # fmt: skip


def _keep_text(folder: Path, study: Study) -> None:
    try:
        (folder / "study.toml").write_text(study.text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write into {str(folder)!r}: {error.strerror or error}") from error


def _summary(store: Store, run_ids: list[str] | None) -> None:
    from rich.table import Table

    from .. import metrics

    runs = store.runs()
    if run_ids is not None:
        runs = runs[runs["run_id"].isin(set(run_ids)) | (runs["purpose"] == "tuning")]
    won = metrics.ranking(metrics.comparison(runs))
    table = Table(title="What won", title_justify="left", box=None, pad_edge=False)
    for name in ("problem", "optimizer", "schedule", "lr", "final", "judged by", "tied with", "runner-up"):
        table.add_column(name, justify="right" if name in ("lr", "final") else "left", overflow="fold")
    settings = metrics.setting_names(won)
    for row in won.itertuples():
        others = int(row.tied) - 1
        where = settings[tuple(getattr(row, name) for name in metrics.SETTING)]
        tied = "nobody" if others < 1 else str(row.tied_with) if others == 1 else f"{others} others"
        behind = f"{row.runner_up}: {metrics.number(row.runner_up_final)}" if row.runner_up else "–"
        table.add_row(
            where, str(row.winner), str(row.schedule), metrics.number(row.lr),
            metrics.number(row.final), str(row.judged_by).removesuffix("_final"), tied, behind,
        )  # fmt: skip
    console = printer()
    console.print(table)
    console.print(
        "A tie: no test with Holm's correction tells them apart at so many seeds. Runner-up: the best not tied."
    )


def _where(folder: Path, files: list[Path]) -> None:
    print(f"report    {files[0]}")
    print(f"page      {files[1]}")
    print(f"tables    {folder / 'tables'}")
    print(f"pictures  {folder / 'pictures'}")
    print(f"runs      {folder}")


def _tell_lost(runs: pd.DataFrame) -> None:
    if told := lost(runs):
        print(f"lost      {told}")
