"""The call syntax: `SGD(momentum=0.9)` in Python, on the command line and in study files alike.

Arguments are literals, read by `ast.literal_eval`: nothing is ever evaluated.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Mapping
from typing import Any

from .errors import InputError, nearest, shown

_EXTRAS = {"pytorch_optimizer": "zoo", "torch_optimizer": "bench"}  # packages that an extra of ours installs
_CALL = re.compile(r"\s*([A-Za-z_][\w.\-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


def parse_call(text: str) -> tuple[str, dict[str, Any]]:
    """Split call syntax into a name and its keyword arguments.

    >>> parse_call("StepLR(step_size=100, gamma=0.5)")
    ('StepLR', {'step_size': 100, 'gamma': 0.5})

    Raises InputError where the text is no call, or an argument is unnamed or not a literal.
    """
    match = _CALL.fullmatch(text)
    if match is None:
        raise InputError(f"cannot read {shown(text)}: expected NAME or NAME(key=literal, …)")
    name, inside = match.group(1), match.group(2)
    if not inside or not inside.strip():
        return name, {}
    try:
        # The name is not parsed: `demo-cnn` is a name here, and a subtraction in Python.
        call = ast.parse(f"_({inside})", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise InputError(f"cannot read {shown(text)}: expected NAME(key=literal, …)") from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise InputError(f"cannot read {shown(text)}: expected NAME(key=literal, …)")
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise InputError(f"arguments must be named in {shown(text)}: write NAME(key=literal, …)")
    arguments: dict[str, Any] = {}
    for keyword in call.keywords:
        assert keyword.arg is not None
        if keyword.arg in arguments:
            raise InputError(f"argument {keyword.arg!r} is given twice in {shown(text)}")
        try:
            arguments[keyword.arg] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, MemoryError, RecursionError) as error:
            given = ast.unparse(keyword.value)[:60]
            raise InputError(
                f"argument {keyword.arg}={given} in {shown(text)} is not a literal: "
                "numbers, strings, True, False, None, tuples, lists and dicts are allowed"
            ) from error
    return name, arguments


def format_call(name: str, arguments: Mapping[str, Any]) -> str:
    """The inverse of `parse_call`: a label that can be read back, the same in whatever order the arguments came.

    >>> format_call("SGD", {"nesterov": True, "momentum": 0.9})
    'SGD(momentum=0.9, nesterov=True)'

    A value that no literal can spell is written as the text that names it: a spec by its label, a function by its
    import path.
    """
    inside = ", ".join(f"{key}={_literal(value)!r}" for key, value in sorted(arguments.items()))
    return f"{name}({inside})" if inside else name


def file_name(text: str) -> str:
    """A name as part of a file's: whatever is no letter and no digit, of any alphabet, becomes one underscore.

    >>> file_name("rosenbrock(dim=3)")
    'rosenbrock_dim_3'
    """
    return re.sub(r"[\W_]+", "_", text).strip("_")


def _literal(value: Any) -> Any:
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return getattr(value, "label", value)


def import_path(path: str) -> Any:
    """The object at a dotted import path, `package.module.Name`.

    Raises InputError where the module cannot be imported or has no such name, and for Python's own library: nothing
    in it is a part of a study, and much of it (`os.system`) is none that a study file should reach.
    """
    module_name, _, attribute = path.rpartition(".")
    if not module_name:
        raise InputError(f"{path!r} is not an import path: expected package.module.Name")
    if module_name.partition(".")[0] in sys.stdlib_module_names:
        raise InputError(f"{path!r} is of Python's own library, which has no problem, optimizer, schedule or loss")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        extra = _EXTRAS.get(module_name.partition(".")[0])
        cure = f"; pip install 'optiscope[{extra}]'" if extra else ""
        raise InputError(f"cannot import {module_name!r} (for {path!r}): {error}{cure}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = [name for name in vars(module) if not name.startswith("_")]
        raise InputError(f"module {module_name!r} has no {attribute!r}{nearest(attribute, names)}") from None
