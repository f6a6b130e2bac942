"""A saved run, read and put into frames; finding one by its number, its name or its path."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, nearest
from .check import check_saved
from .figures import figures_of

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("results/benchmarks")
# What makes a machine another one. Not its torch, nor the commit: those are what one compares.
MACHINE = ("cpu", "cpu_model", "cores", "memory_gb", "gpu", "threads")
MEMORY_TOLERANCE = 0.05  # the system keeps some for itself, not always as much


@dataclass(frozen=True)
class SavedRun:
    """One file: the machine's facts, the harness's record (level, probes, reference step), and its benchmarks."""

    path: Path
    facts: dict[str, Any]
    harness: dict[str, Any]
    benchmarks: list[dict[str, Any]]
    made: str
    files: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()

    @property
    def machine(self) -> str:
        """The machine's name."""
        return str(self.facts.get("machine") or self.path.parent.name)

    @property
    def label(self) -> str:
        """File, date, commit and torch in one line."""
        torch = self.facts.get("torch", "unknown")
        return f"{self.path.name}, {self.made[:10]}, {self.commit or 'unknown commit'}, torch {torch}"

    @property
    def commit(self) -> str:
        """The first twelve digits of the commit, and whether files were changed; empty where it is unknown."""
        commit = str(self.facts.get("commit") or "")[:12]
        return f"{commit} (dirty)" if commit and self.facts.get("dirty") else commit

    def differences(self, other: SavedRun) -> dict[str, tuple[Any, Any]]:
        """What `machines_apart` says of both."""
        return machines_apart(self.facts, other.facts)

    def frame(self, group: str | None = None) -> pd.DataFrame:
        """One row a benchmark: `name`, `group`, the seconds of each round (`data`), their median, all figures."""
        import pandas as pd

        rows = [
            {
                "name": one["fullname"], "group": one["group"],
                "data": one["stats"].get("data") or [one["stats"]["median"]],
                "median_s": one["stats"]["median"], "q25_s": one["stats"]["q1"], "q75_s": one["stats"]["q3"],
                "rounds": one["stats"]["rounds"], **one["extra_info"],
            }
            for one in self.benchmarks
            if group is None or one["group"] == group
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def reference(self, beside: bool = True) -> dict[str, list[float]]:
        """Seconds of the reference step, by device: before each benchmark where they are known and asked for.

        Else those of the beginning and the end, which are of other blocks: of two runs, take the same of both.
        """
        ends = {device: one["seconds"] for device, one in self.harness["reference"].items()}
        return ends | (self.harness.get("beside", {}) if beside else {})

    @property
    def beside(self) -> bool:
        """Whether the reference step was taken before each benchmark, on every device."""
        return set(self.harness["reference"]) <= set(self.harness.get("beside", {}))

    def figures(self) -> list[dict[str, Any]]:
        """One row a ratio, memory figure or count that a benchmark recorded, as `figures_of` gives them."""
        return [row for one in self.benchmarks for row in figures_of(one)]

    def convergence(self) -> pd.DataFrame:
        """One row a cell, target and seed, with the columns that `convergence_verdicts` asks for."""
        import pandas as pd

        rows = [
            {
                **{key: one["extra_info"][key] for key in ("problem", "optimizer", "schedule")},
                "horizon": one["extra_info"]["steps"], "lr": one["extra_info"]["lr"],
                "metric": target["metric"], "target": target["target"],
                "seed": seed, "steps": float("inf") if steps is None else float(steps),
            }
            for one in self.benchmarks
            for target in one["extra_info"].get("targets", ())
            for seed, steps in zip(one["extra_info"]["seeds"], target["steps"], strict=True)
        ]  # fmt: skip
        return pd.DataFrame(rows)


def machines_apart(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What of `MACHINE` is not the same, with both values; nothing where both facts are of one kind of machine.

    Memory may differ by a twentieth. A model of processor that one of them does not name says nothing.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for key in MACHINE:
        mine, theirs = a.get(key), b.get(key)
        if key == "memory_gb" and mine and theirs:
            same = abs(mine - theirs) <= MEMORY_TOLERANCE * max(mine, theirs)
        else:
            same = mine == theirs or (key == "cpu_model" and not (mine and theirs))
        if not same:
            found[key] = (mine or "none", theirs or "none")
    return found


def load_run(path: str | os.PathLike[str]) -> SavedRun:
    """Read a file. Raises InputError, naming file and field, where it is none of `pytest --benchmark`."""
    path = Path(path)
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        check_saved(whole)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{str(path)!r} is no file that pytest --benchmark saved: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is no file that pytest --benchmark saved: no JSON, {error}") from error
    return SavedRun(path, whole["machine_info"], whole["optiscope"], whole["benchmarks"], whole["datetime"])


def saved_runs(folder: str | os.PathLike[str] = FOLDER) -> list[Path]:
    """All files in the folder, of every machine, by machine and number."""
    return sorted(Path(folder).glob("*/[0-9][0-9][0-9][0-9]_*.json"))


def find_run(text: str, folder: str | os.PathLike[str] = FOLDER) -> Path:
    """The file that is meant: a path, or a number, name or end of a path that only one file in the folder has.

    Raises InputError where there is none, or more than one.
    """
    if Path(text).is_file():
        return Path(text)
    files = saved_runs(folder)
    found = [one for one in files if text in (one.name.split("_")[0], one.stem, one.name) or str(one).endswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{text!r} is one of several files: {', '.join(map(str, found))}; give one of these paths")
    names = [one.stem for one in files]
    raise InputError(
        f"there is no saved run {text!r}{nearest(text, names) or ';'} "
        f"{f'{str(folder)!r} holds: ' + ', '.join(names) if names else f'{str(folder)!r} holds none'}"
    )


def together(runs: Sequence[SavedRun]) -> SavedRun:
    """Runs of one machine as one, oldest first: of each benchmark the newest, and of each device's probes."""
    newest = runs[-1]
    harness = dict(newest.harness)
    for name in ("bandwidth", "reference", "beside"):
        harness[name] = {device: one for run in runs for device, one in run.harness.get(name, {}).items()}
    harness["seconds"] = sum(run.harness["seconds"] for run in runs)
    benchmarks = {one["fullname"]: one for run in runs for one in run.benchmarks}
    files = tuple(run.path.name for run in runs)
    commits = tuple(dict.fromkeys(run.commit for run in runs))
    return replace(newest, harness=harness, benchmarks=list(benchmarks.values()), files=files, commits=commits)


def newest_runs(folder: str | os.PathLike[str] = FOLDER) -> list[SavedRun]:
    """Of each machine the newest run of a whole selection, or, where none is whole, all of it `together`."""
    by_machine: dict[Path, list[SavedRun]] = {}
    for path in saved_runs(folder):
        by_machine.setdefault(path.parent, []).append(load_run(path))
    found = []
    for runs in by_machine.values():
        whole = [one for one in runs if one.harness.get("whole") and one.harness.get("level") != "quick"]
        found.append(whole[-1] if whole else together(runs))
    return found
