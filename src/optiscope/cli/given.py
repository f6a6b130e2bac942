"""What a command was given, as it needs it: folders of runs, and rates."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..errors import InputError
from ..store import Store

FRAME = "runs.parquet"  # what a study that is shared keeps of a store: its results alone


def holds_runs(folder: Path) -> bool:
    """Whether a folder is that of a study that was run. Looks, and makes nothing."""
    return any((folder / "runs").glob("*.parquet"))


def stored(folder: Path) -> Store:
    """The store in a folder. Raises InputError where it holds no runs."""
    # Looked at before the store is opened, which would make one; and a folder called runs may be somebody else's.
    if not holds_runs(folder):
        raise InputError(f"{str(folder)!r} holds {_instead(folder)}")
    return Store(folder)


def _instead(folder: Path) -> str:
    """What a folder without runs holds, and what to do."""
    if not (folder / FRAME).is_file():
        return "no runs: give the folder of a study that was run, results/NAME"
    study = folder / "study.toml"
    again = f"; `optiscope run {shlex.quote(study.as_posix())}` makes the store" if study.is_file() else ""
    return (
        f"no runs but {FRAME}, a frame of results without the trials, traces and facts of a store: read it with "
        f"pandas.read_parquet{again}"
    )


def rate(text: str, *words: str) -> float | str:
    """The rate of `--lr`, or one of the words that may stand for it. Raises InputError for any other text."""
    if text in words:
        return text
    try:
        return float(text)
    except ValueError:
        allowed = ", ".join(map(repr, words))
        raise InputError(f"--lr must be {allowed} or a rate > 0, got {text!r}") from None
