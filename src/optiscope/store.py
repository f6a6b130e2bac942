"""Append-only folder of Parquet parts: runs, trace, provenance. Knows tables, not engines; may import floors 0 and 1.

    store/runs/PART.parquet        one batch of runs rows
    store/trace/PART.parquet       the traces of that batch
    store/provenance/ID.json       machine and versions, once; in folders of it, verdicts on tiers and searches
    store/aside/                   files that were found damaged or foreign, moved out of the way

A part is written under a temporary name, flushed to the disk and renamed; the trace first, so that the runs part is
the commit: a trace part without its runs part does not count. A killed process leaves at most files that nobody reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StoreError
from .record import SCHEMA_VERSION, Batch, runs_frame, trace_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_VERSION_KEY = b"optiscope_schema"


class Store:
    """A folder of finished runs, safe to kill, resume and share.

    `Store(path)` opens or makes it. Raises StoreError where the folder cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        try:
            for room in ("runs", "trace", "provenance"):
                (self.path / room).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make a store in {str(self.path)!r}: {error.strerror or error}") from error

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, batch: Batch) -> None:
        """Add finished runs with their traces, whole or not at all."""
        if not batch.runs.num_rows:
            return
        part = f"{uuid.uuid4().hex[:16]}.parquet"
        if batch.trace is not None:
            self._write(self.path / "trace" / part, batch.trace)
        self._write(self.path / "runs" / part, batch.runs)

    def add_provenance(self, key: str, facts: dict[str, Any]) -> None:
        """Keep the facts that runs refer to by `provenance_id`."""
        target = self.path / "provenance" / f"{key}.json"
        if not target.exists():
            self._replace(target, lambda temporary: temporary.write_text(json.dumps(facts, indent=2) + "\n"))

    def add_search(self, key: str, facts: dict[str, Any]) -> None:
        """Keep what a search declared and found: its space cannot be read off its trials."""
        folder = self.path / "provenance" / "searches"
        folder.mkdir(exist_ok=True)
        text = json.dumps(facts, indent=2, default=repr) + "\n"
        self._replace(folder / f"{key}.json", lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def add_verdicts(self, verdicts: dict[str, dict[str, Any]]) -> None:
        """Keep the verdicts on tiers, one file each, so that writers do not meet."""
        folder = self.path / "provenance" / "tiers"
        for key, verdict in verdicts.items():
            folder.mkdir(exist_ok=True)
            text = json.dumps({"key": key, "verdict": verdict}, indent=2) + "\n"
            name = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
            self._replace(folder / f"{name}.json", lambda temporary, text=text: temporary.write_text(text))

    def _write(self, target: Path, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        metadata = {**(table.schema.metadata or {}), _VERSION_KEY: str(SCHEMA_VERSION).encode()}
        table = table.replace_schema_metadata(metadata)
        self._replace(target, lambda temporary: pq.write_table(table, temporary, compression="zstd"))

    def _replace(self, target: Path, write: Callable[[Path], Any]) -> None:
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            write(temporary)
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            os.replace(temporary, target)
        except OSError as error:
            raise StoreError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
        finally:
            temporary.unlink(missing_ok=True)

    # -- reading ------------------------------------------------------------------------------------------------

    def done(self) -> set[str]:
        """The run_ids that are finished."""
        return {run_id for _, table in self._parts("runs", ["run_id"]) for run_id in table["run_id"].to_pylist()}

    def runs(self, run_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """The runs frame: every finished run once, or those asked for."""
        return runs_frame(self._read_runs(run_ids))

    def trace(self, run_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """The trace frame of every finished run, or of those asked for, ordered by step within a run."""
        import pyarrow as pa

        owner = self._owners()
        wanted = None if run_ids is None else set(run_ids)
        tables = []
        for name, ids in owner.items():
            own = ids if wanted is None else ids & wanted
            path = self.path / "trace" / name
            if not own or not path.exists():
                continue
            filters = None if own == ids and self._sole(name) else [("run_id", "in", sorted(own))]
            table = self._read(path, None, filters)
            if table is not None and table.num_rows:
                tables.append(table)
        return trace_frame(pa.concat_tables(tables, promote_options="default") if tables else None)

    def provenance(self) -> dict[str, dict[str, Any]]:
        """The facts by `provenance_id`."""
        return {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((self.path / "provenance").glob("*.json"))
        }

    def searches(self) -> list[dict[str, Any]]:
        """What the searches declared and found."""
        paths = sorted((self.path / "provenance" / "searches").glob("[!.]*.json"))
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def verdicts(self) -> dict[str, dict[str, Any]]:
        """Which tier each optimizer was proved right in, with the evidence, by the chooser's key."""
        found = {}
        for path in sorted((self.path / "provenance" / "tiers").glob("*.json")):
            kept = json.loads(path.read_text(encoding="utf-8"))
            found[kept["key"]] = kept["verdict"]
        return found

    def _read_runs(self, run_ids: Iterable[str] | None) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = list(self._parts("runs", None))
        if not parts:
            return None
        table = pa.concat_tables([part for _, part in parts], promote_options="default")
        if run_ids is not None:
            table = table.filter(pc.is_in(table["run_id"], pa.array(sorted(set(run_ids)), type="string")))
        return _first_of_each(table)

    def _owners(self) -> dict[str, set[str]]:
        """Which part holds which runs, each run once: two processes may have finished the same one."""
        owners: dict[str, set[str]] = {}
        seen: set[str] = set()
        self._shared: set[str] = set()
        for name, table in self._parts("runs", ["run_id"]):
            ids = set(table["run_id"].to_pylist())
            owners[name] = ids - seen
            if ids & seen:
                self._shared.add(name)
            seen |= ids
        return owners

    def _sole(self, name: str) -> bool:
        return name not in self._shared

    def _parts(self, room: str, columns: list[str] | None) -> Iterable[tuple[str, pa.Table]]:
        # Names that begin with a dot are writes in flight; what is no Parquet file is somebody else's, and left alone.
        for path in sorted((self.path / room).glob("[!.]*.parquet")):
            table = self._read(path, columns, None)
            if table is not None:
                yield path.name, table

    def _read(self, path: Path, columns: list[str] | None, filters: Any) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path) as file:
                version = (file.schema_arrow.metadata or {}).get(_VERSION_KEY)
            if version is None:
                return self._set_aside(path, "it was not written by optiscope")
            if int(version) != SCHEMA_VERSION:
                raise StoreError(
                    f"{str(path)!r} was written by another version of optiscope (tables {int(version)}, this one reads "
                    f"{SCHEMA_VERSION}): use a new folder, or that version"
                )
            return pq.read_table(path, columns=columns, filters=filters, partitioning=None)
        except FileNotFoundError:
            return None
        except (PermissionError, IsADirectoryError) as error:
            raise StoreError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
        except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
            # Arrow reports damaged pages as an OSError without a number; one with a number is the disk's.
            if isinstance(error, OSError) and error.errno is not None:
                raise StoreError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
            return self._set_aside(path, " ".join(str(error).split())[:120])

    def _set_aside(self, path: Path, reason: str) -> None:
        aside = self.path / "aside"
        aside.mkdir(exist_ok=True)
        # A batch whose trace is lost is no longer whole: its runs go too, and are made again.
        for room in {path.parent.name, "runs"}:
            half = self.path / room / path.name
            if half.exists():
                os.replace(half, aside / f"{room}-{path.name}")
        warnings.warn(
            f"{str(path)!r} cannot be read ({reason}); it was moved to {str(aside)!r}, its runs will be run again",
            stacklevel=2,
        )


def _first_of_each(table: pa.Table) -> pa.Table:
    import numpy as np

    ids = table["run_id"].to_numpy(zero_copy_only=False)
    _, first = np.unique(ids.astype(str), return_index=True)
    return table if len(first) == len(ids) else table.take(np.sort(first))


def as_store(value: Store | str | os.PathLike[str] | None) -> Store | None:
    """A Store from a path, itself, or None."""
    return value if value is None or isinstance(value, Store) else Store(value)
