"""`optiscope benchmarks`: the page and the pictures of what `pytest --benchmark` saved."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..report.benchmarks import write_benchmarks
from ..timings import newest_runs


def write_page(results: Path) -> None:
    """Write `benchmarks.md` beside the folder of saved runs, and the pictures into it; print where they are."""
    runs = newest_runs(results / "benchmarks")
    if not runs:
        raise InputError(f"{str(results / 'benchmarks')!r} holds no saved run: make one with pytest --benchmark")
    for path in write_benchmarks(results, runs):
        print(path)
