"""What a class or function takes, by its signature: one clear line for what it does not. Imports errors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InputError, hint, reason_of

_VARIABLE = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_HIDDEN = frozenset({"self", "params", "optimizer", "last_epoch", "lr"})


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    callable_ = function.__init__ if isinstance(function, type) else function
    return dict(inspect.signature(callable_).parameters)


def check_arguments(name: str, function: Any, given: Sequence[str] | Mapping[str, Any]) -> None:
    """Raises InputError, with the nearest valid name, for an argument that `function` does not take."""
    parameters = _parameters(function)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    allowed = [key for key in parameters if key not in _HIDDEN]
    for key in given:
        if key not in allowed:
            listing = ", ".join(allowed) or "none"
            raise InputError(f"{name} takes no argument {key!r}{hint(key, allowed)} allowed: {listing}")


def same_code(one: Any, other: Any) -> bool:
    """Whether two functions do the same: equal, or written at one place and holding equal values."""
    if isinstance(one, functools.partial) and isinstance(other, functools.partial):
        return (one.args, one.keywords) == (other.args, other.keywords) and same_code(one.func, other.func)
    here, there = getattr(one, "__code__", None), getattr(other, "__code__", None)
    if one == other or here is None or there is None:
        return bool(one == other)

    def held(function: Any) -> list[Any]:
        return [cell.cell_contents for cell in function.__closure__ or ()] + [function.__defaults__]

    return (
        here == there
        and len(held(one)) == len(held(other))
        and all(a is b or same_code(a, b) for a, b in zip(held(one), held(other), strict=True))
    )


def why_refused(cls: type, given: Mapping[str, Any], error: Exception) -> str:
    """Why an optimizer class cannot be built on parameters, a rate and these arguments."""
    parameters = {key: p for key, p in _parameters(cls).items() if key != "self" and p.kind not in _VARIABLE}
    needed = [key for key, p in parameters.items() if p.default is p.empty and key not in ("params", "lr", *given)]
    wrapped = [key for key in needed if key in ("model", "optimizer", "base_optimizer")]
    if wrapped:
        what = "a model" if wrapped[0] == "model" else "another optimizer"
        return f"it takes {what} ({wrapped[0]}): build both in a class of your own that takes (params, lr)"
    if needed:
        return f"it needs {', '.join(f'{key}=…' for key in needed)}"
    for key, value in given.items():
        default = parameters[key].default if key in parameters else None
        if isinstance(value, str) and isinstance(default, (int, float)) and not isinstance(default, bool):
            return f"{key} must be a number, got {value!r}"
    text = reason_of(error)
    if "Tensor.__contains__" in text:
        # It looks for keys in what it takes for a group, and finds a tensor.
        return "it takes parameter groups with keys of its own: make them in a class of your own of (params, lr)"
    return text
