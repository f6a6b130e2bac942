"""Parameter groups by pattern: which parameters of a network get which arguments. Imports errors and
signatures; torch late.

`groups` maps a pattern to what its parameters get instead of the optimizer's own arguments. A parameter goes to the
first pattern that matches it, and what no pattern matches forms group 0. A pattern is one of these, or several with
commas between them:

    *.bias      a shell pattern of parameter names (fnmatch; `*` matches dots, too)
    features    a module, or a shell pattern of modules: all parameters inside
    bias        the biases of all modules
    norm        all parameters of normalisation layers (classes with `Norm` in their name)

A frozen group has no gradients and no updates; what its layers keep besides parameters, such as the running statistics
of batch norm, goes on as ever.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from .errors import InputError, hint
from .signatures import why_refused

if TYPE_CHECKING:
    import torch

KINDS = ("bias", "norm")
OWN_KEYS = ("lr_scale", "frozen_until")  # what a group may say besides the optimizer's arguments


@dataclass(frozen=True)
class Group:
    """The parameters that one pattern got, with the arguments that they get; number 0 is what no pattern matched."""

    number: int
    pattern: str
    members: Mapping[str, torch.nn.Parameter]
    arguments: Mapping[str, Any]
    lr_scale: float = 1.0
    frozen_until: int = 0

    def entry(self, lr: float) -> dict[str, Any]:
        """The group as `torch.optim.Optimizer` takes it; `lr` is the run's, which `lr_scale` multiplies."""
        return {"params": list(self.members.values()), "lr": lr * self.lr_scale, **self.arguments}


def read_groups(optimizer: str, groups: Any) -> dict[str, dict[str, Any]]:
    """The groups, checked as far as they can be without the class and the network. Raises InputError."""
    if not isinstance(groups, Mapping):
        raise InputError(f"{optimizer}: groups maps patterns to arguments, {{'*.bias': {{…}}}}, got {groups!r}")
    read = {}
    for pattern, own in groups.items():
        if not isinstance(pattern, str) or not all(part.strip() for part in pattern.split(",")):
            raise InputError(
                f"{optimizer}: a group's pattern is a text such as '*.bias' or 'bias, norm', got {pattern!r}"
            )
        if not isinstance(own, Mapping) or not all(isinstance(key, str) for key in own):
            raise InputError(
                f"{optimizer}: group {pattern!r} needs arguments, such as {{'lr_scale': 0.1}}, got {own!r}"
            )
        if "lr" in own:
            raise InputError(
                f"{optimizer}: group {pattern!r} has no lr of its own, since lr is an axis: "
                "give lr_scale, a factor of the run's rate"
            )
        scale, step = own.get("lr_scale", 1.0), own.get("frozen_until", 1)
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale < math.inf:
            raise InputError(f"{optimizer}: group {pattern!r}: lr_scale must be a finite number > 0, got {scale!r}")
        if isinstance(step, bool) or not isinstance(step, int) or step < 1:
            raise InputError(f"{optimizer}: group {pattern!r}: frozen_until must be a step >= 1, got {step!r}")
        read[pattern] = dict(own)
    return read


def check_values(
    optimizer: str, stock: torch.optim.Optimizer, arguments: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raises InputError for what a group cannot have: torch takes any key there, and checks no value."""
    import torch

    cls: Any = type(stock)
    allowed = [*OWN_KEYS, *(key for key in stock.defaults if key != "lr")]
    for pattern, own in groups.items():
        for key in own:
            if key not in allowed:
                raise InputError(
                    f"{optimizer}: group {pattern!r} takes no {key!r}{hint(key, allowed)} allowed: {', '.join(allowed)}"
                )
        merged = {**arguments, **{key: value for key, value in own.items() if key not in OWN_KEYS}}
        try:
            cls([torch.nn.Parameter(torch.zeros(2, 2))], lr=stock.param_groups[0]["lr"], **merged)
        except Exception as error:  # whatever a constructor raises, it is the arguments that it refuses
            raise InputError(f"{optimizer}: group {pattern!r}: {why_refused(cls, merged, error)}") from error


def as_recorded(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The groups as a record holds them: a list, since the first pattern that matches wins; empty without any."""
    return {"groups": [{"pattern": pattern, **own} for pattern, own in groups.items()]} if groups else {}


def split(module: torch.nn.Module, groups: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """The parameters of a network by group, in the order of the patterns; group 0 comes first, if it has any.

    Raises InputError for a pattern that gets no parameter, and where every parameter is frozen at the start.
    """
    owners = dict(_owners(module))
    members: dict[str, dict[str, torch.nn.Parameter]] = {pattern: {} for pattern in groups}
    rest: dict[str, torch.nn.Parameter] = {}
    for name, parameter in module.named_parameters():
        found = next((pattern for pattern in groups if matches(pattern, name, owners[name])), None)
        (rest if found is None else members[found])[name] = parameter
    parts = [Group(0, "", rest, {})] if rest else []
    for number, (pattern, own) in enumerate(groups.items(), start=1):
        # A network may have biases and no norms; any other name that nothing has is a slip.
        for one in (part.strip() for part in pattern.split(",")):
            if one not in KINDS and not any(_matches(one, name, owner) for name, owner in owners.items()):
                raise InputError(_nothing(one, list(groups), owners))
        if not members[pattern]:
            raise InputError(_nothing(pattern, list(groups), owners))
        arguments = {key: value for key, value in own.items() if key not in OWN_KEYS}
        scale, step = float(own.get("lr_scale", 1.0)), own.get("frozen_until", 0)
        parts.append(Group(number, pattern, members[pattern], arguments, scale, step))
    if all(part.frozen_until for part in parts):
        raise InputError("every parameter is frozen at the start: leave one group without frozen_until")
    return parts


def matches(pattern: str, name: str, owner: str) -> bool:
    """Whether a pattern matches the parameter of this full name in a module of the class `owner`.

    >>> matches("bias, norm", "layers.0.weight", "BatchNorm2d"), matches("layers", "layers.0.weight", "Linear")
    (True, True)
    """
    return any(_matches(part.strip(), name, owner) for part in pattern.split(","))


def _matches(pattern: str, name: str, owner: str) -> bool:
    *modules, last = name.split(".")
    if pattern == "bias":
        return last == "bias"
    if pattern == "norm":
        return "norm" in owner.lower()
    return any(fnmatchcase(".".join(modules[:n]), pattern) for n in range(1, len(modules) + 1)) or fnmatchcase(
        name, pattern
    )


def _owners(module: torch.nn.Module) -> Iterator[tuple[str, str]]:
    """Each parameter's full name, with the class of the module that holds it."""
    for prefix, inner in module.named_modules():
        for name, _ in inner.named_parameters(recurse=False):
            yield (f"{prefix}.{name}" if prefix else name), type(inner).__name__


def _nothing(pattern: str, patterns: list[str], owners: Mapping[str, str]) -> str:
    taken = [name for name, owner in owners.items() if matches(pattern, name, owner)]
    if taken:
        first = next(one for one in patterns if matches(one, taken[0], owners[taken[0]]))
        return (
            f"group {pattern!r} gets no parameter: {first!r}, before it, has {taken[0]!r} already; the first match wins"
        )
    if pattern in KINDS:
        what = "bias" if pattern == "bias" else "normalisation layer (a class with Norm in its name)"
        return f"group {pattern!r} matches no parameter: the network has no {what}"
    modules = {".".join(name.split(".")[:n]) for name in owners for n in range(1, name.count(".") + 1)}
    listing = ", ".join(list(owners)[:6]) + (f", … ({len(owners)} in all)" if len(owners) > 6 else "")
    return f"group {pattern!r} matches no parameter{hint(pattern, [*owners, *modules, *KINDS])} parameters: {listing}"
