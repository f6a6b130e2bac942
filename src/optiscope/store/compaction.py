"""Folding small parts into large ones, at any moment safe to kill.

    1. the large trace part is written, then the large runs part, which says which parts went into it: the commit
    2. the small parts are removed, runs before trace

Killed before the commit, the small parts stand and the large trace counts for nothing. Killed after it, whoever reads
counts each run once, and the next compaction removes what the large part says it holds. No part is removed but after
one that holds all its runs is on the disk; so two compactions at once, or one beside a writer, lose nothing either.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import StoreError
from .parts import new_name, part_names, read_groups, read_parts, steady, write_part
from .query import first_copies, read_trace, select

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Tell = Callable[[int, int], None]

# A part of half this many rows is large and left alone; the traces bound the memory: some 500 MB while they are sorted.
RUNS_ROWS = 2**19
TRACE_ROWS = 2**21
SORTED_BY = ("problem", "optimizer", "schedule", "lr", "start", "seed", "run_id")
FOLDED_KEY = b"optiscope_folded"
LEFTOVER_SECONDS = 24 * 3600.0  # a write in flight is not this old


@dataclass(frozen=True)
class Compaction:
    """What a compaction did: runs parts and bytes before and after, runs held, and leftovers of the killed removed."""

    parts_before: int
    parts_after: int
    bytes_before: int
    bytes_after: int
    runs: int
    leftovers: int


@dataclass(frozen=True)
class _Size:
    name: str
    runs: int
    trace: int

    @property
    def large(self) -> bool:
        return 2 * self.runs >= RUNS_ROWS or 2 * self.trace >= TRACE_ROWS


def compact(root: Path, progress: Tell | None) -> Compaction:
    """Fold the small parts of a store; see `Store.compact`."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(root / ".compact.lock", timeout=0):
            before = _count(root)
            leftovers = _remove_leftovers(root)
            _finish_interrupted(root)
            _fold_all(root, progress)
            runs = sum(len(part.run_ids) for part in steady(lambda: select(root, None, {})))
            after = _count(root)
    except Timeout:
        raise StoreError(f"{str(root)!r} is being compacted by another process: let it finish") from None
    except OSError as error:
        raise StoreError(f"cannot compact {str(root)!r}: {error.strerror or error}") from error
    return Compaction(before[0], after[0], before[1], after[1], runs, leftovers)


def _fold_all(root: Path, progress: Tell | None) -> None:
    total = folded = 0

    def one_group() -> int:
        nonlocal total
        groups = _groups(_sizes(root))
        total = max(total, folded + sum(map(len, groups)))
        if groups:
            _fold(root, groups[0])
        return len(groups[0]) if groups else 0

    while count := steady(one_group):
        folded += count
        if progress:
            progress(folded, total)


def _groups(sizes: Sequence[_Size]) -> list[list[str]]:
    """Small parts that fold into one; each such part but the last is large, so that nothing is folded over and over."""
    groups: list[list[str]] = []
    runs = trace = 0
    for size in sizes:
        if size.large:
            continue
        if not groups or runs + size.runs > RUNS_ROWS or trace + size.trace > TRACE_ROWS:
            groups.append([])
            runs = trace = 0
        groups[-1].append(size.name)
        runs, trace = runs + size.runs, trace + size.trace
    return [group for group in groups if len(group) > 1]


def _sizes(root: Path) -> list[_Size]:
    def rows(name: str, file: pq.ParquetFile) -> int:
        return file.metadata.num_rows

    names = part_names(root, "runs")
    traced = [name for name in part_names(root, "trace") if name in set(names)]
    counts = dict(zip(traced, read_parts(root, "trace", traced, rows), strict=True))
    runs = read_parts(root, "runs", names, rows)
    return [_Size(name, count, counts.get(name, 0)) for name, count in zip(names, runs, strict=True)]


def _fold(root: Path, names: Sequence[str]) -> None:
    import pyarrow as pa

    parts = read_parts(root, "runs", names, lambda name, file: read_groups(file, range(file.num_row_groups), None))
    runs = pa.concat_tables(parts, promote_options="default")
    first = first_copies(runs["run_id"])
    traces, begin = [], 0
    for name, part in zip(names, parts, strict=True):
        own = pa.array(first[begin : begin + part.num_rows])
        begin += part.num_rows
        table = read_trace(root, name, part["run_id"].filter(own).combine_chunks(), None)
        if table is not None:
            traces.append(table)
    target = new_name()
    if traces:
        write_part(
            root / "trace" / target, _sorted(pa.concat_tables(traces, promote_options="default"), "run_id", "step")
        )
    facts = {FOLDED_KEY: json.dumps(list(names)).encode()}
    write_part(root / "runs" / target, _sorted(runs.filter(pa.array(first)), *SORTED_BY), facts)
    _remove(root, names)


def _sorted(table: pa.Table, *columns: str) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in columns]).combine_chunks()


def _finish_interrupted(root: Path) -> None:
    """Remove the parts that a large one says it holds: somebody was killed between its commit and their removal."""

    def folded(name: str, file: pq.ParquetFile) -> list[str]:
        return json.loads((file.metadata.metadata or {}).get(FOLDED_KEY, b"[]"))

    names = part_names(root, "runs")
    held = steady(lambda: read_parts(root, "runs", part_names(root, "runs"), folded))
    _remove(root, [name for parts in held for name in parts if name in set(names)])


def _remove(root: Path, names: Sequence[str]) -> None:
    for room in ("runs", "trace"):
        for name in names:
            (root / room / name).unlink(missing_ok=True)


def _remove_leftovers(root: Path) -> int:
    """Remove what killed processes left and nobody reads: temporary files, and traces without their runs."""
    count = 0
    for path in _leftovers(root):
        # What a writer at work has renamed meanwhile is no leftover.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink()
                count += 1
    return count


def _leftovers(root: Path) -> Iterator[Path]:
    for room in ("runs", "trace", "provenance", "provenance/tiers"):
        yield from (root / room).glob(".*.tmp")
    runs = set(part_names(root, "runs"))
    yield from (root / "trace" / name for name in part_names(root, "trace") if name not in runs)


def _count(root: Path) -> tuple[int, int]:
    """Runs parts, and bytes of runs and traces."""

    def bytes_of(path: Path) -> int:
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    paths = [root / room / name for room in ("runs", "trace") for name in part_names(root, room)]
    return len(part_names(root, "runs")), sum(map(bytes_of, paths))
