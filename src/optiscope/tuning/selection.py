"""What every search shares: seeds that no evaluation uses, what a trial is judged by, and how trials are run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..engine import run
from ..errors import InputError, shown
from ..spec import OptimizerSpec, Problem, Run, ScheduleSpec, Start

if TYPE_CHECKING:
    import pandas as pd

# Tuning seeds begin here, evaluation seeds end here: the two streams cannot meet.
FIRST_TUNING_SEED = 1_000_000

Cell = tuple[Problem, OptimizerSpec, ScheduleSpec]


def tuning_seeds(problem: Problem, start: Start, seeds: int) -> range:
    """The seeds of a search; one is enough where nothing depends on it. Raises InputError for less than one."""
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise InputError(f"seeds is the number of tuning seeds, 1 or more, got {shown(seeds)}")
    depends_on_seed = not problem.is_function or problem.noise > 0 or start == "random"
    return range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + (seeds if depends_on_seed else 1))


def criterion(problem: Problem) -> str:
    """The column of the runs frame that trials are judged by."""
    return "val_loss_final" if "val_loss" in problem.metrics else "loss_final"


def tuning_runs(runs: Sequence[Run], **settings: Any) -> pd.DataFrame:
    """The trials' rows by run_id, run or found in the store; `settings` are those of `run`."""
    return run(runs, trace="none", purpose="tuning", **settings).runs.set_index("run_id")
