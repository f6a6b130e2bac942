"""optiscope: see, compare and time PyTorch optimizers and learning-rate schedules, fairly.

Nouns: `Problem`, `OptimizerSpec`, `ScheduleSpec`, `LossSpec`, `Run`, `Store`. Verbs: `grid`, `run`, `tune`,
`random_search`; `metrics` and `render` turn the frames they give into tables and pictures. Everything is imported when
first used, so that `optiscope --help` waits for neither torch nor matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalogues.losses import LossSpec
    from .catalogues.problems.training import trained
    from .datasets import IdxFolder, read_idx
    from .engine import Results, run
    from .errors import (
        GuardError,
        InputError,
        OptiscopeError,
        Refused,
        StoreError,
        StudyError,
        UnknownName,
        WorkerError,
    )
    from .grouping import group_table
    from .naming import grid, losses, optimizers, problems, schedules
    from .record import Status, TraceSpec
    from .spec import OptimizerSpec, Problem, Run, ScheduleSpec
    from .store import Store
    from .task import Data, Task, Training
    from .tuning import Choice, LogUniform, NearOne, Search, Space, Tuned, Uniform, random_search, tune

__version__ = "0.1.0"

_HOME = {
    "catalogues.losses": ("LossSpec",),
    "datasets": ("IdxFolder", "read_idx"),
    "grouping": ("group_table",),
    "naming": ("grid", "losses", "optimizers", "problems", "schedules"),
    "engine": ("Results", "run"),
    "errors": (
        "GuardError",
        "InputError",
        "OptiscopeError",
        "Refused",
        "StoreError",
        "StudyError",
        "UnknownName",
        "WorkerError",
    ),
    "record": ("Status", "TraceSpec"),
    "spec": ("OptimizerSpec", "Problem", "Run", "ScheduleSpec"),
    "store": ("Store",),
    "task": ("Data", "Task", "Training"),
    "catalogues.problems.training": ("trained",),
    "tuning": ("Choice", "LogUniform", "NearOne", "Search", "Space", "Tuned", "Uniform", "random_search", "tune"),
}
_ROOMS = ("audit", "metrics", "render", "report")

__all__ = [
    "Choice", "Data", "GuardError", "IdxFolder", "InputError", "LogUniform", "LossSpec", "NearOne", "OptimizerSpec",
    "OptiscopeError", "Problem", "Refused", "Results", "Run", "ScheduleSpec", "Search", "Space", "Status",
    "Store", "StoreError", "StudyError", "Task", "TraceSpec", "Training", "Tuned", "Uniform", "UnknownName",
    "WorkerError",
    "grid", "group_table", "losses", "optimizers", "problems", "random_search", "read_idx", "run", "schedules",
    "trained", "tune",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    for module, names in _HOME.items():
        if name in names:
            value = getattr(importlib.import_module(f".{module}", __name__), name)

            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
