"""A problem from the import path of one, or of a function that makes one, with arguments.

Floor 1: imports `errors`, `signatures`, `spec` and `syntax` only, besides its neighbour `training`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ...errors import InputError, hint, reason_of
from ...spec import Problem
from ...syntax import format_call, import_path
from .training import SWITCHES, trained


def problem_at(path: str, arguments: Mapping[str, Any]) -> Problem:
    """The problem at `package.module.name`, made with these arguments where that is a function.

    Switches of the training step that the function does not take itself are set on what it makes. A problem that has
    no name of its own is called by its path and arguments, as they were written.

    Raises InputError where the path leads to no problem, or the function refuses its arguments or fails.
    """
    found: Any = import_path(path)
    own: dict[str, Any] = {}
    if inspect.isfunction(found) or isinstance(found, functools.partial):
        makes = getattr(found, "__annotations__", {}).get("return", Problem)
        if "Problem" not in (makes if isinstance(makes, str) else getattr(makes, "__name__", "")):
            raise InputError(f"{path} makes no optiscope.Problem, but {makes!r}: it is not called")
        own = _own(found, arguments)
        found = _made(path, found, own)
    if not isinstance(found, Problem):
        raise InputError(f"{path} is no optiscope.Problem and makes none")
    switches = {key: value for key, value in arguments.items() if key not in own}
    allowed = [one.name for one in SWITCHES]
    for key in switches:
        if key not in allowed:
            raise InputError(
                f"{path} is a Problem already and takes no argument {key!r}{hint(key, allowed)} "
                f"allowed: {', '.join(allowed)}"
            )
    unnamed = found.task is not None and found.task.unnamed
    if switches:
        found = trained(found, **switches)
    return replace(found, name=format_call(path, arguments)) if unnamed else found


def _own(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are the function's: all but the switches that it does not name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # written in C: it does not tell
        return dict(arguments)
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return dict(arguments)
    left = {one.name for one in SWITCHES} - {one.name for one in parameters}
    return {key: value for key, value in arguments.items() if key not in left}


def _made(path: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    try:
        return function(**arguments)
    except Exception as error:  # somebody's function
        raise InputError(f"{format_call(path, arguments)} cannot be made: {reason_of(error)}") from error
