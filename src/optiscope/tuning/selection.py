"""What every search shares: seeds that no evaluation uses, and what a trial is judged by."""

from __future__ import annotations

from ..errors import InputError
from ..spec import OptimizerSpec, Problem, ScheduleSpec, Start

# Tuning seeds begin here, evaluation seeds end here: the two streams cannot meet.
FIRST_TUNING_SEED = 1_000_000

Cell = tuple[Problem, OptimizerSpec, ScheduleSpec]


def tuning_seeds(problem: Problem, start: Start, seeds: int) -> range:
    """The seeds of a search; one is enough where nothing depends on it. Raises InputError for less than one."""
    if seeds < 1:
        raise InputError(f"tuning needs 1 seed or more, got {seeds}")
    depends_on_seed = not problem.is_function or problem.noise > 0 or start == "random"
    return range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + (seeds if depends_on_seed else 1))


def criterion(problem: Problem) -> str:
    """The column of the runs frame that trials are judged by."""
    return "val_loss_final" if "val_loss" in problem.metrics else "loss_final"
