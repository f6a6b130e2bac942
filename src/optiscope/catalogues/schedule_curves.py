"""Schedules sampled for a picture: the rate and the momentum that each asks for, and the arguments it had.

Floor 4: the real scheduler objects step on a throw-away optimizer. Imports torch, NumPy and pandas where used.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..spec import ScheduleSpec

if TYPE_CHECKING:
    import pandas as pd


def sample_schedules(schedules: Iterable[ScheduleSpec], steps: int, momentum: float = 0.9) -> pd.DataFrame:
    """The columns schedule, step, lr_t (as a share of the rate given), momentum, arguments; a row a step.

    Each schedule steps a momentum SGD whose rate is 1. One that looks at the loss sees it fall by a factor of 20
    within the first 40 % of the run and stand still from there on. `arguments` are those that it was given, and those
    that it took from the length of the run.
    """
    import pandas as pd
    import torch

    frames = []
    for spec in schedules:
        stock = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=momentum)
        scheduler: Any = spec.factory(stock, steps)
        stock._opt_called = True  # type: ignore[attr-defined]  # it never steps, and torch would warn of that
        told = _arguments(spec, scheduler)
        rates, momenta = np.empty(steps), np.empty(steps)
        for k in range(steps):
            group = stock.param_groups[0]
            rates[k], momenta[k] = group["lr"], group["momentum"]
            if scheduler is not None and k + 1 < steps:
                scheduler.step(20.0 ** -min(k / (0.4 * steps), 1.0)) if spec.kind == "adaptive" else scheduler.step()
        frames.append(pd.DataFrame({
            "schedule": spec.name, "step": np.arange(steps), "lr_t": rates, "momentum": momenta, "arguments": told,
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _arguments(spec: ScheduleSpec, scheduler: Any) -> str:
    """Its arguments as it runs, those first that follow the run or were given."""
    builder = getattr(spec.factory, "func", spec.factory)
    given = getattr(spec.factory, "keywords", {})
    first, usual = [], []
    for name, parameter in inspect.signature(builder).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        value = given.get(name, parameter.default)
        followed = value is None or name == "schedulers"
        if followed:
            taken = _taken(name, scheduler)
            value = value if taken is None else taken
        if value is not None:
            (first if followed or name in given else usual).append(f"{name}={_told(value)}")
    return ", ".join(first + usual)


def _taken(name: str, scheduler: Any) -> Any:
    """What an argument that was left out has become, read off the scheduler; None where it keeps no such thing."""
    if name == "milestones":
        return sorted(getattr(scheduler, "milestones", None) or scheduler._milestones)
    if name == "schedulers":
        return [_part(part) for part in getattr(scheduler, "_schedulers", ())] or None
    if name == "lr_lambda":
        # A default says in its docstring what it computes.
        return getattr(scheduler.lr_lambdas[0], "__doc__", None)
    if name == "base_lr":
        return "lr / 10"
    if name == "step_size_up":
        return round(scheduler.total_size * scheduler.step_ratio)
    return getattr(scheduler, name, None)


def _part(scheduler: Any) -> str:
    """A scheduler of torch as a call, with the arguments that it keeps."""
    names = [name for name in inspect.signature(type(scheduler)).parameters if name in vars(scheduler)]
    told = [f"{name}={_told(vars(scheduler)[name])}" for name in names if name not in ("optimizer", "last_epoch")]
    return f"{type(scheduler).__name__}({', '.join(told)})"


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_told, value)) + "]"
    return str(value)
