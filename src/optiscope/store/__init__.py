"""Append-only folder of Parquet parts: runs, trace, provenance. Knows tables, not engines; may import floors 0 and 1.

    store/runs/PART.parquet        one batch of runs rows
    store/trace/PART.parquet       the traces of that batch
    store/provenance/ID.json       machine and versions, once
    store/provenance/tiers/        verdicts on tiers, with their evidence
    store/provenance/searches/     what random searches declared and found
    store/aside/                   files that were found damaged or foreign, moved out of the way

A part is written under a temporary name, flushed to the disk and renamed; the trace first, so that the runs part is
the commit: a trace part without its runs part does not count. A killed process leaves at most files that nobody reads.
A part never changes. `compact` writes a large one, and only then removes the small ones that went into it; whoever
sees both counts each run once, and whoever misses one that was just removed begins to read again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, shown
from ..record import Batch, runs_frame, trace_frame
from .parts import name_strangers, new_name, read_json, refuse_foreign, steady, write_json, write_part

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from .compaction import Compaction

ROOMS = ("runs", "trace", "provenance")


class Store:
    """A folder of finished runs, safe to kill, resume and share.

    `Store(path)` opens or makes it, and names files in it that are not its own. Raises StoreError where the folder
    cannot be written, was written by another version, or is somebody else's.
    """

    def __init__(self, path: str | os.PathLike[str]):
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or "\0" in str(path):
            raise StoreError(f"a store is a folder: give its path, got {shown(path)}")
        self.path = Path(path)
        try:
            if (self.path / "runs").is_dir():
                refuse_foreign(self.path)
            for room in ROOMS:
                (self.path / room).mkdir(parents=True, exist_ok=True)
            name_strangers(self.path)
        except OSError as error:
            raise StoreError(f"cannot make a store in {str(self.path)!r}: {error.strerror or error}") from error

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, batch: Batch) -> None:
        """Add finished runs with their traces, whole or not at all."""
        if not batch.runs.num_rows:
            return
        part = new_name()
        if batch.trace is not None:
            write_part(self.path / "trace" / part, batch.trace)
        write_part(self.path / "runs" / part, batch.runs)

    def add_provenance(self, key: str, facts: dict[str, Any]) -> None:
        """Keep the facts that runs refer to by `provenance_id`."""
        target = self.path / "provenance" / f"{key}.json"
        if self._facts(target) is None:
            write_json(target, facts)

    def add_verdicts(self, verdicts: Mapping[str, dict[str, Any]]) -> None:
        """Keep the verdicts on tiers, one file each, so that writers do not meet."""
        folder = self.path / "provenance" / "tiers"
        for key, verdict in verdicts.items():
            folder.mkdir(exist_ok=True)
            name = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
            write_json(folder / f"{name}.json", {"key": key, "verdict": verdict})

    def add_search(self, key: str, facts: Mapping[str, Any]) -> None:
        """Keep what a search declared and found: its space cannot be read off its trials."""
        folder = self.path / "provenance" / "searches"
        folder.mkdir(exist_ok=True)
        write_json(folder / f"{key}.json", facts)

    def compact(self, progress: Callable[[int, int], None] | None = None) -> Compaction:
        """Fold many small parts into few large ones, sorted so that filters read little; the frames stay the same.

        Safe to kill, and safe beside processes that append or read. `progress` is called with the parts folded so far
        and the parts to fold. Raises StoreError where the folder cannot be written or is being compacted already.
        """
        from .compaction import compact

        return compact(self.path, progress)

    # -- reading ------------------------------------------------------------------------------------------------

    def done(self) -> set[str]:
        """The run_ids that are finished. To ask for some, `finished` makes no set of all."""
        from .query import all_run_ids

        return steady(lambda: all_run_ids(self.path))

    def finished(self, run_ids: Sequence[str]) -> np.ndarray:
        """Which of these runs are finished, and their traces whole as far as they have any: booleans, one for each."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from .query import check_traces, select

        asked = pa.array(run_ids, type="string")
        found = [part.run_ids for part in steady(lambda: check_traces(self.path, select(self.path, asked, {})))]
        if not found:
            return np.zeros(len(asked), bool)
        return pc.is_in(asked, value_set=pa.concat_arrays(found)).to_numpy(zero_copy_only=False)

    def runs(
        self, run_ids: Iterable[str] | None = None, *, columns: Sequence[str] | None = None, **where: Any
    ) -> pd.DataFrame:
        """The runs frame: every finished run once, or those asked for.

        `where` names columns and the value, or the values, that a run must have there; `columns` are those to read.
        Only what is needed is read from the disk: `runs(problem="beale", optimizer=["SGD", "Adam"], columns=["lr",
        "loss_final"])`. Raises InputError for a column that there is not, and for values that a column cannot hold.
        """
        from .query import read_runs, select

        chosen = _once(run_ids)
        return runs_frame(steady(lambda: read_runs(self.path, select(self.path, chosen, where), columns)))

    def trace(
        self, run_ids: Iterable[str] | None = None, *, columns: Sequence[str] | None = None, **where: Any
    ) -> pd.DataFrame:
        """The trace frame of every finished run, or of those asked for, ordered by step within a run.

        `where` filters by the columns of the runs frame, as in `runs`; `columns` are those of the trace to read.
        """
        from .query import read_traces, select

        chosen = _once(run_ids)
        return trace_frame(steady(lambda: read_traces(self.path, select(self.path, chosen, where), columns)))

    def trace_rows(self, run_ids: Sequence[str]) -> np.ndarray:
        """How many rows of the trace frame each of these runs has: whole numbers, one for each."""
        import numpy as np

        from .query import count_traces, select

        asked = list(run_ids)
        counts = steady(lambda: count_traces(self.path, select(self.path, asked, {})))
        return np.array([counts.get(run_id, 0) for run_id in asked], dtype=np.int64)

    def provenance(self) -> dict[str, dict[str, Any]]:
        """The facts by `provenance_id`."""
        found = {path.stem: self._facts(path) for path in sorted((self.path / "provenance").glob("[!.]*.json"))}
        return {key: facts for key, facts in found.items() if facts is not None}

    def verdicts(self) -> dict[str, dict[str, Any]]:
        """Which tier each optimizer was proved right in, with the evidence, by the chooser's key."""
        found = {}
        for path in sorted((self.path / "provenance" / "tiers").glob("[!.]*.json")):
            kept = read_json(self.path, path, _is_verdict, "what it says is proved again")
            if kept is not None:
                found[kept["key"]] = kept["verdict"]
        return found

    def searches(self) -> list[dict[str, Any]]:
        """What the searches declared and found."""
        paths = sorted((self.path / "provenance" / "searches").glob("[!.]*.json"))
        loss = "the space of a search is no longer known"
        found = [read_json(self.path, path, lambda value: isinstance(value, dict), loss) for path in paths]
        return [facts for facts in found if facts is not None]

    def _facts(self, path: Path) -> dict[str, Any] | None:
        loss = "the machine and versions of its runs are no longer known"
        return read_json(self.path, path, lambda value: isinstance(value, dict), loss)


def _is_verdict(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("key"), str) and isinstance(value.get("verdict"), dict)


def _once(run_ids: Iterable[str] | None) -> Sequence[str] | None:
    """An iterable that can be gone through again: a reader may have to begin anew."""
    return None if run_ids is None else list(run_ids)


def as_store(value: Store | str | os.PathLike[str] | None) -> Store | None:
    """A Store from a path, itself, or None."""
    return value if value is None or isinstance(value, Store) else Store(value)
