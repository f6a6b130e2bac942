"""Study files: what to run, written down in TOML, checked, and run. Stands on tuning and engine.

A study is a name and one block of axes, or several `[[block]]` tables with axes of their own. Each cell of a block
(problem × optimizer × schedule) gets its rate, tuned or given, and is then run for every evaluation seed.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .engine import OnEvent, Progress, run
from .engine.workers import kept
from .errors import InputError, StudyError, hint
from .naming import as_optimizer, as_problem, as_schedule, grid
from .spec import OptimizerSpec, Problem, Run, ScheduleSpec
from .tuning import FIRST_TUNING_SEED, Cell, LrRange, Tuned, tune_cells

if TYPE_CHECKING:
    from .store import Store


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

    @property
    def cells(self) -> Iterator[Cell]:
        """Problem × optimizer × schedule."""
        return itertools.product(self.problems, self.optimizers, self.schedules)

    @property
    def tuned(self) -> bool:
        """Whether the rates are searched for."""
        return isinstance(self.lr, LrRange)

    def runs(self, cell: Cell, rates: Any) -> list[Run]:
        """The evaluation runs of a cell at these rates."""
        return grid(*cell, rates, self.seeds, self.start, self.steps, self.dtype, self.horizon)  # type: ignore[arg-type]

    def work(self) -> dict[Problem, int]:
        """Steps to be run on each problem, before any grid grows."""
        a_cell = len(self.optimizers) * len(self.schedules) * self.steps
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
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError(f"cannot read study {str(path)!r}: {getattr(error, 'strerror', None) or error}") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, origin: str = "study") -> Study:
        """The study in a TOML text."""
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise StudyError(f"{origin} is not TOML: {error}") from error
        try:
            return _resolve(_validated(tables), text)
        except StudyError as error:
            raise StudyError(f"{origin}: {error}") from error
        except InputError as error:
            raise StudyError(f"{origin}: {error}") from error

    def run(
        self, store: Store | str | Path, *, device: str = "cpu", jobs: int = 1,
        cluster: str | None = None, trace: str | int = "all", progress: Progress | None = None,
        on_event: OnEvent | None = None,
    ) -> StudyResult:  # fmt: skip
        """Tune and run every cell through the store; what it holds already is not run again."""
        settings: dict[str, Any] = {
            "store": store, "device": device, "jobs": jobs, "cluster": cluster, "progress": progress,
            "on_event": on_event,
        }  # fmt: skip
        tuned: list[Tuned] = []
        run_ids: list[str] = []
        with kept():
            for block in self.blocks:
                cells = list(block.cells)
                if isinstance(block.lr, LrRange):
                    found = tune_cells(
                        cells, block.steps, block.lr, block.tuning_seeds, block.start,  # type: ignore[arg-type]
                        horizon=block.horizon, dtype=block.dtype, **settings,
                    )  # fmt: skip
                    tuned += found
                    rates: list[Any] = [one.lr for one in found]
                else:
                    rates = [block.lr] * len(cells)
                runs = [one for cell, rate in zip(cells, rates, strict=True) for one in block.runs(cell, rate)]
                run_ids += run(runs, trace=trace, engine=block.engine, **settings).run_ids
        return StudyResult(self, run_ids, tuned)


@dataclass(frozen=True)
class StudyResult:
    """What a study ran: the ids of its evaluation runs, and the searches that chose their rates."""

    study: Study
    run_ids: list[str]
    tuned: list[Tuned]


def demo_text() -> str:
    """The built-in study, as shipped: copy it and change it."""
    return (Path(__file__).parent / "studies" / "demo.toml").read_text(encoding="utf-8")


def _models() -> Any:
    """The file's format, as pydantic models; made here so that pydantic is imported only where a study is read."""
    from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

    class Range(BaseModel):
        model_config = ConfigDict(extra="forbid")
        low: PositiveFloat
        high: PositiveFloat
        per_decade: PositiveInt = 2
        lowest: PositiveFloat = LrRange.lowest
        highest: PositiveFloat = LrRange.highest

    class Axes(BaseModel):
        model_config = ConfigDict(extra="forbid")
        problems: list[str] = Field(min_length=1)
        optimizers: list[str] = Field(min_length=1)
        schedules: list[str] = Field(default=["constant"], min_length=1)
        lr: Range | Literal["tune", "default"] | PositiveFloat | list[PositiveFloat | Literal["default"]] = "tune"
        seeds: PositiveInt | list[int] = 10
        start: Literal["canonical", "random"] | list[float] = "canonical"
        steps: PositiveInt = 500
        tuning_seeds: PositiveInt = 3
        horizon: Literal["run", "free"] = "run"
        dtype: str | None = None
        # Evaluation runs are timed, and only the plain loop times one run: lanes are for the search, unless asked for.
        engine: Literal["single", "auto", "grouped", "stacked"] = "single"

    class Mixed(BaseModel):
        model_config = ConfigDict(extra="forbid")
        name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")
        block: list[Axes] = Field(min_length=1)

    return Axes, Mixed


def _validated(tables: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    axes, mixed = _models()
    if "block" not in tables:
        # The flat form is a mixed study of one block.
        tables = {"name": tables.get("name"), "block": [{k: v for k, v in tables.items() if k != "name"}]}
        flat = True
    else:
        flat = False
    if tables.get("name") is None:
        raise StudyError('name is missing: give the study one, name = "…"')
    try:
        return mixed.model_validate(tables)
    except ValidationError as error:
        raise StudyError(_one_line(error, sorted(axes.model_fields), flat)) from error


def _one_line(error: Any, keys: list[str], flat: bool) -> str:
    """The first complaint of pydantic as `key: what is wrong, got …`."""
    first = error.errors()[0]
    place = [part for part in first["loc"] if not (isinstance(part, str) and ("[" in part or part in _UNION))]
    if flat and place[:2] == ["block", 0]:
        place = place[2:]
    key = ""
    for part in place:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}{hint(str(place[-1]), keys)} allowed: name, {', '.join(keys)}"
    if first["type"] == "missing":
        return f"{key} is missing"
    if (place and place[0] == "lr") or (len(place) > 2 and place[2] == "lr"):
        given = _given(first)
        return (
            f'{key}: expected "tune", "default", a rate > 0, a list of them, or {{low = …, high = …, per_decade = …}}'
            f", got {given}"
        )
    message = first["msg"][0].lower() + first["msg"][1:]
    return f"{key}: {message}, got {_given(first)}"


_UNION = frozenset({"Range", "constrained-float", "constrained-int", "float", "int", "str"})


def _given(complaint: dict[str, Any]) -> str:
    text = repr(complaint["input"])
    return text if len(text) <= 60 else text[:57] + "..."


def _resolve(model: Any, text: str) -> Study:
    blocks = []
    for axes in model.block:
        seeds = tuple(range(axes.seeds)) if isinstance(axes.seeds, int) else tuple(axes.seeds)
        if not seeds or min(seeds) < 0 or max(seeds) >= FIRST_TUNING_SEED:
            raise StudyError(f"seeds must be 0 to {FIRST_TUNING_SEED - 1}, since tuning uses those beyond, got {seeds}")
        block = Block(
            problems=tuple(as_problem(name) for name in axes.problems),
            optimizers=tuple(as_optimizer(name) for name in axes.optimizers),
            schedules=tuple(as_schedule(name) for name in axes.schedules),
            lr=_rates(axes.lr),
            seeds=seeds,
            start=tuple(axes.start) if isinstance(axes.start, list) else axes.start,
            steps=axes.steps,
            tuning_seeds=axes.tuning_seeds,
            horizon=axes.horizon,
            dtype=axes.dtype,
            engine=axes.engine,
        )
        _check(block)
        blocks.append(block)
    return Study(model.name, tuple(blocks), text)


def _check(block: Block) -> None:
    """Raises InputError for whatever the block could not run: before anything runs, not half way."""
    from .engine.check import check_runs

    rate = block.lr.low if isinstance(block.lr, LrRange) else block.lr[0]
    check_runs([one for cell in block.cells for one in block.runs(cell, rate)[:1]])


def _rates(lr: Any) -> LrRange | tuple[float | str, ...]:
    if lr == "tune":
        return LrRange()
    if isinstance(lr, (str, float)):
        return (lr,)
    if isinstance(lr, list):
        if not lr:
            raise StudyError("lr: the list is empty")
        return tuple(lr)
    return LrRange(lr.low, lr.high, lr.per_decade, lr.lowest, lr.highest)
