"""What an optimizer makes of a network's parameters: a table of its groups. Stands on the engine and the catalogues."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .naming import as_optimizer, as_problem, grid
from .spec import OptimizerSpec, Problem, Run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "group", "pattern", "members", "shapes", "weights", "lr", "momentum", "weight_decay", "frozen_until", "state_bytes"
)  # fmt: skip


def group_table(
    problem: str | Problem, optimizer: str | OptimizerSpec, lr: float | str = "default", seed: int = 0
) -> pd.DataFrame:
    """The parameter groups of a network under an optimizer, one row a group.

    Columns: `group` (0 is what no pattern matched) and its `pattern`; `members` and their `shapes`, a tuple each;
    `weights`, how many numbers they hold; `lr`, the rate before any schedule; `momentum` (of Adam and its like, the
    first of `betas`) and `weight_decay`, NaN where the optimizer has none; `frozen_until`, 0 for a group that trains
    from the start; `state_bytes`, the size of the optimizer's state for them, measured after one real step with every
    group in training.

    Raises InputError for a test function, a pattern that matches nothing, and what the optimizer refuses.
    """
    import pandas as pd

    problem, optimizer = as_problem(problem), as_optimizer(optimizer)
    if problem.task is None:
        raise InputError(f"{problem.name} is a test function: it has one parameter, and no groups")
    return pd.DataFrame(_rows(grid(problem, optimizer, lr=lr, seed=seed, steps=1)[0]), columns=list(COLUMNS))


def _rows(run: Run) -> list[dict[str, Any]]:
    from .engine.check import check_runs
    from .engine.groups import one_step
    from .groups import split

    check_runs([run])
    stock, module = one_step(run)
    rows = []
    for part, group in zip(split(module, run.optimizer.groups), stock.param_groups, strict=True):
        rows.append(
            {
                "group": part.number,
                "pattern": part.pattern,
                "members": tuple(part.members),
                "shapes": tuple(tuple(parameter.shape) for parameter in part.members.values()),
                "weights": sum(parameter.numel() for parameter in part.members.values()),
                "lr": float(group["lr"]),
                "momentum": float(group.get("momentum", group.get("betas", (math.nan,))[0])),
                "weight_decay": float(group.get("weight_decay", math.nan)),
                "frozen_until": part.frozen_until,
                "state_bytes": sum(_bytes(stock.state[parameter]) for parameter in part.members.values()),
            }
        )
    return rows


def _bytes(state: Any) -> int:
    """Bytes of all tensors in a state, however it is nested."""
    if hasattr(state, "element_size"):
        return state.numel() * state.element_size()
    if isinstance(state, dict):
        return sum(map(_bytes, state.values()))
    return sum(map(_bytes, state)) if isinstance(state, (list, tuple)) else 0
