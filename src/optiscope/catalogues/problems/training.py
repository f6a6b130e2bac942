"""Switches that any learning problem takes: accumulation, clipping, averaging, precision, and the noise scale.

Floor 1: imports `errors`, `spec`, `syntax` and `task` only. What a switch does is told by
`task.Training`; the engine does it.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from typing import Any

from ...errors import InputError, hint
from ...spec import Problem
from ...syntax import format_call, parse_call
from ...task import Task, Training

SWITCHES = tuple(p.replace(kind=p.KEYWORD_ONLY) for p in inspect.signature(Training).parameters.values())
NOISE_METRICS = ("noise_scale", "grad_signal", "grad_noise")


def trained(problem: Problem, **switches: Any) -> Problem:
    """A learning problem with the switches of its training step set, under a name that says so.

    The switches are those of `Training`: accumulate, zero_grad, clip_norm, clip_value, average (with average_decay,
    average_from), autocast and noise_scale. Problems of the catalogue take them as arguments of their own:
    `digits-cnn(clip_norm=1.0)` is the same as `trained(digits_cnn, clip_norm=1.0)`.

    An epoch keeps its batches: with `accumulate=4` it has a quarter as many steps, rounded up. Metrics are added:
    `ema_val_loss`, … for each validation metric of averaged weights; `noise_scale` (in examples) with its parts
    `grad_signal` and `grad_noise`.

    >>> Training(accumulate=4, clip_norm=1.0).set
    {'accumulate': 4, 'clip_norm': 1.0}

    Raises InputError where a value is out of range, the problem is a test function, or an epoch has fewer batches.
    """
    if not isinstance(problem, Problem):
        call = problem if isinstance(problem, str) else "digits-cnn"
        raise InputError(
            f"trained takes an optiscope.Problem, got {problem!r}: one of the catalogue takes switches in its name, "
            f"{_named(call, switches)}"
        )
    allowed = [one.name for one in SWITCHES]
    for key in switches:
        if key not in allowed:
            raise InputError(f"{problem.name} has no switch {key!r}{hint(key, allowed)} allowed: {', '.join(allowed)}")
    if problem.task is None:
        raise InputError(
            f"{problem.name} is a test function: {', '.join(switches) or 'training'} is for learning problems"
        )
    task, steps = problem.task, problem.steps_per_epoch
    before = task.training or Training()
    try:
        training = Training(**before.set | switches)
    except InputError as error:
        raise InputError(f"{problem.name}: {error}") from error
    if training.accumulate != before.accumulate:
        if before.accumulate > 1:
            raise InputError(f"{problem.name} accumulates already: set accumulate once, on the plain problem")
        if training.accumulate > steps:
            raise InputError(
                f"{problem.name}: accumulate must be at most the {steps} batch{'es' * (steps > 1)} of an epoch, "
                f"got {training.accumulate}"
            )
        steps = math.ceil(steps / training.accumulate)
    if training.average and not task.validation_metrics:
        raise InputError(f"{problem.name}: average needs validation metrics to judge the averaged weights by")
    old = _added(task, before)
    return replace(
        problem,
        name=_named(problem.name, switches),
        task=replace(task, training=training if training.set else None),
        steps_per_epoch=steps,
        metrics=(*(name for name in problem.metrics if name not in old), *_added(task, training)),
    )


def _added(task: Task, training: Training) -> tuple[str, ...]:
    """The metrics that switches add to a task's own."""
    averaged = [f"{training.average}_{name}" for name in task.validation_metrics] if training.average else []
    return (*averaged, *(NOISE_METRICS if training.noise_scale else ()))


def _named(name: str, switches: dict[str, Any]) -> str:
    try:
        plain, arguments = parse_call(name)
    except InputError:  # a name of the user's own need not be a call
        plain, arguments = name, {}
    return format_call(plain, arguments | switches)
