"""`optiscope gallery`: every recipe of a folder into its picture, and the page that shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..errors import OptiscopeError, reason_of
from ..report.gallery import read_recipes, write_gallery
from .output import Console


def make_gallery(recipes: Path | None, results: Path, only: Sequence[str], *, tiny: bool) -> None:
    """Make the pictures one by one, write gallery.md, and print where they are; exit with 1 where any failed."""
    folder = recipes or _own_recipes()
    every = read_recipes(folder)
    chosen = read_recipes(folder, only) if only else every
    failed = []
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:<18}"), BarColumn(bar_width=30), TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=len(chosen))
        for recipe in chosen:
            bar.update(task, description=recipe.name)
            begin = time.perf_counter()
            try:
                path = recipe.cook(results / recipe.file, tiny=tiny)
            except Exception as error:  # a recipe is anybody's file: one that fails is told, and keeps none from theirs
                kind = "" if isinstance(error, OptiscopeError) else f"{type(error).__name__}: "
                failed.append(recipe.name)
                console.print(f"{recipe.name}: {kind}{reason_of(error)}", markup=False, highlight=False, soft_wrap=True)
            else:
                size, spent = path.stat().st_size / 1e3, time.perf_counter() - begin
                print(f"{path}  ({size:.0f} kB, {spent:.1f} s)", flush=True)
            bar.advance(task)
    print(write_gallery(every, results, _way(results, folder)))
    if failed:
        console.print(f"{len(failed)} of {len(chosen)} failed: {', '.join(failed)}", markup=False, highlight=False)
        raise typer.Exit(1)


def _own_recipes() -> Path:
    """`viz` of the current folder, or of the checkout that this package is installed from."""
    here = Path("viz")
    return here if here.is_dir() else Path(__file__).parents[3] / "viz"


def _way(results: Path, folder: Path) -> str:
    """From the page to the recipes."""
    return Path(os.path.relpath(folder, results)).as_posix()
