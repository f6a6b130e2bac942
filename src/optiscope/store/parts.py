"""Single files of a store: written whole or not at all, read with their version checked, moved aside when damaged."""

from __future__ import annotations

import json
import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import StoreError
from ..record import RUNS_COLUMNS, SCHEMA_VERSION

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

T = TypeVar("T")

VERSION_KEY = b"optiscope_schema"
# Rows of a row group, by room: few enough that the groups' least and greatest values tell most of them off.
GROUP_ROWS = {"runs": 2**14, "trace": 2**16}
# A part without these is no part; a trace may lack what was not asked for.
NEEDED = {"runs": tuple(RUNS_COLUMNS), "trace": ("run_id", "step")}
RESTARTS = 1000


class Damaged(Exception):
    """A file that cannot be read as what its place says; the text is the reason."""


class Restart(Exception):
    """A part that was listed is gone or was just moved aside: whoever reads begins again with a fresh list."""


def steady(work: Callable[[], T]) -> T:
    """What `work` gives once the parts hold still: a compaction beside it replaces parts between list and reading."""
    for _ in range(RESTARTS):
        try:
            return work()
        except Restart:
            continue
    raise StoreError("the store's parts kept changing while they were read: try again")


# -- writing ----------------------------------------------------------------------------------------------------------


def new_name() -> str:
    """A name that no other part has."""
    return f"{uuid.uuid4().hex[:16]}.parquet"


def write_part(target: Path, table: pa.Table, facts: dict[bytes, bytes] | None = None) -> None:
    """Write a table with the version of the tables, and `facts`, in its metadata."""
    import pyarrow.parquet as pq

    metadata = {**(table.schema.metadata or {}), VERSION_KEY: str(SCHEMA_VERSION).encode(), **(facts or {})}
    table = table.replace_schema_metadata(metadata)
    rows = GROUP_ROWS[target.parent.name]
    replace(target, lambda temporary: pq.write_table(table, temporary, compression="zstd", row_group_size=rows))


def write_json(target: Path, value: Any) -> None:
    """Write a small JSON file."""
    text = json.dumps(value, indent=2, default=repr) + "\n"
    replace(target, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def replace(target: Path, write: Callable[[Path], Any]) -> None:
    """Write under a temporary name, flush to the disk, rename. Raises StoreError where the disk will not."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, target)
        flush_folder(target.parent)
    except OSError as error:
        raise StoreError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder as lasting as the files; where a system opens no folders, it does so itself."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# -- reading ----------------------------------------------------------------------------------------------------------


def part_names(root: Path, room: str) -> list[str]:
    """The parts of a room, sorted. Names with a dot in front are writes in flight; other suffixes are not ours."""
    return sorted(path.name for path in (root / room).glob("[!.]*.parquet"))


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A part, its version checked; what is wrong with it while it is open becomes Damaged, Restart or StoreError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.is_dir():
            raise Damaged("it is a folder")
        with pq.ParquetFile(path) as file:
            _check(path, file)
            yield file
    except FileNotFoundError:
        if path.is_symlink():
            raise Damaged("it is a link to nothing") from None
        raise Restart from None
    except (pa.ArrowException, OSError) as error:
        # Arrow reports damaged pages as an OSError without a number; one with a number is the disk's.
        if isinstance(error, OSError) and error.errno is not None:
            raise StoreError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
        raise Damaged(" ".join(str(error).split())[:120]) from error


def _check(path: Path, file: pq.ParquetFile) -> None:
    version = (file.metadata.metadata or {}).get(VERSION_KEY)
    if version is None:
        raise Damaged("it was not written by optiscope")
    if version != str(SCHEMA_VERSION).encode():
        given = version.decode(errors="replace")
        raise StoreError(
            f"{str(path)!r} was written by another version of optiscope (tables {given}, this one reads "
            f"{SCHEMA_VERSION}): use a new folder, or that version"
        )
    missing = set(NEEDED[path.parent.name]) - set(file.metadata.schema.names)
    if missing:
        # No accident of a disk leaves a whole file without a column: nothing is moved, and nothing run again.
        raise StoreError(
            f"{str(path)!r} lacks the columns {', '.join(sorted(missing))}: something other than optiscope wrote it; "
            "bring back the file as it was, or use a new folder"
        )


def read_groups(file: pq.ParquetFile, groups: Sequence[int], columns: Sequence[str] | None) -> pa.Table:
    """Some row groups of a part; in one thread where handing out the work would cost more than the work."""
    return file.read_row_groups(groups, columns, use_threads=file.metadata.num_rows > GROUP_ROWS["runs"])


def read_parts(root: Path, room: str, names: Sequence[str], read: Callable[[str, pq.ParquetFile], T]) -> list[T]:
    """What `read` gives for each of these parts.

    All are looked at before any is moved: where one is of another version, nothing is touched. Raises Restart where a
    part was moved aside or is gone.
    """
    found, damaged = [], []
    for name in names:
        try:
            with opened(root / room / name) as file:
                found.append(read(name, file))
        except Damaged as error:
            damaged.append((name, str(error)))
    for name, reason in damaged:
        # A batch whose trace is lost is no longer whole: its runs go too, and are made again.
        rooms = [room] if room == "runs" else [room, "runs"]
        set_aside(root, [root / each / name for each in rooms], reason, "its runs will be run again")
    if damaged:
        raise Restart
    return found


def refuse_foreign(root: Path) -> None:
    """Raises StoreError for a folder of another version, or one whose `runs` holds somebody else's Parquet files."""
    for name in part_names(root, "runs"):
        try:
            with opened(root / "runs" / name):
                return
        except (Damaged, Restart):
            continue
    if part_names(root, "runs") and not (root / "provenance").is_dir():
        raise StoreError(
            f"{str(root)!r} is not a store: the Parquet files in its folder 'runs' were not written by optiscope; "
            "give a new folder"
        )


def name_strangers(root: Path) -> None:
    """Warn, in one line, of files among the parts that are none and that no part refers to. They are left alone."""
    strangers = [
        path
        for room in ("runs", "trace")
        for path in sorted((root / room).iterdir())
        if not path.name.startswith(".") and path.suffix != ".parquet"
    ]
    # A trace without its runs is what a killed process leaves, where it is a trace at all.
    runs = set(part_names(root, "runs"))
    for name in part_names(root, "trace"):
        if name not in runs:
            try:
                with opened(root / "trace" / name):
                    pass
            except Damaged:
                strangers.append(root / "trace" / name)
            except Restart:
                continue
    if strangers:
        shown = ", ".join(str(path.relative_to(root)) for path in strangers[:3])
        more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
        text = f"{str(root)!r} holds what is no part of the store and is left alone: {shown}{more}"
        warnings.warn(text, stacklevel=3)


def read_json(root: Path, path: Path, fits: Callable[[Any], bool], loss: str) -> Any:
    """The value of a JSON file, or None where there is none: what does not fit is set aside."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        reason = "" if fits(value) else "it was not written by optiscope"
    except FileNotFoundError:
        if not path.is_symlink():
            return None
        reason = "it is a link to nothing"
    except IsADirectoryError:
        reason = "it is a folder"
    except ValueError as error:
        reason = f"it is not JSON: {error}"
    except OSError as error:
        raise StoreError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    if not reason:
        return value
    set_aside(root, [path], reason, loss)
    return None


def set_aside(root: Path, paths: Sequence[Path], reason: str, loss: str) -> None:
    """Move a damaged file, and what is worth nothing without it, out of the way, and warn."""
    aside = root / "aside"
    try:
        aside.mkdir(exist_ok=True)
        for path in paths:
            target = aside / f"{path.parent.name}-{path.name}"
            if os.path.lexists(target):
                target = aside / f"{path.parent.name}-{uuid.uuid4().hex[:8]}-{path.name}"
            if os.path.lexists(path):
                os.replace(path, target)
    except FileNotFoundError:
        return  # another process was faster
    except OSError as error:
        raise StoreError(f"cannot move {str(paths[0])!r} to {str(aside)!r}: {error.strerror or error}") from error
    warnings.warn(f"{str(paths[0])!r} cannot be read ({reason}); it was moved to {str(aside)!r}, {loss}", stacklevel=2)
