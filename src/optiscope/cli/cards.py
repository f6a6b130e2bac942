"""`optiscope list CATALOGUE NAME`: all that there is to know about one entry, in at most 80 columns."""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

from .. import naming
from ..catalogues.losses import LossSpec
from ..catalogues.problems import PROBLEMS
from ..catalogues.schedules import SCHEDULES
from ..errors import Refused
from ..naming import check_build
from ..signatures import check_arguments
from ..spec import OptimizerSpec, Problem, ScheduleSpec
from ..syntax import parse_call
from ..task import Task

Rows = list[tuple[str, str]]
_WIDTH = 80
_INDENT = 12
_STEPS = 500  # the run whose rates are shown
# What any test function, or any learning problem, takes besides its own arguments.
_FURTHER = {
    "rotation": "the seed of a random rotation",
    "scale": "stretches the axes",
    "noise": "standard deviation on each coordinate of a gradient",
    "layout": "or 'matrix', 'sparse': how the optimizer sees the point",
    "accumulate": "batches whose gradients make one step",
    "zero_grad": "or 'never': gradients add up over the run",
    "clip_norm": "greatest norm of the gradient",
    "clip_value": "greatest size of each of its numbers",
    "average": "'ema' or 'swa': averaged weights, judged beside",
    "average_decay": "of 'ema', a step",
    "average_from": "of 'swa', the share of the run where it begins",
    "autocast": "'bfloat16', or on CUDA 'float16'",
    "noise_scale": "batches that it is estimated from",
}
_PLANES = ("rosenbrock", "rosenbrock(layout='matrix')", "rosenbrock(layout='sparse')")
_OLD = {"size_average", "reduce"}  # of torch's losses, replaced by reduction long ago


def card(catalogue: str, text: str) -> str:
    """The card of a name or call. Raises UnknownName, with the nearest name, or InputError for a wrong argument."""
    title, body, rows = _CARDS[catalogue](text)
    lines = [title]
    if body:
        lines += ["", *(line for part in body.split("\n") for line in textwrap.wrap(part, _WIDTH) or [""])]
    lines.append("")
    for label, value in rows:
        for i, part in enumerate(value.split("\n")):
            head = f"{'' if i else label:<{_INDENT}}"
            # An example is there to be copied: it stays on one line.
            width = len(head + part) if label == "example" else _WIDTH
            lines += textwrap.wrap(part, width, initial_indent=head, subsequent_indent=" " * _INDENT,
                                   break_long_words=False, break_on_hyphens=False)  # fmt: skip
    return "\n".join(lines)


def _problem(text: str) -> tuple[str, str, Rows]:
    problem = naming.as_problem(text)
    family = next((one for one in PROBLEMS if one.name == parse_call(text)[0]), None)
    summary, body = _doc(family.make) if family else ("", "")
    rows = _network(problem, problem.task) if problem.task else _function(problem)
    if not body and problem.formula:
        rows.insert(0, ("formula" if problem.is_function else "loss", problem.formula))
    if problem.source:
        rows.append(("source", problem.source))
    if family:
        own = inspect.signature(family.make)
        rows.append(("arguments", _arguments(own) or "none of its own"))
        words = "\n".join(f"{p.name}={p.default!r} ({_FURTHER[p.name]})" for p in family.further)
        rows.append(("takes also", words))
    if problem.is_function and problem.dim == 2:
        rows.append(("example", f"optiscope gif {_quoted(text)}"))
    else:
        rows.append(("example", f'osc.run(osc.grid({text!r}, "Adam", steps=100))'))
    return f"{problem.name}: {family.note}" if family else problem.name, f"{summary}\n{body}".strip(), rows


def _function(problem: Problem) -> Rows:
    rows = [("dimensions", str(problem.dim))]
    if problem.bounds:
        same = len(set(problem.bounds)) == 1
        sides = [f"[{low:g}, {high:g}]" for low, high in problem.bounds]
        rows.append(("domain", f"{sides[0]} in each" if same else " × ".join(sides)))
    rows.append(("start", _point(problem.start)))
    if not math.isnan(problem.floor):
        at = " and ".join(", ".join(map(_point, part)) for part in (problem.minima[:-1], problem.minima[-1:]) if part)
        rows.append(("minimum", f"{problem.floor:.10g}" + (f" at {at}" if at else "")))
    if problem.noise:
        rows.append(("noise", f"{problem.noise:g} on each coordinate of a gradient"))
    return rows


def _network(problem: Problem, task: Task) -> Rows:
    import torch

    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in task.module().parameters())
    data = task.data(0)
    sizes = [f"{len(data.train)} training examples"]  # type: ignore[arg-type]
    if data.validation is not None:
        sizes.append(f"{len(data.validation)} for validation")  # type: ignore[arg-type]
    inputs = "×".join(map(str, data.train[0][0].shape))
    return [
        ("weights", f"{weights:,}"),
        ("data", f"{', '.join(sizes)}; an input is {inputs}"),
        ("batch", str(task.batch_size)),
        ("epoch", f"{problem.steps_per_epoch} step{'s' * (problem.steps_per_epoch != 1)}"),
        ("steps", f"{problem.default_steps} by default"),
        ("start", "drawn from the run's seed"),
        ("metrics", ", ".join(problem.metrics)),
    ]


def _optimizer(text: str) -> tuple[str, str, Rows]:
    spec = naming.as_optimizer(text)
    check_arguments(spec.name, spec.resolved, spec.arguments)
    # What the class refuses, it refuses here too, whatever its rate.
    check_build(spec, naming.as_schedule("constant"), 1e-3, 1)
    rate = inspect.signature(spec.resolved).parameters.get("lr")
    known = rate is not None and isinstance(rate.default, (int, float))
    rows: Rows = [("class", spec.path), ("default lr", f"{spec.default_lr:g}" if known else "none: give one")]
    sets = dict(spec.arguments) | ({"groups": spec.groups} if spec.groups else {})
    if sets:
        rows.append(("sets", ", ".join(f"{key}={value!r}" for key, value in sets.items())))
    rows.append(("arguments", _arguments(inspect.signature(spec.resolved), {"params", "lr"})))
    if spec.source:
        rows.append(("source", spec.source))
    problem = next((one for one in _PLANES if _runs(one, spec)), None)
    if problem:
        rows.append(("example", f"optiscope gif {_quoted(problem)} --optimizer {_quoted(text)}"))
    # With further arguments, "SGD(momentum=0.9)" may no longer be what it is.
    note = spec.note if not parse_call(text)[1] else ""
    return f"{spec.name}: {note}" if note else spec.name, "", rows


def _runs(problem: str, spec: OptimizerSpec) -> bool:
    from ..engine.check import check_pair

    the_problem = naming.as_problem(problem)
    try:
        check_pair(the_problem, spec, 1e-3, the_problem.dtype)
    except Refused:
        return False
    return True


def _schedule(text: str) -> tuple[str, str, Rows]:
    spec = naming.as_schedule(text)
    name, _ = parse_call(text)
    family = next((one for one in SCHEDULES if one.name == name), None)
    every = {"step": "once a step", "epoch": "once an epoch"}[spec.interval]
    other = "epoch" if spec.interval == "step" else "step"
    kind = {"fixed": "a formula of the step", "adaptive": "looks at the loss", "custom": "a function of its own"}
    rows: Rows = [
        ("kind", f"{spec.kind} ({kind[spec.kind]})"),
        (
            "steps",
            every + (f"; per={other!r} for once {'an epoch' if other == 'epoch' else 'a step'}" if family else ""),
        ),
    ]
    if family:
        told = _arguments(inspect.signature(family))
        rows.append(("arguments", told))
        if "=None" in told:
            rows.append(("", "What is None follows the run's length, the rate or the optimizer."))
    rows.append(("rates", _rates(spec)))
    source = spec.source or (f"torch.optim.lr_scheduler.{name}" if _is_torch_s(name) else "")
    if source:
        rows.append(("source", source))
    rows.append(
        ("example", f"optiscope gif --schedule {_quoted(text)}" + (" --horizon free" if spec.own_end(_STEPS) else ""))
    )
    summary, more = _doc(family.builder) if family else ("", "")
    return f"{spec.name}: {family.note}" if family and family.note else spec.name, f"{summary}\n{more}".strip(), rows


def _rates(spec: ScheduleSpec) -> str:
    """The share of the rate at each quarter of a run, read off the real scheduler."""
    import torch

    ticks = spec.own_end(_STEPS) or _STEPS
    check_build(naming.as_optimizer("SGD"), spec, 1.0, ticks)
    if spec.kind == "adaptive":
        return "depend on the loss"
    stock = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler: Any = spec.factory(stock, ticks)
    stock._opt_called = True  # type: ignore[attr-defined]  # it never steps, and torch would warn of that
    rates = []
    for _ in range(ticks):
        rates.append(stock.param_groups[0]["lr"])
        if scheduler is not None and len(rates) < ticks:
            scheduler.step()
    quarters = [0, ticks // 4, ticks // 2, 3 * ticks // 4, ticks - 1]
    shown = ", ".join(f"{rates[k]:.3g} at {k}" for k in dict.fromkeys(quarters))
    return f"of lr, in a run of {ticks} {spec.interval}s: {shown}"


def _loss(text: str) -> tuple[str, str, Rows]:
    spec = naming.as_loss(text)
    rows: Rows = [("class", spec.path), ("formula", spec.formula)] if spec.formula else [("class", spec.path)]
    rows += [(side, words.removeprefix(f"{side}: ")) for side, words in _sides(spec) if words]
    if spec.reductions:
        rows.append(("reductions", ", ".join(spec.reductions)))
    rows.append(("arguments", ", ".join(f"{name}={value!r}" for name, value in spec.options.items()) or "none"))
    if spec.source:
        rows.append(("source", spec.source))
    inside = ", ".join(f"{key}={value!r}" for key, value in spec.arguments.items())
    if spec.name in naming.losses():
        rows.append(("example", f'osc.losses()["{spec.name}"].build({inside})'))
    return spec.label, "", rows


def _sides(spec: LossSpec) -> tuple[tuple[str, str], ...]:
    return ("output", spec.output), ("target", spec.target)


_CARDS: dict[str, Callable[[str], tuple[str, str, Rows]]] = {
    "problems": _problem,
    "optimizers": _optimizer,
    "schedules": _schedule,
    "losses": _loss,
}


def _arguments(signature: inspect.Signature, hidden: Iterable[str] = ()) -> str:
    told = [p for p in signature.parameters.values() if p.name not in hidden and p.name != "self"]
    return ", ".join(p.name if p.default is p.empty else f"{p.name}={_value(p.default)}" for p in told)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) and f"{value:.4g}" != f"{value:g}" else repr(value)


def _doc(function: Callable[..., Any]) -> tuple[str, str]:
    """The first line of a docstring, and the rest with each paragraph on one line."""
    first, _, rest = (inspect.getdoc(function) or "").partition("\n")
    return first, "\n".join(" ".join(part.split()) for part in rest.strip().split("\n\n"))


def _point(point: tuple[float, ...]) -> str:
    if len(point) > 2 and len(set(point)) == 1:
        return f"({point[0]:g}, …, {point[0]:g})"
    told = [f"{value:.6g}" for value in point]
    return f"({', '.join(told if len(told) <= 10 else [*told[:4], '…', told[-1]])})"


def _quoted(text: str) -> str:
    """A call as a shell takes it."""
    if "(" not in text:
        return text
    return f'"{text}"' if "'" in text else f"'{text}'"


def _is_torch_s(name: str) -> bool:
    import torch

    return hasattr(torch.optim.lr_scheduler, name)
