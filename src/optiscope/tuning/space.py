"""Search spaces: what each hyperparameter may be, and how a trial is drawn from it. Knows specs; runs nothing.

A hyperparameter is drawn by turning one uniform number into a value, and that number is a function of (search seed,
name of the hyperparameter, number of the trial) alone. So every optimizer gets the same numbers, and the first k trials
of a longer search are those of a shorter one.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..catalogues.schedules import SCHEDULES
from ..errors import InputError, hint
from ..spec import OptimizerSpec, ScheduleSpec
from ..streams import uniform
from ..syntax import parse_call
from .distributions import Distribution, LogUniform, NearOne, Uniform

SCHEDULE = "schedule."


@dataclass(frozen=True)
class Trial:
    """One draw from a space: the optimizer and the schedule with its values as arguments, and the rate."""

    number: int
    optimizer: OptimizerSpec
    schedule: ScheduleSpec
    lr: float
    values: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Space:
    """What is searched: the name of each hyperparameter, and the distribution that it is drawn from.

    `lr` has to be there. A sequence of distributions is drawn element by element (`betas`), a plain value stays what it
    is, and the arguments of the schedule are a mapping of their own.

    >>> space = Space({"lr": LogUniform(1e-4, 1.0), "betas": (NearOne(0.0, 0.99), 0.999), "schedule": {"gamma": 0.5}})
    >>> print(space)
    lr: log-uniform from 0.0001 to 1
    betas[0]: from 0 to 0.99, 1 - betas[0] being log-uniform
    betas[1]: 0.999
    schedule.gamma: 0.5

    Raises InputError without `lr`.
    """

    entries: Mapping[str, Any]

    def __post_init__(self) -> None:
        flat: dict[str, Any] = {}
        for name, entry in self.entries.items():
            if name == "schedule" and isinstance(entry, Mapping):
                flat |= {f"{SCHEDULE}{own}": part for own, part in entry.items()}
            else:
                flat[name] = tuple(entry) if isinstance(entry, (list, tuple)) else entry
        object.__setattr__(self, "entries", flat)
        if "lr" not in flat:
            raise InputError(f"a search space needs lr, got {', '.join(flat) or 'nothing'}")

    def __str__(self) -> str:
        return "\n".join(f"{name}: {_described(name, part)}" for name, part in self.parts())

    def parts(self) -> Iterator[tuple[str, Any]]:
        """Name and distribution (or plain value) of each number that is drawn: `betas[0]`, `betas[1]`, …."""
        for name, entry in self.entries.items():
            if isinstance(entry, tuple):
                yield from ((f"{name}[{i}]", part) for i, part in enumerate(entry))
            else:
                yield name, entry

    def draw(self, number: int, seed: int = 0) -> dict[str, Any]:
        """The values of trial `number`, 0 being the first: a pure function of the space, the seed and the number."""

        def one(name: str, part: Any) -> Any:
            if not isinstance(part, Distribution):
                return part
            return part.at(float(uniform(seed, f"search {name}", number, 1)[0]))

        return {
            name: tuple(one(f"{name}[{i}]", part) for i, part in enumerate(entry))
            if isinstance(entry, tuple)
            else one(name, entry)
            for name, entry in self.entries.items()
        }

    def edges(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Which values lie close to a bound of their range: name → `"low"` or `"high"`."""
        flat: dict[str, Any] = {}
        for name, value in values.items():
            flat |= {f"{name}[{i}]": v for i, v in enumerate(value)} if isinstance(value, tuple) else {name: value}
        found = {
            name: part.edge(flat[name]) for name, part in self.parts() if isinstance(part, Distribution)
        }  # fmt: skip
        return {name: edge for name, edge in found.items() if edge}

    def trial(self, number: int, seed: int, optimizer: OptimizerSpec, schedule: ScheduleSpec) -> Trial:
        """Trial `number` of an optimizer and a schedule.

        The label of what has arguments drawn for it ends in `…`, the same for all trials of a search.
        """
        values = self.draw(number, seed)
        own = {name: value for name, value in values.items() if name != "lr" and not name.startswith(SCHEDULE)}
        its = {name.removeprefix(SCHEDULE): value for name, value in values.items() if name.startswith(SCHEDULE)}
        optimizer = optimizer.with_arguments(own, searched_label(optimizer.name))
        return Trial(number, optimizer, _with_arguments(schedule, its), values["lr"], values)

    def check(self, optimizers: Sequence[OptimizerSpec], schedules: Sequence[ScheduleSpec]) -> None:
        """Raises InputError for a hyperparameter that none of them takes, or that all who take it fix already."""
        pairs = list(itertools.product(optimizers, schedules))
        for name in self.entries:
            if any(_free(name, *pair) for pair in pairs):
                continue
            owners = [_owner(name, *pair) for pair in pairs]
            argument = owners[0][1]
            who = ", ".join(dict.fromkeys(spec.name for spec, _, _ in owners))
            if any(argument in spec.arguments for spec, _, _ in owners):
                raise InputError(f"{who}: {argument} is fixed already, so it cannot be searched")
            allowed = list(dict.fromkeys(key for _, _, keys in owners for key in keys or ()))
            raise InputError(
                f"{who}: no argument {argument!r} to search{hint(argument, allowed)} "
                f"allowed: {', '.join(allowed) or 'none'}"
            )

    def of(self, optimizer: OptimizerSpec, schedule: ScheduleSpec) -> Space:
        """The part of this space that the two take and do not fix: one space serves several optimizers."""
        return Space({name: entry for name, entry in self.entries.items() if _free(name, optimizer, schedule)})


# By the name of the argument alone: what two optimizers call the same is searched alike.
HYPERPARAMETERS = Space(
    {
        "lr": LogUniform(1e-5, 10.0),
        "momentum": NearOne(0.0, 0.999),
        "betas": (NearOne(0.0, 0.999), NearOne(0.9, 0.9999)),
        "alpha": NearOne(0.5, 0.9999),
        "rho": NearOne(0.5, 0.9999),
        "eps": LogUniform(1e-10, 1e-3),
        "weight_decay": LogUniform(1e-6, 0.1, zero=0.5),
        # Shares of the run. Whatever else a schedule takes is a number of steps or a rate, and has no range of its own.
        "schedule": {"warmup": LogUniform(0.01, 0.4), "decay": Uniform(0.05, 0.4), "pct_start": Uniform(0.05, 0.4)},
    }
)


def default_space(optimizer: OptimizerSpec, schedule: ScheduleSpec) -> Space:
    """`HYPERPARAMETERS`, as far as the signatures of the two have them by name and with a default of the same form."""

    def fits(name: str, entry: Any) -> bool:
        if name == "lr":
            return True
        function = schedule.factory if name.startswith(SCHEDULE) else optimizer.resolved
        parameter = inspect.signature(function).parameters.get(name.removeprefix(SCHEDULE))
        default = None if parameter is None else parameter.default
        return _form(default) == _form(entry) and _free(name, optimizer, schedule)

    return Space({name: entry for name, entry in HYPERPARAMETERS.entries.items() if fits(name, entry)})


def searched_label(label: str) -> str:
    """The label of a spec some of whose arguments a search fills in.

    >>> searched_label("Adam"), searched_label("SGD(nesterov=True)")
    ('Adam(…)', 'SGD(nesterov=True, …)')
    """
    return f"{label[:-1]}, …)" if label.endswith(")") else f"{label}(…)"


def _form(value: Any) -> int | None:
    """How many numbers a default or an entry is: a sequence's length, -1 for one number, None for anything else."""
    if isinstance(value, tuple):
        return len(value) if all(_form(part) == -1 for part in value) else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return -1 if number or isinstance(value, Distribution) else None


def _owner(
    name: str, optimizer: OptimizerSpec, schedule: ScheduleSpec
) -> tuple[OptimizerSpec | ScheduleSpec, str, list[str] | None]:
    """Whose argument it is, its own name, and what that one takes beside lr: None for whatever it is given."""
    if name.startswith(SCHEDULE):
        return schedule, name.removeprefix(SCHEDULE), _arguments(schedule.factory, 2)
    return optimizer, name, _arguments(optimizer.resolved, 1)


def _arguments(function: Callable[..., Any], skip: int) -> list[str] | None:
    # The first ones are what the engine gives: params, or optimizer and steps.
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.name not in ("lr", "last_epoch")]


def _free(name: str, optimizer: OptimizerSpec, schedule: ScheduleSpec) -> bool:
    spec, argument, allowed = _owner(name, optimizer, schedule)
    return name == "lr" or (argument not in spec.arguments and (allowed is None or argument in allowed))


def _with_arguments(schedule: ScheduleSpec, extra: Mapping[str, Any]) -> ScheduleSpec:
    if not extra:
        return schedule
    label, arguments = searched_label(schedule.name), {**schedule.arguments, **extra}
    if isinstance(schedule.factory, functools.partial):
        for family in SCHEDULES:
            # Made anew, so that the catalogue reads off where its arguments end it.
            if family.builder is schedule.factory.func and family.name == parse_call(schedule.name)[0]:
                return replace(family.build(arguments), name=label)
    return replace(schedule, name=label, factory=functools.partial(schedule.factory, **extra), arguments=arguments)


def _described(name: str, part: Any) -> str:
    return part.described(name) if isinstance(part, Distribution) else repr(part)
