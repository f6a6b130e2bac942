"""`optiscope compare`: two saved benchmark runs, or two stores, and whether the second is worse."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..metrics.regression import paired_steps
from ..report.regressions import compare_convergence, compare_saved
from ..report.tables import write_text
from ..timings import FOLDER, find_run, load_run
from .given import holds_runs, stored


def compare(a: str, b: str, threshold: str, output: Path | None) -> int:
    """Print the page, or write it to `output`, and give the exit code: 1 where something regressed, else 0."""
    share = _share(threshold)
    stores = [holds_runs(Path(one)) for one in (a, b)]
    if all(stores):
        done = compare_convergence(_steps(Path(a)), _steps(Path(b)), (a, b))
    elif any(stores):
        raise InputError(f"{a!r} and {b!r}: one is the folder of a study, and the other is not; give two of a kind")
    elif Path(a).is_dir() and Path(b).is_dir():
        raise InputError(f"{a!r} and {b!r} hold no stored runs: give the folders of two studies as they were run")
    else:
        done = compare_saved(load_run(find_run(a, FOLDER)), load_run(find_run(b, FOLDER)), share)
    if output is None:
        print(done.page, end="")
    else:
        print(f"{write_text(output, done.page)}  ({done.regressions} regressions)")
    return 1 if done.regressions else 0


def _steps(path: Path):
    store = stored(path)
    runs = store.runs()
    results = runs[runs["purpose"] == "result"]
    return paired_steps(runs, store.trace(list(results["run_id"])))


def _share(threshold: str) -> float:
    """`15%` or `0.15`."""
    try:
        share = float(threshold.removesuffix("%")) / (100 if threshold.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < float("inf"):
        raise InputError(f"--threshold must be a share above 0, such as 15% or 0.15, got {threshold!r}")
    return share
