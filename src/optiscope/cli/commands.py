"""The commands and their options. Heavy imports live inside the commands."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def _load_torch(*more: str) -> None:
    """Import torch and `more`, and let an interrupt wait until that is done: amid its C++ it would abort the process.

    What an import makes lives as long as the process. Searching it for garbage again and again, while it grows and
    ever after, takes a fifth of a short command, so it is set aside.
    """
    hits: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: hits.append(number))
    gc.disable()
    try:
        # The first optimizer would import torch._dynamo.
        for name in ("torch", "torch._dynamo", *more):
            importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
        signal.signal(signal.SIGINT, before)
    if hits:
        raise KeyboardInterrupt


app = typer.Typer(
    name="optiscope", add_completion=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="See, compare and time PyTorch optimizers and learning-rate schedules, fairly.",
)  # fmt: skip

Results = Annotated[Path, typer.Option(help="Folder that the results go into: in it, one a study.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes that share the work.")]
Cluster = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers do the work: tcp://host:8786.")
]
Memory = Annotated[
    int, typer.Option("--memory-mb", metavar="MB", min=1, help="Megabytes that a batch of lanes may take.")
]
Device = Annotated[str, typer.Option(help="Where to run: cpu, cuda, cuda:1, mps, …")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Print each event: a change of rate, a note, a divergence.")]


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from .. import __version__

        typer.echo(f"optiscope {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def demo(
    results: Results = Path("results"),
    jobs: Jobs = 1,
    cluster: Cluster = None,
    device: Device = "cpu",
    memory_mb: Memory = 512,
    verbose: Verbose = False,
) -> None:
    """Run the built-in study and the race, and say where everything is."""
    _load_torch()
    from ..study import Study, demo_text
    from .study import run_and_report

    study = Study.parse(demo_text(), "demo study")
    run_and_report(study, results, jobs, cluster, device, memory_mb, verbose, source=None)


@app.command()
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="A study file.")],
    results: Results = Path("results"),
    jobs: Jobs = 1,
    cluster: Cluster = None,
    device: Device = "cpu",
    memory_mb: Memory = 512,
    verbose: Verbose = False,
) -> None:
    """Run a study file; it goes on where it stopped."""
    _load_torch()
    from ..study import Study
    from .study import run_and_report

    # What a study names by import path may lie beside it; last, so that it hides nothing that is installed.
    sys.path.append(str(study.resolve().parent))
    run_and_report(Study.load(study), results, jobs, cluster, device, memory_mb, verbose, source=study)


@app.command()
def gif(
    problem: Annotated[
        str, typer.Argument(help="A 2-D problem, by name or call: 'rosenbrock', 'quadratic(condition=50)'.")
    ] = "beale",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="FILE.gif, .webp, .mp4 or .png. [default: results/optimizers.gif, or PROBLEM.gif]"
        ),
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="An optimizer, by name or call; repeat it for more. [default: the film's seven]"
        ),
    ] = None,
    schedule: Annotated[str, typer.Option(help="One schedule for all.")] = "constant",
    horizon: Annotated[
        str, typer.Option(help="'run' (a schedule ends with the race), or 'free' where its own end is meant.")
    ] = "run",
    lr: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RATE",
            help="'tune' (each at the best of one search), 'default', or a rate; repeat for one each. [default: tune]",
        ),
    ] = None,
    steps: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Steps of the race; rates are tuned for just as many.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of a random start and of gradient noise.")] = 0,
    start: Annotated[str, typer.Option(help="'canonical', 'random', or a point: '1.0,-2.5'.")] = "canonical",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "720x540",
    frames: Annotated[int, typer.Option(min=1, max=10_000, help="Frames before the pause at the end.")] = 220,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600.0, help="Length, without the pause at the end.")] = 11.0,
    hold: Annotated[float, typer.Option(min=0.0, max=3600.0, help="Pause at the end, in seconds.")] = 2.5,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    clock: Annotated[str, typer.Option(help="log (slow at first, the first steps are seen) or linear.")] = "log",
    frame: Annotated[int, typer.Option(help="Of a .png: which frame; -1 is the last, with the verdict.")] = -1,
) -> None:
    """Draw a race; without arguments, the one in results/optimizers.gif."""
    _load_torch("pandas", "optiscope.render")
    from .race import draw_race

    draw_race(
        problem, output, optimizer, schedule, horizon, lr, steps, seed, start, size, frames, seconds, hold, theme,
        clock, frame,
    )  # fmt: skip


@app.command()
def gallery(
    results: Annotated[Path, typer.Option(help="Folder that the pictures and gallery.md go into.")] = Path("results"),
    only: Annotated[list[str] | None, typer.Option(metavar="NAME", help="One recipe; repeat it for more.")] = None,
    tiny: Annotated[bool, typer.Option("--tiny", help="A few seconds' worth of each, to see that it works.")] = False,
    recipes: Annotated[Path | None, typer.Option(help="Folder of the recipes. [default: viz]")] = None,
) -> None:
    """Make every picture of viz/, and the page gallery.md that shows them."""
    _load_torch("pandas", "optiscope.render")
    from .gallery import make_gallery

    make_gallery(recipes, results, only or [], tiny=tiny)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="A folder that a study was run into.")] = Path("results/demo"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Show report.html in a browser, to this machine alone.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --serve: where; 0 for any that is free.")] = 8730,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make all of it again, though nothing changed.")] = False,
) -> None:
    """Write report.md, report.html, tables and pictures from what is stored."""
    _load_torch()
    from .study import write_report

    files = write_report(results, fresh)
    if serve:
        from .serve import serve_page

        serve_page(files[1], port)


@app.command()
def audit(
    results: Annotated[Path, typer.Argument(help="A folder that a study was run into.")] = Path("results/demo"),
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where a rule failed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check a folder of results against the rules of fair comparison: pass, warn or fail."""
    _load_torch()
    from .audit import audit_folder

    audit_folder(results, strict, as_json)


@app.command()
def compact(results: Annotated[Path, typer.Argument(help="A folder that a study was run into.")]) -> None:
    """Fold the many small files of stored runs into few large ones; no run changes."""
    from .compact import compact_store

    compact_store(results)


@app.command("list")
def list_(
    catalogue: Annotated[str, typer.Argument(help="problems, optimizers, schedules or losses.")],
    name: Annotated[
        str | None, typer.Argument(help="An entry, by name or call, to be told all about: 'rosenbrock(dim=10)'.")
    ] = None,
    zoo: Annotated[bool, typer.Option("--zoo", help="Optimizers: those of the package pytorch_optimizer.")] = False,
) -> None:
    """Show a catalogue, or all about one entry of it."""
    _load_torch()
    from .listing import listing

    typer.echo(listing(catalogue, name, zoo))
    if name is None and sys.stdout.isatty():
        typer.echo(f"\n`optiscope list {catalogue} NAME` tells all about one.", err=True)


@app.command()
def groups(
    problem: Annotated[str, typer.Argument(help="A learning problem, by name or call: 'digits-cnn'.")],
    optimizer: Annotated[
        str, typer.Option(metavar="SPEC", help="An optimizer, by name or call: \"AdamW(groups={'bias, norm': {…}})\".")
    ],
    lr: Annotated[str, typer.Option(metavar="RATE", help="'default' or a rate.")] = "default",
) -> None:
    """Show an optimizer's parameter groups on a network: members, rates, decay, and the bytes of its state."""
    _load_torch()
    from .groups import groups_text

    typer.echo(groups_text(problem, optimizer, lr))


@app.command()
def zoo(results: Results = Path("results")) -> None:
    """Try every optimizer of the zoo, and write which tier each takes into zoo.md and zoo.csv."""
    _load_torch()
    from .zoo import write_zoo

    write_zoo(results)


@app.command()
def benchmarks(results: Results = Path("results")) -> None:
    """Write benchmarks.md and its pictures from what pytest --benchmark saved."""
    from .benchmarks import write_page

    write_page(results)


@app.command()
def compare(
    a: Annotated[
        str, typer.Argument(help="The run to compare with: a file, its number in results/benchmarks/, or a store.")
    ],
    b: Annotated[str, typer.Argument(help="The run that is judged, of the same kind.")],
    threshold: Annotated[str, typer.Option(help="What a time must be beyond to count: '15%' or 0.15.")] = "15%",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the page here, not to the screen.")
    ] = None,
) -> None:
    """Say what got slower or converges later from A to B; exit with 1 where anything did."""
    from .compare import compare as compared

    code = compared(a, b, threshold, output)
    if code:
        raise typer.Exit(code)
