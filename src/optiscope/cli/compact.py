"""`optiscope compact`: folds the many small files of a long study, with a bar, and says what became of them."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .given import stored
from .output import Console


def compact_store(folder: Path) -> None:
    """Compact the store in `folder` and print what was done. Raises InputError where there is none."""
    store = stored(folder)
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("folding parts"), BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=None)
        did = store.compact(lambda done, total: bar.update(task, completed=done, total=total))
    print(f"parts     {did.parts_before:,} -> {did.parts_after:,}")
    print(f"bytes     {did.bytes_before:,} -> {did.bytes_after:,}")
    print(f"runs      {did.runs:,}")
    if did.leftovers:
        print(f"removed   {did.leftovers:,} leftovers of killed processes")
