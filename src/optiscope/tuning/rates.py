"""Learning-rate search on top of the engine: one log-spaced grid, the same for every optimizer.

The rules are METHOD's: the winner is chosen on tuning seeds, which no evaluation uses, by the median over them; a
diverged trial counts as infinite; while the winner sits on the edge of the grid the grid grows, up to stated bounds.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.workers import kept
from ..errors import InputError, shown
from ..metrics import trial_scores
from ..naming import as_optimizer, as_problem, as_schedule, grid
from ..spec import OptimizerSpec, Problem, Run, ScheduleSpec, Start
from .selection import Cell, criterion, tuning_runs, tuning_seeds

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LrRange:
    """The grid of rates: `low` to `high`, `per_decade` to a factor of ten, growing as far as `lowest` and `highest`."""

    low: float = 1e-4
    high: float = 1.0
    per_decade: int = 2
    lowest: float = 1e-8
    highest: float = 100.0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise InputError(f"an lr range needs 0 < low < high, got low={self.low}, high={self.high}")
        if self.per_decade < 1:
            raise InputError(f"an lr range needs per_decade >= 1, got {self.per_decade}")
        if not self.indices:
            raise InputError(
                f"no rate 10^(k/{self.per_decade}) lies between {self.low} and {self.high}: widen the range, or raise "
                "per_decade"
            )
        if not self.lowest <= self.low or not self.high <= self.highest:
            raise InputError(f"the lr range {self.low} to {self.high} exceeds its bounds {self.lowest}, {self.highest}")

    def rate(self, k: int) -> float:
        """The k-th rate of the lattice `10 ** (k / per_decade)`, to three digits."""
        return float(f"{10.0 ** (k / self.per_decade):.3g}")

    @property
    def indices(self) -> range:
        """The lattice indices of the grid before it grows."""
        low, high = (round(math.log10(v) * self.per_decade, 9) for v in (self.low, self.high))
        return range(math.ceil(low), math.floor(high) + 1)


@dataclass
class Tuned:
    """The result of a search for one cell.

    `lr` is the winner, `score` its median loss over the tuning seeds, `edge` says `"low"` or `"high"` where it sits on
    the bound that the grid may not cross, else nothing. `trials` counts the runs; `table` holds lr and score of each
    rate.
    """

    problem: str
    optimizer: str
    schedule: str
    lr: float
    score: float
    trials: int
    low: float
    high: float
    edge: str
    criterion: str
    table: pd.DataFrame = field(repr=False)


def tune(
    problem: str | Problem,
    optimizer: str | OptimizerSpec,
    schedule: str | ScheduleSpec = "constant",
    steps: int = 500,
    lr: LrRange | None = None,
    seeds: int = 3,
    start: Start = "canonical",
    **settings: Any,
) -> Tuned:
    """The best rate for one problem, optimizer and schedule at this horizon.

    `seeds` is the number of tuning seeds; one is enough, and one is run, where nothing depends on the seed. `settings`
    are those of `run` (store, engine, device, jobs, cluster, progress).

    >>> tune("sphere", "SGD", steps=20, lr=LrRange(1e-2, 1.0)).lr
    0.316
    """
    if lr is not None and not isinstance(lr, LrRange):
        raise InputError(f"lr is the range that is searched, an LrRange(low, high, per_decade), got {shown(lr)}")
    cell = (as_problem(problem), as_optimizer(optimizer), as_schedule(schedule))
    found = tune_cells([cell], steps, lr, seeds, start, **settings)[0]
    if math.isinf(found.score):
        warnings.warn(
            f"no rate from {found.low:g} to {found.high:g} ends {found.optimizer} on {found.problem} with a finite loss"
            ": lr is the least tried, and no answer", stacklevel=2,
        )  # fmt: skip
    return found


def tune_cells(
    cells: Sequence[Cell],
    steps: int,
    lr: LrRange | None = None,
    seeds: int = 3,
    start: Start = "canonical",
    *,
    horizon: str = "run",
    dtype: str | None = None,
    **settings: Any,
) -> list[Tuned]:
    """`tune` for many cells at once, in rounds: first the grid of all, then what grew; `settings` as for `run`."""
    rates = lr or LrRange()
    searches = [_Search(cell, rates, start, seeds) for cell in cells]
    with kept():
        while pending := [search for search in searches if search.wanted]:
            plan = {id(search): search.plan(steps, horizon, dtype) for search in pending}
            everything = [one for runs in plan.values() for one in runs]
            by_id = tuning_runs(everything, **settings)
            for search in pending:
                search.learn(plan[id(search)], by_id)
            _share_growth(searches)
    return [search.verdict() for search in searches]


def _share_growth(searches: Sequence[_Search]) -> None:
    """One and the same grid for every cell of a problem: where one grows, all do (METHOD: equal budgets)."""
    for problem in {search.problem for search in searches}:
        own = [search for search in searches if search.problem == problem]
        wanted = {k for search in own for k in (*search.wanted, *search.scores)}
        for search in own:
            search.wanted = sorted(wanted - search.scores.keys())


class _Search:
    """The grid of one cell while it grows."""

    def __init__(self, cell: Cell, rates: LrRange, start: Start, seeds: int):
        self.problem, self.optimizer, self.schedule = cell
        self._rates, self._start = rates, start
        self._seeds = tuning_seeds(self.problem, start, seeds)
        self.wanted: list[int] = list(rates.indices)
        self.criterion = criterion(self.problem)
        self.scores: dict[int, float] = {}

    def plan(self, steps: int, horizon: str, dtype: str | None) -> list[Run]:
        lrs = [self._rates.rate(k) for k in self.wanted]
        return grid(self.problem, self.optimizer, self.schedule, lrs, self._seeds, self._start, steps, dtype, horizon)

    def learn(self, runs: list[Run], by_id: pd.DataFrame) -> None:
        rows = by_id.loc[[one.run_id for one in runs]]
        place = {self._rates.rate(k): i for i, k in enumerate(self.wanted)}
        codes = np.array([place[one.lr] for one in runs], dtype=np.intp)
        scores = trial_scores(rows, codes, len(self.wanted))["score"]
        self.scores |= {k: float(scores[place[self._rates.rate(k)]]) for k in self.wanted}
        self.wanted = self._grow()

    def _grow(self) -> list[int]:
        """One more half of the grid on the side where the winner sits on the edge."""
        best, known = self._best(), sorted(self.scores)
        more = max(1, self._rates.per_decade)
        if not math.isfinite(self.scores[best]):
            candidates = range(known[0] - more, known[0])  # everything diverged: smaller rates may not
        elif best == known[0]:
            candidates = range(known[0] - more, known[0])
        elif best == known[-1]:
            candidates = range(known[-1] + 1, known[-1] + 1 + more)
        else:
            return []
        return [k for k in candidates if self._rates.lowest <= self._rates.rate(k) <= self._rates.highest]

    def _best(self) -> int:
        return min(sorted(self.scores), key=lambda k: self.scores[k])

    def verdict(self) -> Tuned:
        import pandas as pd

        best, known = self._best(), sorted(self.scores)
        edge = "low" if best == known[0] else "high" if best == known[-1] else ""
        table = pd.DataFrame({"lr": [self._rates.rate(k) for k in known], "score": [self.scores[k] for k in known]})
        return Tuned(
            self.problem.name, self.optimizer.name, self.schedule.name, self._rates.rate(best), self.scores[best],
            len(known) * len(self._seeds), self._rates.rate(known[0]), self._rates.rate(known[-1]), edge,
            self.criterion, table,
        )  # fmt: skip
