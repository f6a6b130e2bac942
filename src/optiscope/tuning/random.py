"""Random search over several hyperparameters, all trials of all cells on the lanes of one call (Bergstra, Bengio 2012).

The rules are those of the rate's own search: the winner is chosen on tuning seeds, by the median over them, and a trial
that diverged is infinitely bad. The space does not grow: a winner close to a bound of it is flagged.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..identity import identity_json
from ..metrics import KEY, flat_arguments, trial_scores
from ..naming import as_optimizer, as_problem, as_schedule, grid
from ..spec import OptimizerSpec, Problem, Run, ScheduleSpec, Start
from ..store import as_store
from .selection import Cell, criterion, tuning_runs, tuning_seeds
from .space import Space, Trial
from .written import SearchPlan, written

if TYPE_CHECKING:
    import os

    import pandas as pd

    from ..store import Store


@dataclass
class Search:
    """The result of a random search for one cell.

    `best` is the winning trial: its `optimizer` and `schedule` have the arguments that were found, `lr` is its rate and
    `values` are all of them by name. `score` is its median loss over the tuning seeds. `edges` names the
    hyperparameters of the winner that lie in the outer fiftieth of their range, each with `"low"` or `"high"`.
    `table` has one row a trial: the columns of the cell, `trial`, the values, `score`, `seeds`, `diverged`, `errors`;
    it is what `metrics.expected_best` takes.
    """

    problem: str
    optimizer: str
    schedule: str
    best: Trial
    score: float
    edges: dict[str, str]
    space: Space
    seed: int
    criterion: str
    table: pd.DataFrame = field(repr=False)

    def facts(self) -> dict[str, Any]:
        """What a report has to say of the search, as JSON takes it: space, trials, seeds, winner, edges."""
        row = self.table.iloc[0]
        scores = self.table["score"]
        return {
            **{name: row[name].item() if isinstance(row[name], np.generic) else row[name] for name in KEY},
            "base": [self.optimizer, self.schedule],
            "space": written(self.space),
            "trials": len(self.table),
            "seeds": int(row["seeds"]),
            "seed": self.seed,
            "criterion": self.criterion,
            "diverged": int(np.isinf(scores).sum()),
            "values": dict(self.best.values),
            "score": self.score if math.isfinite(self.score) else None,
            "edges": self.edges,
        }


def random_search(
    problem: str | Problem,
    optimizer: str | OptimizerSpec,
    schedule: str | ScheduleSpec = "constant",
    steps: int = 500,
    space: Space | None = None,
    trials: int = 64,
    seeds: int = 3,
    start: Start = "canonical",
    seed: int = 0,
    **settings: Any,
) -> Search:
    """The best of `trials` random settings of one problem, optimizer and schedule at this horizon.

    `space` says what is searched; by default it is the rate and each argument that `HYPERPARAMETERS` names. `seeds` is
    the number of tuning seeds, `seed` that of the draws: trial number i is a function of the two alone, every optimizer
    has the same underlying numbers, and a longer search begins with the trials of a shorter one. `settings` are those
    of `run` (store, engine, device, jobs, progress), `horizon` and `dtype`.

    Raises InputError for a hyperparameter that neither the optimizer nor the schedule takes.

    >>> found = random_search("sphere", "SGD", steps=20, trials=16)
    >>> print(found.space)
    lr: log-uniform from 1e-05 to 10
    momentum: from 0 to 0.999, 1 - momentum being log-uniform
    weight_decay: zero with chance 0.5, else log-uniform from 1e-06 to 0.1
    >>> bool(found.score == found.table["score"].min())
    True
    """
    cell = (as_problem(problem), as_optimizer(optimizer), as_schedule(schedule))
    if space is not None:
        space.check([cell[1]], [cell[2]])
    return search_cells([cell], steps, SearchPlan(trials, space, seed), seeds, start, **settings)[0]


def search_cells(
    cells: Sequence[Cell],
    steps: int,
    plan: SearchPlan,
    seeds: int = 3,
    start: Start = "canonical",
    *,
    horizon: str = "run",
    dtype: str | None = None,
    store: Store | str | os.PathLike[str] | None = None,
    **settings: Any,
) -> list[Search]:
    """`random_search` for many cells at once; each takes from the space what its optimizer and schedule have.

    The store keeps what was searched, beside the runs; `settings` are the others of `run`.
    """
    kept = as_store(store)
    planned = [
        _Planned(cell, plan, steps, tuning_seeds(cell[0], start, seeds), start, horizon, dtype) for cell in cells
    ]
    everything = [one for search in planned for runs in search.runs for one in runs]
    by_id = tuning_runs(everything, store=kept, **settings)
    found = [search.judged(by_id) for search in planned]
    if kept:
        for search in found:
            facts = search.facts()
            declared = {name: value for name, value in facts.items() if name not in ("values", "score", "edges")}
            kept.add_search(hashlib.blake2b(identity_json(**declared).encode(), digest_size=8).hexdigest(), facts)
    return found


class _Planned:
    """The search of one cell: its trials and their runs, and what comes of them."""

    def __init__(
        self, cell: Cell, plan: SearchPlan, steps: int, seeds: range, start: Start, horizon: str, dtype: str | None
    ):
        self.problem, self.optimizer, self.schedule = cell
        pair = (self.optimizer, self.schedule)
        self.space = plan.space_of(*pair)
        self.seed = plan.seed
        self.trials = [self.space.trial(number, plan.seed, *pair) for number in range(plan.trials)]
        self.runs: list[list[Run]] = [
            grid(self.problem, one.optimizer, one.schedule, one.lr, seeds, start, steps, dtype, horizon)
            for one in self.trials
        ]

    def judged(self, by_id: pd.DataFrame) -> Search:
        """The table of the trials and the best of them; of equals, the first drawn."""
        import pandas as pd

        count = len(self.trials)
        rows = by_id.loc[[one.run_id for runs in self.runs for one in runs]]
        codes = np.repeat(np.arange(count), [len(runs) for runs in self.runs])
        cell = rows.iloc[np.searchsorted(codes, np.arange(count))][list(KEY)].reset_index(drop=True)
        values = pd.DataFrame(
            [{"trial": one.number, "lr": one.lr} | flat_arguments(self._searched(one)) for one in self.trials]
        )
        table = pd.concat([cell, values, trial_scores(rows, codes, count)], axis=1)
        winner = int(np.argmin(table["score"].to_numpy()))
        best = self.trials[winner]
        return Search(
            self.problem.name, self.optimizer.name, self.schedule.name, best, float(table["score"].iloc[winner]),
            self.space.edges(best.values), self.space, self.seed, criterion(self.problem), table,
        )  # fmt: skip

    @staticmethod
    def _searched(trial: Trial) -> dict[str, dict[str, Any]]:
        return {"optimizer": dict(trial.optimizer.arguments), "schedule": dict(trial.schedule.arguments)}
