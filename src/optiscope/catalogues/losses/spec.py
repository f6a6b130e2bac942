"""`LossSpec`: a loss by name, what it is called with, and how it is built and checked. Torch is imported on use."""

from __future__ import annotations

import copy
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import InputError, hint, reason_of
from ...syntax import format_call, import_path
from .parts import Part, check_parts, draw_parts

if TYPE_CHECKING:
    import torch

_OLD = ("size_average", "reduce")  # torch's deprecated spelling of `reduction`
_TENSORS = ("weight", "pos_weight")


@dataclass(frozen=True, eq=False)
class LossSpec:
    """A loss: a name, a `torch.nn.Module` class or a function (or its import path), and its keyword arguments.

    A class is built with the arguments; a function is called as `function(output, target, **arguments)` and gives a
    tensor. `parts` says what the call takes, in order: shape, dtype and range of each tensor. Without parts, as for a
    function of your own, only the result is checked: it must be a tensor or a number.

    >>> osc_l1 = LossSpec("mine", lambda output, target: (output - target).abs().mean())
    >>> osc_l1.label
    'mine'

    Raises InputError for an argument that the class does not take, with the nearest that it does.
    """

    name: str
    cls: Callable[..., Any] | str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    formula: str = ""
    parts: tuple[Part, ...] = ()
    reductions: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        # A tensor of class weights becomes numbers, which a label can hold and a comparison can compare.
        plain = {k: tuple(v.tolist()) if hasattr(v, "tolist") else v for k, v in self.arguments.items()}
        object.__setattr__(self, "arguments", plain)

    @property
    def label(self) -> str:
        """The name with its arguments, in call syntax: what pictures, tables and run ids know it by."""
        return format_call(self.name, self.arguments)

    @property
    def path(self) -> str:
        """Import path of the class or function."""
        if not isinstance(self.cls, str):
            named = self.cls if hasattr(self.cls, "__qualname__") else type(self.cls)
            return f"{named.__module__}.{named.__qualname__}"
        return self.cls or f"torch.nn.{self.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LossSpec) and (self.label, self.path) == (other.label, other.path)

    def __hash__(self) -> int:
        return hash((self.label, self.path))

    @functools.cached_property
    def resolved(self) -> Callable[..., Any]:
        """The class or function itself. Raises InputError where the path leads to nothing that can be called."""
        found = self.cls if callable(self.cls) else import_path(self.path)
        if not callable(found):
            raise InputError(f"{self.path} is no loss: it cannot be called")
        return found

    @property
    def is_class(self) -> bool:
        """Whether it is a class to be built, else a function to be called."""
        return isinstance(self.resolved, type)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments that the class or function takes, with their defaults."""
        open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return {p.name: p.default for p in self._parameters if p.name not in _OLD and p.kind not in open_ended}

    @functools.cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        """The keyword parameters; one that takes anything where the object does not tell, as those written in C."""
        try:
            parameters = list(inspect.signature(self.resolved).parameters.values())
        except ValueError:
            return [inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)]
        open_ended = parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
        return parameters if self.is_class or open_ended else parameters[2:]

    @property
    def output(self) -> str:
        """What the network's side of the call must be, in words: numbers, dtype and shape of each tensor."""
        return " and ".join(f"{part.name}: {part}" for part in self.parts if part.side == "output")

    @property
    def target(self) -> str:
        """What the data's side of the call must be, in words; empty where there is none."""
        return " and ".join(f"{part.name}: {part}" for part in self.parts if part.side == "target")

    def with_arguments(self, arguments: Mapping[str, Any]) -> LossSpec:
        """The same loss with further arguments."""
        merged = {**self.arguments, **arguments}
        return LossSpec(self.name, self.cls, merged, self.formula, self.parts, self.reductions, self.source)

    def build(self, **arguments: Any) -> Callable[..., torch.Tensor]:
        """The `torch.nn` module, or the function with its arguments bound.

        Class weights may be a tuple or list of numbers; a distance function may be an import path.

        Raises InputError for an argument that is unknown, or that the class refuses.
        """
        return self._build({**self.arguments, **arguments})

    def build_like(self, output: torch.Tensor) -> Callable[..., torch.Tensor]:
        """The same, with class weights of the output's dtype, on its device."""
        import torch

        whole = {
            key: torch.as_tensor(value, dtype=output.dtype, device=output.device)
            for key, value in self.arguments.items()
            if key in _TENSORS and value is not None
        }
        loss = self._build({**self.arguments, **whole})
        loss = loss.to(output) if isinstance(loss, torch.nn.Module) else loss
        return functools.partial(_quietly, loss) if self.name == "KLDivLoss" else loss

    def _build(self, arguments: dict[str, Any]) -> Callable[..., torch.Tensor]:
        import torch

        self._check_arguments(arguments)
        if not self.is_class:
            # A module of one's own is moved to the output's dtype: a copy of it, then.
            own = copy.deepcopy(self.resolved) if isinstance(self.resolved, torch.nn.Module) else self.resolved
            return functools.partial(own, **arguments) if arguments else own
        try:
            for key, value in arguments.items():
                if key in _TENSORS and isinstance(value, (tuple, list)):
                    arguments[key] = torch.tensor(value, dtype=torch.get_default_dtype())
                if key in _TENSORS and value is not None and bool((torch.as_tensor(arguments[key]) < 0).any()):
                    raise InputError(f"{self.name}: {key} must be numbers >= 0, got {self.arguments.get(key, value)!r}")
                if key == "distance_function" and isinstance(value, str):
                    arguments[key] = import_path(value)
            return self.resolved(**arguments)
        except InputError:
            raise
        except Exception as error:  # whatever a constructor raises, it is the arguments that it refuses
            raise InputError(f"{self.name} refuses its arguments: {reason_of(error)}") from error

    def _check_arguments(self, arguments: Mapping[str, Any]) -> None:
        allowed = list(self.options)
        if not any(p.kind is p.VAR_KEYWORD for p in self._parameters):
            for key in arguments:
                if key not in allowed:
                    listing = ", ".join(allowed) or "none"
                    raise InputError(f"{self.name} takes no argument {key!r}{hint(key, allowed)} allowed: {listing}")
        smoothing = arguments.get("label_smoothing", 0.0)
        if not (isinstance(smoothing, (int, float)) and 0 <= smoothing <= 1):
            raise InputError(f"{self.name}: label_smoothing must be a number from 0 to 1, got {smoothing!r}")
        given = arguments.get("reduction")
        if self.reductions and given is not None and given not in self.reductions:
            near = hint(str(given), self.reductions)
            listing = ", ".join(self.reductions)
            raise InputError(f"{self.name}: reduction must be one of {listing}, got {given!r}{near.rstrip(';')}")

    def call_arguments(self, output: Any, target: Any) -> list[Any]:
        """The tensors of a call in order; several of one side come as a tuple.

        Raises InputError where there are too many or too few.
        """
        if not self.parts:
            return [output, target]
        sides = {}
        for side, given in (("output", output), ("target", target)):
            names = [part.name for part in self.parts if part.side == side]
            tensors = [] if given is None else list(given) if isinstance(given, (tuple, list)) else [given]
            if len(tensors) != len(names):
                wants = f"{len(names)} ({', '.join(names)})" if names else "none"
                raise InputError(f"{self.name}: its {side} is {len(tensors)} tensors, but it takes {wants}")
            sides[side] = iter(tensors)
        return [next(sides[part.side]) for part in self.parts]

    def evaluate(self, output: Any, target: Any) -> torch.Tensor:
        """The loss of an output and a target; several tensors of one side are given as a tuple."""
        tensors = self.call_arguments(output, target)
        return self.build_like(tensors[0])(*tensors)

    def check(self, output: Any, target: Any) -> None:
        """Raises InputError, in one line, where the loss does not fit the output and the target.

        Looked at are dtypes, shapes, and the range of every number: a class index that is no class, probabilities
        outside [0, 1], log-probabilities above 0, which torch itself may take without a word.
        """
        import torch

        tensors = self.call_arguments(output, target)
        arguments = {**self.options, **self.arguments}
        if self.parts:
            sizes = check_parts(self.name, self.parts, tensors, arguments)
            if "C" in sizes:
                self.check_weight(sizes["C"])
        try:
            found = self.evaluate(output, target)
        except InputError:
            raise
        except Exception as error:  # what torch refuses, in torch's words
            raise InputError(f"{self.label} does not fit: {reason_of(error)}") from error
        if not isinstance(found, (torch.Tensor, float, int)):
            raise InputError(f"{self.label} must give a tensor or a number, got {type(found).__name__}")

    def check_weight(self, classes: int) -> None:
        """Raises InputError where class weights were given and are not one a class."""
        weight = self.arguments.get("weight")
        by_class = any("C" in form.shapes[0].split() for part in self.parts for form in part.forms)
        if by_class and weight is not None and _shape(weight) != (classes,):
            raise InputError(f"{self.name}: weight must be {classes} numbers, one a class, got {weight!r}")

    def example(self, generator: torch.Generator) -> tuple[Any, Any]:
        """A random output and target that fit: a tensor, a tuple of them, or None where there is no target.

        Floats are float64. Where the arguments hold class weights, there are as many classes as weights.
        """
        arguments = {**self.options, **self.arguments}
        sizes: dict[str, Any] = {}
        for shape in (_shape(arguments[key]) for key in _TENSORS if arguments.get(key) is not None):
            if shape:
                sizes = {"C": shape[-1], "*": (6, *shape) if len(shape) == 1 else shape}
        tensors = draw_parts(self.parts, arguments, generator, sizes)
        sides = [
            [tensor for part, tensor in zip(self.parts, tensors, strict=True) if part.side == side]
            for side in ("output", "target")
        ]
        output, target = (None if not side else side[0] if len(side) == 1 else tuple(side) for side in sides)
        return output, target


def _quietly(loss: Callable[..., torch.Tensor], *tensors: torch.Tensor) -> torch.Tensor:
    """What KLDivLoss divides by is told in its entry; torch tells it with every value."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "reduction: 'mean' divides", UserWarning)
        return loss(*tensors)


def _shape(weight: Any) -> tuple[int, ...]:
    import torch

    return tuple(torch.as_tensor(weight).shape)
