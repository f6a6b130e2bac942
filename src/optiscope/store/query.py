"""Which rows of which parts: filters on columns, each run once, and no column or row group read that is not needed."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, hint, nearest
from ..record import RUNS_COLUMNS, TRACE_COLUMNS, Status
from .parts import Restart, part_names, read_groups, read_parts

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# What a run_id stands for: two copies of a run agree in these, so that they may be filtered before copies are dropped.
IDENTITY = frozenset(("run_id", "problem", "optimizer", "schedule", "lr", "seed", "start", "steps", "dtype"))


@dataclass(frozen=True)
class Chosen:
    """Rows of one runs part: their places, their run_ids, and whether they are all there are."""

    name: str
    rows: np.ndarray
    run_ids: pa.Array
    whole: bool


def select(root: Path, run_ids: Iterable[str] | None, where: Mapping[str, Any]) -> list[Chosen]:
    """The rows that `where` and `run_ids` ask for, by part, each run once: of two copies, the one in the first part."""
    import pyarrow as pa
    import pyarrow.compute as pc

    allowed = {name: _values(name, value) for name, value in where.items() if name in RUNS_COLUMNS}
    if run_ids is not None:
        allowed["run_id"] = _values("run_id", run_ids)
    names = part_names(root, "runs")
    # A part is not sorted by run_id, which is a hash: its bounds tell nothing off.
    bounds = {name: _sorted(values) for name, values in allowed.items() if name in IDENTITY - {"run_id"}}

    def read(name: str, file: pq.ParquetFile) -> tuple[pa.Table, np.ndarray, int]:
        groups = groups_within(file, bounds)
        return read_groups(file, groups, list({"run_id", *where})), _places(file, groups), file.metadata.num_rows

    found = read_parts(root, "runs", names, read)
    if not found:
        return []
    table = pa.concat_tables([part for part, _, _ in found], promote_options="default")
    _check_names(where, table.column_names)
    allowed |= {name: _values(name, value) for name, value in where.items() if name not in RUNS_COLUMNS}
    keep = _mask(table, {name: values for name, values in allowed.items() if name in IDENTITY})
    keep[keep] = first_copies(table["run_id"].filter(pa.array(keep)))
    keep &= _mask(table, {name: values for name, values in allowed.items() if name not in IDENTITY})
    chosen, begin = [], 0
    for name, (part, places, count) in zip(names, found, strict=True):
        own = keep[begin : begin + len(places)]
        begin += len(places)
        if own.any():
            ids = pc.filter(part["run_id"], pa.array(own)).combine_chunks()
            chosen.append(Chosen(name, places[own], ids, len(ids) == count))
    return chosen


def all_run_ids(root: Path) -> set[str]:
    """The run_ids of all parts: a set needs no copies told apart and no places."""
    import pyarrow as pa

    def read(name: str, file: pq.ParquetFile) -> pa.ChunkedArray:
        return read_groups(file, range(file.num_row_groups), ["run_id"])["run_id"]

    parts = read_parts(root, "runs", part_names(root, "runs"), read)
    return set(pa.chunked_array([chunk for part in parts for chunk in part.chunks], type="string").to_pylist())


def read_runs(root: Path, chosen: Sequence[Chosen], columns: Sequence[str] | None) -> pa.Table:
    """The chosen rows, of the columns asked for: fixed columns first, a problem's own behind them."""
    import pyarrow as pa

    by_name = {part.name: part for part in chosen}
    wanted = None if columns is None else list(dict.fromkeys([*columns, "run_id"]))

    def read(name: str, file: pq.ParquetFile) -> pa.Table:
        part = by_name[name]
        if part.whole:
            return read_groups(file, range(file.num_row_groups), wanted)
        starts = _starts(file)
        groups = np.unique(np.searchsorted(starts, part.rows, side="right") - 1)
        places = np.searchsorted(_places(file, groups), part.rows)
        return read_groups(file, groups.tolist(), wanted).take(pa.array(places))

    tables = read_parts(root, "runs", list(by_name), read)
    return _arranged(tables, RUNS_COLUMNS, RUNS_COLUMNS, columns)


def read_traces(root: Path, chosen: Sequence[Chosen], columns: Sequence[str] | None) -> pa.Table:
    """The traces of the chosen runs."""
    tables = []
    for part in chosen:
        table = read_trace(root, part.name, None if part.whole else part.run_ids, columns)
        if table is not None and table.num_rows:
            tables.append(table)
    always = {name: kind for name, kind in TRACE_COLUMNS.items() if not name.startswith("x")}
    return _arranged(tables, TRACE_COLUMNS, always, columns)


def check_traces(root: Path, chosen: Sequence[Chosen]) -> Sequence[Chosen]:
    """The chosen rows, once the traces that lie beside them were opened: where one is damaged, their runs go, too."""
    there = set(part_names(root, "trace"))
    read_parts(root, "trace", [part.name for part in chosen if part.name in there], lambda name, file: None)
    return chosen


def count_traces(root: Path, chosen: Sequence[Chosen]) -> dict[str, int]:
    """How many trace rows the chosen runs have, of those that have any; one row group in memory at a time."""
    import pyarrow.compute as pc

    found: dict[str, int] = {}
    by_name = {part.name: part for part in chosen}

    def read(name: str, file: pq.ParquetFile) -> None:
        for group in range(file.num_row_groups):
            ids = read_groups(file, [group], ["run_id"])["run_id"]
            if not by_name[name].whole:
                ids = ids.filter(pc.is_in(ids, value_set=by_name[name].run_ids))
            for count in pc.value_counts(ids).to_pylist():
                found[count["values"]] = found.get(count["values"], 0) + count["counts"]

    there = set(part_names(root, "trace"))
    read_parts(root, "trace", [name for name in by_name if name in there], read)
    return found


def read_trace(root: Path, name: str, run_ids: pa.Array | None, columns: Sequence[str] | None) -> pa.Table | None:
    """The trace of one part, of all its runs or of some; None where its runs were not traced."""
    import pyarrow.compute as pc

    if not os.path.lexists(root / "trace" / name):
        # Runs are removed before their trace: while they are there, the trace was not there either.
        if not (root / "runs" / name).exists():
            raise Restart
        return None
    bounds = {} if run_ids is None else {"run_id": _sorted(run_ids)}
    wanted = None if columns is None else list(dict.fromkeys([*columns, "run_id"]))

    def read(name: str, file: pq.ParquetFile) -> pa.Table:
        table = read_groups(file, groups_within(file, bounds), wanted)
        return table if run_ids is None else table.filter(pc.is_in(table["run_id"], value_set=run_ids))

    return read_parts(root, "trace", [name], read)[0]


def groups_within(file: pq.ParquetFile, bounds: Mapping[str, list[Any] | None]) -> list[int]:
    """The row groups whose least and greatest values leave room for one of the sorted values of each column."""
    names = file.metadata.schema.names
    places = {names.index(name): values for name, values in bounds.items() if name in names and values is not None}

    def may_hold(group: int) -> bool:
        row_group = file.metadata.row_group(group)
        for place, values in places.items():
            statistics = row_group.column(place).statistics
            if statistics is not None and statistics.has_min_max:
                k = bisect_left(values, statistics.min)
                if k == len(values) or values[k] > statistics.max:
                    return False
        return True

    return [group for group in range(file.num_row_groups) if may_hold(group)]


def _starts(file: pq.ParquetFile) -> np.ndarray:
    counts = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    return np.concatenate([[0], np.cumsum(counts)])[: len(counts)].astype(np.int64)


def _places(file: pq.ParquetFile, groups: Iterable[int]) -> np.ndarray:
    """The places in the part of the rows of some row groups."""
    starts = _starts(file)
    pieces = [starts[group] + np.arange(file.metadata.row_group(int(group)).num_rows) for group in groups]
    return np.concatenate([np.empty(0, np.int64), *pieces])


def _mask(table: pa.Table, allowed: Mapping[str, pa.Array]) -> np.ndarray:
    import pyarrow.compute as pc

    keep = np.ones(table.num_rows, bool)
    for name, values in allowed.items():
        keep &= pc.is_in(table[name], value_set=values).to_numpy()
    return keep


def first_copies(run_ids: pa.ChunkedArray) -> np.ndarray:
    """Of runs that stand there more than once, the first: booleans, one for each row."""
    codes = run_ids.combine_chunks().dictionary_encode()
    keep = np.ones(len(run_ids), bool)
    if len(codes.dictionary) < len(run_ids):
        keep[:] = False
        keep[np.unique(codes.indices.to_numpy(), return_index=True)[1]] = True
    return keep


def _values(name: str, value: Any) -> pa.Array:
    """The values that a filter lets through, in the column's type. Raises InputError for those that cannot be in it."""
    import pyarrow as pa

    if isinstance(value, pa.Array):
        return value
    values: list[Any] = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    kind = RUNS_COLUMNS.get(name, "double")
    try:
        array = pa.array(values, type=kind)
        fits = kind != "int64" or array.to_pylist() == values
    except (pa.ArrowException, OverflowError):
        fits = False
    if not fits:
        what = {"string": "text", "int64": "whole numbers", "double": "numbers"}[kind]
        raise InputError(f"the column {name!r} holds {what}, got {value!r}")
    if name == "status":
        known = [status.value for status in Status]
        for one in values:
            if one not in known:
                raise InputError(f"unknown status {one!r}{hint(str(one), known)} allowed: {', '.join(known)}")
    return array


def _sorted(values: pa.Array) -> list[Any] | None:
    """Values to hold against the bounds of a row group; None where one of them has no place in an order."""
    listed = values.to_pylist()
    return None if any(one is None or one != one for one in listed) else sorted(listed)


def _check_names(asked: Iterable[str], there: Iterable[str], fixed: Mapping[str, str] = RUNS_COLUMNS) -> None:
    known = dict.fromkeys([*fixed, *there])
    for name in asked:
        if name not in known:
            raise InputError(
                f"no column {name!r}{nearest(name, known)}; the columns are {', '.join(fixed)} and the problems' own"
            )


def _arranged(
    tables: Sequence[pa.Table], fixed: Mapping[str, str], always: Mapping[str, str], columns: Sequence[str] | None
) -> pa.Table:
    """One table: `always` columns even when empty, the other fixed ones, then a problem's own that hold anything."""
    import pyarrow as pa

    if columns is not None and tables:
        _check_names(columns, (name for table in tables for name in table.column_names), fixed)
    names = list(always) if columns is None else list(dict.fromkeys(columns))
    # An empty table in front gives the columns their order; what a part lacks is null in its rows.
    order = pa.table({name: pa.array([], type=fixed.get(name, "double")) for name in names})
    table = pa.concat_tables([order, *tables], promote_options="default")
    if columns is not None:
        return table.select(names)
    # A column of nulls alone belongs to other problems that happen to share a part.
    own = [name for name in table.column_names if name not in always and table[name].null_count < len(table)]
    return table.select([*always, *(n for n in fixed if n in own), *sorted(n for n in own if n not in fixed)])
