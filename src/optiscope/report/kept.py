"""What a folder remembers of its report: of what it was made, which files it has, and whether they are still good.

`report.json` holds a stamp over the stored parts, the library's version and all that a page is told beside the frames
(title, command, rules, pictures made elsewhere), and that itself, so that the page can be made again without the study.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..store import Store
from .markdown import Picture
from .tables import write_text

STAMP = "report.json"
ABOUT = ("title", "command", "methods", "pictures")


@dataclass(frozen=True)
class About:
    """What a page is told beside the frames; a picture's path is relative to the folder.

    `run_ids` are the evaluation runs that are shown, None for all that the store holds.
    """

    title: str
    command: str
    methods: dict[str, str]
    pictures: tuple[Picture, ...]
    run_ids: tuple[str, ...] | None = None

    def stamp(self, store: Store) -> str:
        """A short text that changes with the stored parts, the library's version or what is told."""
        parts = sorted(path.name for path in (store.path / "runs").iterdir())
        told = [self.title, self.command, self.methods, [vars(picture) for picture in self.pictures]]
        text = json.dumps([__version__, parts, told], default=os.fspath)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def remember(folder: Path, about: About, store: Store, shown: Iterable[str], files: Iterable[Path]) -> Path:
    """Write down what the report of `folder` was made of; `shown` are the evaluation runs on it."""
    kept = {
        "stamp": about.stamp(store), "shown": _digest(shown),
        "files": [os.path.relpath(path, folder) for path in files],
        "title": about.title, "command": about.command, "methods": about.methods,
        "pictures": [vars(picture) for picture in about.pictures],
        "run_ids": None if about.run_ids is None else list(about.run_ids),
    }  # fmt: skip
    return write_text(folder / STAMP, json.dumps(kept, indent=2, default=os.fspath) + "\n")


def remembered(folder: Path) -> About | None:
    """What the last report of `folder` was told; None where it has none, or one of before such things were kept.

    A picture whose file is gone is left out. A record that cannot be read is worth none. Both are said in a warning.
    """
    path = folder / STAMP
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(kept, dict) and not any(name in kept for name in ABOUT):
            return None
        about = _about(kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        warnings.warn(
            f"{str(path)!r} is damaged: title, rules and command of the study are lost to this report; the command "
            "that ran the study writes them again",
            stacklevel=2,
        )
        return None
    gone = [picture for picture in about.pictures if not (folder / picture.path).is_file()]
    for picture in gone:
        warnings.warn(f"{str(folder / picture.path)!r} is gone: the report is without {picture.title!r}", stacklevel=2)
    there = tuple(picture for picture in about.pictures if picture not in gone)
    return About(about.title, about.command, about.methods, there, about.run_ids)


def still_good(folder: Path, about: About, store: Store) -> list[Path] | None:
    """The files of the folder's report, where nothing that they were made of has changed and all are there."""
    try:
        kept = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        files = [folder / name for name in kept["files"]]
        same = kept["shown"] == _digest(about.run_ids) if about.run_ids is not None else kept["run_ids"] is None
        good = same and kept["stamp"] == about.stamp(store) and all(path.exists() for path in files)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no stamp, or not ours: everything is made anew
    return files if good else None


def _about(kept: dict[str, Any]) -> About:
    """Raises KeyError, TypeError or AttributeError for what was not written by `remember`."""
    methods, pictures, run_ids = kept["methods"], kept["pictures"], kept["run_ids"]
    texts = [kept["title"], kept["command"], *methods, *methods.values(), *(run_ids or ())]
    texts += [text for picture in pictures for text in picture.values()]
    if not isinstance(methods, dict) or not all(isinstance(text, str) for text in texts):
        raise TypeError("all that a page is told is text")
    own = tuple(Picture(**picture) for picture in pictures)
    return About(kept["title"], kept["command"], methods, own, None if run_ids is None else tuple(run_ids))


def _digest(run_ids: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(sorted(run_ids)).encode(), digest_size=8).hexdigest()
