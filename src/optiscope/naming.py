"""The catalogues by name, and `grid`: names, call syntax and spec objects in, runs out.

The one room that knows all catalogues; the engine knows none. May import floors 0 and 1.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from .catalogues.losses import LOSSES, LossSpec, read_loss
from .catalogues.optimizers import OPTIMIZERS, optimizer_from_call
from .catalogues.schedules import SCHEDULES, built_end, is_plateau, schedule_from_text
from .errors import InputError, UnknownName, shown
from .signatures import same_code
from .spec import OptimizerSpec, Problem, Run, ScheduleSpec, Start
from .syntax import format_call, parse_call

T = TypeVar("T")
TRIED_TICKS = 300  # of a schedule, before anything runs: what fails later fails in its run
DTYPES = ("float16", "bfloat16", "float32", "float64")


def problems() -> dict[str, Problem]:
    """Every problem of the catalogue by name, with default arguments."""
    from .catalogues.problems import PROBLEMS

    return {family.name: family.build({}) for family in PROBLEMS}


def optimizers() -> dict[str, OptimizerSpec]:
    """Every optimizer of the catalogue by name."""
    return {spec.name: spec for spec in OPTIMIZERS}


def schedules() -> dict[str, ScheduleSpec]:
    """Every schedule of the catalogue by name, with default arguments."""
    return {family.name: family.build({}) for family in SCHEDULES}


def losses() -> dict[str, LossSpec]:
    """Every loss of the catalogue by name."""
    return {spec.name: spec for spec in LOSSES}


def as_problem(value: str | Problem) -> Problem:
    """A problem from a name, call syntax, an import path (of a Problem, or a function that makes one), or itself."""
    if isinstance(value, Problem):
        return value
    from .catalogues.problems import PROBLEMS
    from .catalogues.problems.imported import problem_at

    name, arguments = parse_call(_text("a problem", Problem, value))
    for family in PROBLEMS:
        if family.name == name:
            return family.build(arguments)
    if "." not in name:
        raise UnknownName("problem", name, [family.name for family in PROBLEMS])
    return problem_at(name, arguments)


def as_optimizer(value: str | OptimizerSpec) -> OptimizerSpec:
    """An optimizer from a name, call syntax, an import path, a class, or itself."""
    if isinstance(value, OptimizerSpec):
        return value
    if isinstance(value, type):
        return OptimizerSpec(value.__name__, value)
    name, arguments = parse_call(_text("an optimizer", OptimizerSpec, value))
    spec = optimizer_from_call(name, arguments, format_call(name, arguments))
    if spec is None:
        raise UnknownName("optimizer", name, [known.name for known in OPTIMIZERS])
    return spec


def as_schedule(value: str | ScheduleSpec) -> ScheduleSpec:
    """A schedule from a name, call syntax, the import path of a factory, or itself."""
    if isinstance(value, ScheduleSpec):
        return value
    return schedule_from_text(_text("a schedule", ScheduleSpec, value))


def _text(what: str, spec: type, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what} is a name, call syntax or an optiscope.{spec.__name__}, got {shown(value)}")
    return value


def as_loss(value: str | LossSpec | Callable[..., Any]) -> LossSpec:
    """A loss from a name, call syntax, an import path, a function, or itself; its arguments are tried on an example."""
    return read_loss(value)


def grid(
    problem: str | Problem | Iterable[str | Problem],
    optimizer: str | OptimizerSpec | Iterable[str | OptimizerSpec],
    schedule: str | ScheduleSpec | Iterable[str | ScheduleSpec] = "constant",
    lr: float | str | Iterable[float | str] = "default",
    seed: int | Iterable[int] = 0,
    start: Start | Iterable[Start] = "canonical",
    steps: int | Iterable[int] = 500,
    dtype: str | None = None,
    horizon: str = "run",
) -> list[Run]:
    """The runs of a grid: every combination of the axes, in order, each once.

    Every axis takes one value or an iterable of them. `lr="default"` is the optimizer's own default rate.
    `start` is `"canonical"`, `"random"` (drawn inside the bounds from the seed) or a point. A network's start is always
    drawn from the seed. `dtype` is the problem's own (float64 for functions, float32 for networks) unless given.

    Raises InputError for an unknown name, an argument that a class refuses, a rate that is not positive, or a
    schedule whose own end is not the run's (unless `horizon="free"`).

    >>> len(grid(problem=["beale", "booth"], optimizer="SGD", lr=[1e-3, 1e-2], seed=range(3), steps=10))
    12
    """
    if horizon not in ("run", "free"):
        raise InputError(f'horizon must be "run" or "free", got {horizon!r}')
    chosen_problems = [as_problem(value) for value in _axis(problem)]
    chosen_optimizers = [as_optimizer(value) for value in _axis(optimizer)]
    chosen_schedules = [as_schedule(value) for value in _axis(schedule)]
    _one_meaning("problem", chosen_problems, "loss")
    _one_meaning("optimizer", chosen_optimizers, "cls")
    _one_meaning("schedule", chosen_schedules, "factory")
    all_steps = [_whole("steps", value, 1) for value in _axis(steps)]
    seeds = [_whole("seed", value, 0) for value in _axis(seed)]
    starts = _start_axis(start)
    for problem_, schedule_, steps_ in itertools.product(chosen_problems, chosen_schedules, all_steps):
        if horizon == "run":
            schedule_.check_horizon(schedule_.ticks(problem_, steps_))
    rates = {
        spec: [spec.default_lr if value == "default" else _rate(value) for value in _axis(lr)]
        for spec in chosen_optimizers
    }
    for optimizer_, schedule_ in itertools.product(chosen_optimizers, chosen_schedules):
        for ticks in {schedule_.ticks(problem_, steps_) for problem_ in chosen_problems for steps_ in all_steps}:
            _check_once(_Same(optimizer_), _Same(schedule_), rates[optimizer_][0], ticks, horizon)
    runs: list[Run] = []
    # Each value of an axis once makes each run once; hashing the runs instead takes longer than making them.
    specs = map(_once, (chosen_problems, chosen_optimizers, chosen_schedules))
    for problem_, optimizer_, schedule_ in itertools.product(*specs):
        kind = dtype or problem_.dtype
        if kind not in DTYPES:
            raise InputError(f"dtype must be one of {', '.join(DTYPES)}, got {kind!r}")
        own_starts = [_fit_start(problem_, start_) for start_ in starts]
        axes = map(_once, (rates[optimizer_], seeds, own_starts, all_steps))
        runs += [
            Run(problem_, optimizer_, schedule_, rate, seed_, start_, steps_, kind)
            for rate, seed_, start_, steps_ in itertools.product(*axes)
        ]
    return runs


def _once(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _one_meaning(what: str, specs: Sequence[Any], code: str) -> None:
    """Raises InputError where two specs that compute different things have one name, or would be taken for one.

    Names are what pictures and tables know them by, and would put the two into one row.
    """
    first: dict[str, Any] = {}
    for spec in specs:
        known = first.setdefault(spec.name, spec)
        if known != spec or not same_code(getattr(known, code), getattr(spec, code)):
            raise InputError(f"two different {what}s are called {spec.name!r}: rename one (name=…)")


def _axis(value: Any) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    values = list(value)
    if not values:
        raise InputError("an axis of the grid is empty: give one value or more")
    return values


def _start_axis(value: Any) -> list[Any]:
    # A tuple of numbers is one point, not several starts.
    if isinstance(value, tuple) and value and all(isinstance(number, (int, float)) for number in value):
        return [value]
    return _axis(value)


def _fit_start(problem: Problem, start: Any) -> Start:
    if not problem.is_function:
        if isinstance(start, str) and start in ("canonical", "random"):
            return "random"
        raise InputError(f"{problem.name} is a network: its start is drawn from the seed, got start={start!r}")
    if start == "random" and not problem.bounds:
        raise InputError(f"{problem.name} has no bounds to draw a random start from: give it some")
    if start in ("canonical", "random"):
        return start
    if isinstance(start, str) or not isinstance(start, Sequence) or len(start) != problem.dim:
        raise InputError(f'start must be "canonical", "random" or a point of {problem.dim} numbers, got {start!r}')
    return tuple(_number("start", value) for value in start)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} must be made of finite numbers, got {value!r}")
    return number


class _Same:
    """A key that only this very object equals: specs of one name may hold different code."""

    def __init__(self, one: Any):
        self.one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.one is other.one

    def __hash__(self) -> int:
        return id(self.one)


@functools.lru_cache(maxsize=4096)
def _check_once(optimizer: _Same, schedule: _Same, lr: float, ticks: int, horizon: str) -> None:
    """A study asks for the grid of each of its cells, time and again; hundreds of steps of a schedule are dear."""
    check_build(optimizer.one, schedule.one, lr, ticks, horizon)


def check_build(
    optimizer: OptimizerSpec, schedule: ScheduleSpec, lr: float, ticks: int, horizon: str = "free"
) -> None:  # fmt: skip
    """Build both on a dummy matrix and step the schedule: what the classes refuse, they refuse here.

    With `horizon="run"` also a schedule whose own end, as built, is not the run's.
    """
    import torch

    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    stock = optimizer.build([parameter], lr)
    try:
        scheduler: Any = schedule.factory(stock, ticks)
        stock._opt_called = True  # type: ignore[attr-defined]  # it never steps, and torch would warn of that
        if schedule.kind != "adaptive" and is_plateau(scheduler):
            raise InputError(
                f'schedule {schedule.name} makes a ReduceLROnPlateau, which looks at the loss: give it kind="adaptive"'
            )
        end = built_end(scheduler) if horizon == "run" else None
        if end is not None:
            replace(schedule, end=end).check_horizon(ticks)
        if scheduler is not None:
            for _ in range(min(ticks, TRIED_TICKS)):
                scheduler.step(1.0) if schedule.kind == "adaptive" else scheduler.step()
                if (rate := stock.param_groups[0]["lr"]) < 0:
                    raise InputError(f"schedule {schedule.name} makes the rate negative: {rate:g} from {lr:g}")
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"schedule {schedule.name} refuses: {' '.join(str(error).split())}") from error


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < least:
        raise InputError(f"{name} must be a whole number >= {least}, got {value!r}")
    if value.__index__() >= 2**63:
        raise InputError(f"{name} must be below 2**63, got {value!r}")
    return value.__index__()


def _rate(value: Any) -> float:
    try:
        rate = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        raise InputError(f'lr must be a number > 0 or "default", got {shown(value)}') from None
    except OverflowError:
        rate = math.inf
    if not (rate > 0 and math.isfinite(rate)):
        raise InputError(f"lr must be > 0{' and finite' if rate > 0 else ''}, got {shown(value)}")
    return rate
