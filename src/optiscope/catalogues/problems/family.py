"""A family of problems: a name, a function that makes one from arguments, and the modifiers that any of them takes.

Floor 1: imports `errors`, `spec`, `syntax`, `task`, and its neighbours.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ...signatures import check_arguments
from ...spec import Problem
from ...syntax import format_call
from ...task import Task
from .training import SWITCHES, trained
from .transform import modify

_MODIFIERS = tuple(p for p in inspect.signature(modify).parameters.values() if p.kind is p.KEYWORD_ONLY)


@dataclass(frozen=True)
class Family:
    """A catalogue entry: `make(**arguments)` gives the `Problem`, `note` says in a few words what is hard about it.

    With `modifiers`, `build` also takes the arguments of `transform.modify` (rotation, scale, noise, layout); without,
    it is a learning problem, and `build` takes the switches of `training.trained` (accumulate, clip_norm, …).

    >>> bowl = Family("bowl", lambda height=1.0: Problem("bowl", lambda x: height * x[..., 0] ** 2, start=(3.,)))
    >>> bowl.build({"height": 2.0, "noise": 0.1}).name
    'bowl(height=2.0, noise=0.1)'
    """

    name: str
    make: Callable[..., Problem]
    note: str = ""
    modifiers: bool = True

    @property
    def __signature__(self) -> inspect.Signature:
        """The arguments of `build`, for listings and for `check_arguments`."""
        own = list(inspect.signature(self.make).parameters.values())
        return inspect.Signature([*own, *self.further])

    @property
    def further(self) -> tuple[inspect.Parameter, ...]:
        """What `build` takes besides the arguments of `make`."""
        return _MODIFIERS if self.modifiers else SWITCHES

    def __call__(self, **arguments: Any) -> Problem:
        """The same as `build`, with keywords."""
        return self.build(arguments)

    def build(self, arguments: Mapping[str, Any]) -> Problem:
        """The problem that these arguments describe, named by call syntax with the arguments as given.

        Raises InputError for an unknown argument, naming those allowed and the nearest, and for a value out of range.
        """
        if self.modifiers:
            _refuse_switches(self.name, arguments)
        check_arguments(self.name, self, arguments)
        changes = {p.name: arguments[p.name] for p in self.further if p.name in arguments}
        try:
            problem = self.make(**{key: value for key, value in arguments.items() if key not in changes})
        except TypeError as error:
            raise InputError(f"{format_call(self.name, arguments)}: {error}") from error
        if changes:
            problem = modify(problem, **changes) if self.modifiers else trained(problem, **changes)
        return dataclasses.replace(
            problem, name=format_call(self.name, arguments), task=_told_apart(problem, arguments)
        )


def _told_apart(problem: Problem, arguments: Mapping[str, Any]) -> Task | None:
    """The task; where a loss of one's own was given as a function, with its code, which its name does not tell."""
    given = [getattr(value, "cls", value) for value in arguments.values()]
    own = [
        value for value in given if callable(value) and not str(getattr(value, "__module__", "")).startswith("torch")
    ]
    if problem.task is None or not own:
        return problem.task
    from .fingerprint import fingerprint

    return dataclasses.replace(problem.task, fingerprint=fingerprint(own))


def _refuse_switches(name: str, arguments: Mapping[str, Any]) -> None:
    for one in SWITCHES:
        if one.name in arguments:
            raise InputError(f"{name} is a test function, and {one.name} is a switch of learning problems")
