"""A loss from what people write: a name, call syntax, an import path, a function, a class or its object, or a spec."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ...errors import InputError, UnknownName
from ...streams import torch_generator
from ...syntax import import_path, parse_call
from .spec import LossSpec
from .table import LOSSES, NOT_LOSSES

_TORCH = "torch.nn.modules.loss"


def read_loss(value: str | LossSpec | Callable[..., Any]) -> LossSpec:
    """The spec of a loss: by name or call syntax of the catalogue, by import path, or from anything that can be called
    with (output, target): a class, a function, one with arguments bound (`functools.partial`), an object.

    >>> read_loss("HuberLoss(delta=0.5)").arguments
    {'delta': 0.5}

    Raises UnknownName, and InputError for arguments that the loss refuses, found by calling it on an example.
    """
    if isinstance(value, LossSpec):
        return _tried(value)
    if isinstance(value, str):
        return _tried(_from_text(value))
    if isinstance(value, type) and value.__module__ == _TORCH:
        return _tried(_from_text(value.__name__))
    if isinstance(value, functools.partial) and not value.args:
        return _tried(read_loss(value.func).with_arguments(value.keywords))
    if type(value).__module__.startswith("torch.nn.modules"):
        return _tried(_from_module(value))
    if callable(value):
        name = getattr(value, "__qualname__", "")
        return _tried(LossSpec(f"{value.__module__}.{name}" if name else _name_of(value), value))
    raise InputError(
        f"a loss is a name, call syntax, a function, an object to call, or an optiscope.LossSpec, got {value!r}"
    )


def _name_of(built: Any) -> str:
    """The class of an object of one's own, with what its text tells besides."""
    kind = type(built)
    text = " ".join(repr(built).split())
    inside = text[len(kind.__name__) :] if text.startswith(f"{kind.__name__}(") and " at 0x" not in text else ""
    return f"{kind.__module__}.{kind.__qualname__}{'' if inside == '()' else inside}"


def _from_text(text: str) -> LossSpec:
    name, arguments = parse_call(text)
    short = name.removeprefix("torch.nn.")
    if short in NOT_LOSSES:
        raise InputError(f"{name} is no loss here: {NOT_LOSSES[short]}")
    for spec in LOSSES:
        if spec.name == short:
            return spec.with_arguments(arguments)
    if "." not in name:
        raise UnknownName("loss", name, [spec.name for spec in LOSSES])
    found = import_path(name)
    return found.with_arguments(arguments) if isinstance(found, LossSpec) else LossSpec(name, name, arguments)


def _from_module(built: Any) -> LossSpec:
    """The spec of a `torch.nn` loss that somebody built already: its arguments are its attributes."""
    name = type(built).__name__
    for spec in LOSSES:
        if spec.name == name:
            held = {key: getattr(built, key) for key in spec.options if hasattr(built, key)}
            # By their text: a tensor of weights has no plain comparison with the default, which is None.
            return spec.with_arguments({k: v for k, v in held.items() if str(v) != str(spec.options[k])})
    raise UnknownName("loss", name, [spec.name for spec in LOSSES])


def _tried(spec: LossSpec) -> LossSpec:
    """The spec, after what torch refuses only when called has been found."""
    built: Any = spec.build()
    if not callable(built):
        raise InputError(f"{spec.label} is no loss: it cannot be called")
    if hasattr(built, "parameters") and any(True for _ in built.parameters()):
        raise InputError(f"{spec.label} has weights of its own: make it a part of the network")
    if spec.parts:
        try:
            spec.evaluate(*spec.example(torch_generator(0, "loss")))
        except Exception as error:
            raise InputError(f"{spec.label} refuses its arguments: {' '.join(str(error).split())}") from error
    return spec
