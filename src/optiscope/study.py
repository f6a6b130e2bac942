"""Studies: what to run, resolved from a file, and run. Stands on its file format, tuning and engine.

A study is a name and one block of axes, or several `[[block]]` tables with axes of their own. Each cell of a block
(problem × optimizer × schedule) gets its rate, tuned or given, and is then run for every evaluation seed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .engine import OnEvent, Progress, run
from .engine.workers import kept
from .errors import InputError, StudyError
from .naming import as_optimizer, as_problem, as_schedule, grid
from .spec import OptimizerSpec, Problem, Run, ScheduleSpec
from .tuning import Cell, LrRange, Search, SearchPlan, Tuned, plan_from, search_cells, tune_cells

if TYPE_CHECKING:
    from .store import Store
    from .study_file import Axes, StudyFile

T = TypeVar("T")


@dataclass(frozen=True)
class Block:
    """One set of axes, resolved: specs, not names."""

    problems: tuple[Problem, ...]
    optimizers: tuple[OptimizerSpec, ...]
    schedules: tuple[ScheduleSpec, ...]
    lr: LrRange | tuple[float | str, ...]
    seeds: tuple[int, ...]
    start: str | tuple[float, ...]
    steps: int
    tuning_seeds: int
    horizon: str
    dtype: str | None
    engine: str = "single"
    search: SearchPlan | None = None
    trace: str | int = "all"
    target: float | None = None

    @property
    def cells(self) -> Iterator[Cell]:
        """Problem × optimizer × schedule."""
        return itertools.product(self.problems, self.optimizers, self.schedules)

    @property
    def tuned(self) -> bool:
        """Whether the rates are searched for."""
        return self.search is not None or isinstance(self.lr, LrRange)

    def runs(self, cell: Cell, rates: Any) -> list[Run]:
        """The evaluation runs of a cell at these rates."""
        return grid(*cell, rates, self.seeds, self.start, self.steps, self.dtype, self.horizon)  # type: ignore[arg-type]

    def work(self) -> dict[Problem, int]:
        """Steps to be run on each problem, before any grid grows."""
        a_cell = len(self.optimizers) * len(self.schedules) * self.steps
        if self.search is not None:
            return dict.fromkeys(
                self.problems, a_cell * (self.search.trials * self.tuning_seeds + len(self.seeds))
            )  # fmt: skip
        rates = len(self.lr.indices) * self.tuning_seeds + len(self.seeds) if isinstance(self.lr, LrRange) else 0
        runs = rates or len(self.lr) * len(self.seeds)  # type: ignore[arg-type]
        return dict.fromkeys(self.problems, a_cell * runs)


@dataclass(frozen=True)
class Study:
    """A checked study. `name` is its folder in `results/`."""

    name: str
    blocks: tuple[Block, ...]
    text: str = ""

    @classmethod
    def load(cls, path: str | Path) -> Study:
        """Read a study file. Raises StudyError, in one line that names the key, for anything that is not one."""
        from .study_file import read_study

        return cls.parse(read_study(Path(path)), str(path))

    @classmethod
    def parse(cls, text: str, origin: str = "study") -> Study:
        """The study in a TOML text."""
        from .study_file import parse_study

        try:
            return _resolve(parse_study(text), text)
        except InputError as error:
            raise StudyError(f"{origin}: {error}") from error

    def run(
        self, store: Store | str | Path, *, device: str = "cpu", jobs: int = 1,
        cluster: str | None = None, memory_mb: int = 512, progress: Progress | None = None,
        on_event: OnEvent | None = None,
    ) -> StudyResult:  # fmt: skip
        """Tune and run every cell through the store; what it holds already is not run again."""
        settings: dict[str, Any] = {
            "store": store, "device": device, "jobs": jobs, "cluster": cluster, "memory_mb": memory_mb,
            "progress": progress, "on_event": on_event,
        }  # fmt: skip
        tuned: list[Tuned] = []
        searched: list[Search] = []
        run_ids: list[str] = []
        with kept():
            for block in self.blocks:
                cells = list(block.cells)
                if block.search is not None:
                    best = search_cells(
                        cells, block.steps, block.search, block.tuning_seeds, block.start,  # type: ignore[arg-type]
                        horizon=block.horizon, dtype=block.dtype, **settings,
                    )  # fmt: skip
                    searched += best
                    cells = [
                        (cell[0], one.best.optimizer, one.best.schedule) for cell, one in zip(cells, best, strict=True)
                    ]
                    rates: list[Any] = [one.best.lr for one in best]
                elif isinstance(block.lr, LrRange):
                    found = tune_cells(
                        cells, block.steps, block.lr, block.tuning_seeds, block.start,  # type: ignore[arg-type]
                        horizon=block.horizon, dtype=block.dtype, **settings,
                    )  # fmt: skip
                    tuned += found
                    rates = [one.lr for one in found]
                else:
                    rates = [block.lr] * len(cells)
                runs = [one for cell, rate in zip(cells, rates, strict=True) for one in block.runs(cell, rate)]
                run_ids += run(runs, trace=block.trace, engine=block.engine, target=block.target, **settings).run_ids
        return StudyResult(self, run_ids, tuned, searched)


@dataclass(frozen=True)
class StudyResult:
    """What a study ran: the ids of its evaluation runs, and the searches that chose their rates and arguments."""

    study: Study
    run_ids: list[str]
    tuned: list[Tuned]
    searched: list[Search]


def demo_text() -> str:
    """The built-in study, as shipped: copy it and change it."""
    return (Path(__file__).parent / "studies" / "demo.toml").read_text(encoding="utf-8")


def _resolve(file: StudyFile, text: str) -> Study:
    """Names become specs, and every block is tried: before anything runs, not half way."""
    blocks = []
    for i, axes in enumerate(file.block):
        try:
            block = _block(axes)
            _check(block)
        except InputError as error:
            raise StudyError(f"block[{i}]: {error}" if len(file.block) > 1 else str(error)) from error
        blocks.append(block)
    return Study(file.name, tuple(blocks), text)


def _block(axes: Axes) -> Block:
    return Block(
        problems=_each_once("problems", [as_problem(name) for name in axes.problems]),
        optimizers=_each_once("optimizers", [as_optimizer(name) for name in axes.optimizers]),
        schedules=_each_once("schedules", [as_schedule(name) for name in axes.schedules]),
        lr=_rates(axes.lr),
        seeds=tuple(range(axes.seeds)) if isinstance(axes.seeds, int) else _each_once("seeds", axes.seeds),
        start=tuple(axes.start) if isinstance(axes.start, list) else axes.start,
        steps=axes.steps,
        tuning_seeds=axes.tuning_seeds,
        horizon=axes.horizon,
        dtype=axes.dtype,
        engine=axes.engine,
        search=_search(axes),
        trace=axes.trace,
        target=axes.target,
    )


def _each_once(key: str, values: Sequence[T]) -> tuple[T, ...]:
    """The values. Raises StudyError for one that is there twice: it would run once, and be fewer than was asked."""
    seen: set[T] = set()
    for value in values:
        if value in seen:
            raise StudyError(f"{key}: {getattr(value, 'name', value)} is given twice")
        seen.add(value)
    return tuple(values)


def _check(block: Block) -> None:
    """Raises InputError for whatever the block could not run."""
    from .engine.check import check_runs

    rate = block.lr.low if isinstance(block.lr, LrRange) else block.lr[0]
    runs = [one for cell in block.cells for one in block.runs(cell, rate)[:1]]
    if block.search is not None:
        if block.search.space is not None:
            block.search.space.check(block.optimizers, block.schedules)
        for problem, optimizer, schedule in block.cells:
            space = block.search.space_of(optimizer, schedule)
            trial = space.trial(0, block.search.seed, optimizer, schedule)
            runs += block.runs((problem, trial.optimizer, trial.schedule), trial.lr)[:1]
    check_runs(runs)


def _search(axes: Any) -> SearchPlan | None:
    if axes.search is None:
        return None
    if "lr" in axes.model_fields_set:
        raise StudyError("lr: a search draws the rate, too; leave lr out, or give search.lr")
    return plan_from(axes.search)


def _rates(lr: Any) -> LrRange | tuple[float | str, ...]:
    if lr == "tune":
        return LrRange()
    if isinstance(lr, (str, float)):
        return (lr,)
    if isinstance(lr, list):
        return _each_once("lr", lr)
    return LrRange(lr.low, lr.high, lr.per_decade, lr.lowest, lr.highest)
