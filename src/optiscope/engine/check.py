"""Pairs that cannot work: found before anything runs, on parameters of two numbers a dimension."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from ..checks import check_whole
from ..errors import InputError, Refused, reason_of, shown
from ..groups import split
from ..spec import OptimizerSpec, Problem, Run, ScheduleSpec
from .calling import parameter_shapes, try_step
from .training import check_training


def check_pair(problem: Problem, optimizer: OptimizerSpec, lr: float, dtype: str) -> None:
    """Raises Refused where the optimizer cannot step such parameters, with the optimizer's own reason."""
    shapes = parameter_shapes(problem)
    sparse = problem.layout == "sparse"
    dimensions = sorted({len(shape) for shape in shapes})
    empty: list[Any] = [torch.empty(shape, device="meta", requires_grad=True) for shape in shapes]
    if optimizer.groups:
        empty = _groups(problem, optimizer, lr)
    try:
        optimizer.build(empty, lr)
        try_step(optimizer, optimizer.resolved, dimensions, dtype, sparse, lr)
    except Exception as error:
        reason = reason_of(error)
        kind = "sparse" if sparse else "dense"
        counts = " and ".join(map(str, dimensions))
        # The ways are tried on loose parameters: they say nothing of groups.
        ways = [] if optimizer.groups else _other_ways(problem, optimizer, lr, dtype, dimensions)
        hint = f"; {' or '.join(ways)} would do" if ways else ""
        raise Refused(
            f"{optimizer.name} cannot run {problem.name} (number of dimensions of its parameters: {counts}; its "
            f"gradients are {kind}, its numbers {dtype}): {reason}{hint}"
        ) from error


def _groups(problem: Problem, optimizer: OptimizerSpec, lr: float) -> list[Any]:
    """The optimizer's groups on the network, without memory. Raises InputError for a pattern that matches nothing."""
    if problem.task is None:
        raise Refused(
            f"{optimizer.name} has groups, which name parameters of a network; {problem.name} is a test function of "
            "one point: leave groups out"
        )
    with torch.device("meta"):
        module = problem.task.module()
    try:
        return [part.entry(lr) for part in split(module, optimizer.groups)]
    except InputError as error:
        raise InputError(f"{problem.name}: {error}") from error


def _other_ways(problem: Problem, optimizer: OptimizerSpec, lr: float, dtype: str, dimensions: list[int]) -> list[str]:
    """What a user can change so that the pair works, each one tried."""
    ways = [("dtype='float32'", dimensions, "float32", problem.layout == "sparse")]
    if problem.is_function:
        ways += [("layout='matrix'", [2], dtype, False), ("layout='sparse'", [1], dtype, True)]
        ways += [("layout='matrix' with dtype='float32'", [2], "float32", False)]
    for text, sizes, kind, sparse in ways:
        try:
            try_step(optimizer, optimizer.resolved, sizes, kind, sparse, lr)
        except Exception:  # this way does not work either: it is not named
            continue
        return [text]
    return []


def check_monitor(problem: Problem, schedule_name: str, monitor: str) -> None:
    """Raises InputError where an adaptive schedule monitors what the problem does not measure."""
    known = ["loss", *problem.metrics]
    if monitor not in known:
        raise InputError(f"{schedule_name} monitors {monitor!r}, but {problem.name} measures {', '.join(known)}")


def check_loss(problem: Problem) -> None:
    """Raises InputError for a function that is none of `(..., dim) -> (...)`, tried on its start."""
    assert problem.loss is not None
    point = torch.tensor(problem.start, dtype=torch.float64, requires_grad=True)
    try:
        value = problem.loss(point)
    except Exception as error:  # somebody's function
        reason = reason_of(error)
        raise InputError(f"problem {problem.name!r}: its loss fails at its start: {reason}") from error
    given = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else repr(value)[:60]
    if not isinstance(value, torch.Tensor) or value.shape != ():
        raise InputError(
            f"problem {problem.name!r}: its loss must map a tensor of shape (..., {problem.dim}) to (...), got {given} "
            f"from ({problem.dim},)"
        )
    if not value.requires_grad:
        raise InputError(f"problem {problem.name!r}: its loss has no gradient: it must compute with torch throughout")


def check_runs(runs: Sequence[Run]) -> None:
    """Raises InputError for the first pair among these runs that cannot work; each pair is tried once."""
    kinds = {(id(one.problem), id(one.optimizer), id(one.schedule), one.dtype): one for one in runs}.values()
    pairs: dict[tuple[Problem, OptimizerSpec, str], Run] = {}
    for one in kinds:
        pairs.setdefault((one.problem, one.optimizer, one.dtype), one)
    for problem in dict.fromkeys(problem for problem, *_ in pairs):
        if problem.is_function:
            check_loss(problem)
    for one in pairs.values():
        check_pair(one.problem, one.optimizer, one.lr, one.dtype)
    for one in pairs.values():
        check_training(one)
    for problem, schedule in dict.fromkeys((one.problem, one.schedule) for one in kinds):
        check_monitor(problem, schedule.name, schedule.monitor)


def check_axes(runs: Any) -> list[Run]:
    """The runs as a list. Raises InputError for what is no run, or one made by hand of what no run can have."""
    if not isinstance(runs, (Run, Iterable)) or isinstance(runs, (str, bytes, Mapping)):
        raise InputError(f"runs are what grid(…) gives: a Run or several, got {shown(runs)}")
    found = [runs] if isinstance(runs, Run) else list(runs)
    kinds = ("problem", Problem), ("optimizer", OptimizerSpec), ("schedule", ScheduleSpec)
    seen: set[tuple[int, ...]] = set()
    for one in found:
        if not isinstance(one, Run):
            raise InputError(f"runs are what grid(…) gives: a Run or several, got {shown(one)}")
        parts = id(one.problem), id(one.optimizer), id(one.schedule)
        if parts not in seen:  # a sweep has a million runs, of few parts
            seen.add(parts)
            for name, kind in kinds:
                if not isinstance(getattr(one, name), kind):
                    given = shown(getattr(one, name))
                    raise InputError(
                        f"a run's {name} is an optiscope.{kind.__name__}, got {given}; grid(…) takes names"
                    )
        if not (one.steps.__class__ is int and one.steps > 0 and one.lr > 0):
            raise InputError(f"a run needs steps >= 1 and lr > 0, got steps={shown(one.steps)}, lr={shown(one.lr)}")
        if one.start.__class__ is str and one.start not in ("canonical", "random"):
            raise InputError(f'a run\'s start is "canonical", "random" or a point, got {shown(one.start)}')
    return found


def check_settings(*, jobs: Any, memory_mb: Any, device: Any, purpose: Any, progress: Any, on_event: Any) -> None:
    """Raises InputError for a setting of `run` that is of another kind."""
    for name, value in (("jobs", jobs), ("memory_mb", memory_mb)):
        check_whole(name, value)
    if not isinstance(device, str):
        raise InputError(f'device is a name, such as "cpu" or "cuda:1", got {shown(device)}')
    if purpose not in ("result", "tuning"):
        raise InputError(f'purpose must be "result" or "tuning", got {shown(purpose)}')
    for name, function in (("progress", progress), ("on_event", on_event)):
        if function is not None and not callable(function):
            raise InputError(f"{name} must be a function, or None, got {shown(function)}")


def check_device(device: str) -> None:
    """Raises InputError for a device that torch does not know or this machine does not have."""
    try:
        torch.zeros(1, device=device).item()  # the meta device has tensors, but no numbers
    except Exception as error:
        # torch lists all its backends after the first sentence.
        reason = " ".join(str(error).split("\n")[0].split()).partition(". ")[0][:200]
        raise InputError(f"device {device!r} cannot be used here: {reason}; cpu always can") from error
