"""What may stand in a loss's input and target: each kind by name, with its check and its random examples.

Imports nothing but the standard library until an example is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SLACK = 1e-3  # how far a sum of half-precision probabilities may be from one


@dataclass
class Fit:
    """What a check may look at: the sizes that the shapes' letters stand for, the loss's arguments, the class axis."""

    sizes: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    class_axis: int | None = None


@dataclass(frozen=True)
class Kind:
    """A set of numbers: `words` says which, `fault` what is wrong with a tensor, `draw` makes one.

    `fault` is empty where nothing is wrong. `dtype` is `float`, `int64`, or `number` for either.
    `remedy` says what was most likely forgotten.
    """

    words: str
    dtype: str
    fault: Callable[[torch.Tensor, Fit], str]
    draw: Callable[[tuple[int, ...], torch.Generator, Fit], torch.Tensor]
    remedy: str = ""

    def takes(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor's dtype is one of this kind's."""
        if self.dtype == "float":
            return tensor.is_floating_point()
        return self.dtype == "number" or str(tensor.dtype) == "torch.int64"


def _no_nan(tensor: Any, fit: Fit) -> str:
    return "has NaN in it" if tensor.isnan().any() else ""


def _range(low: float, high: float) -> Callable[[Any, Fit], str]:
    def fault(tensor: Any, fit: Fit) -> str:
        least, most = tensor.min().item(), tensor.max().item()
        if not (least >= low):
            return f"has a least value of {least:.6g}"
        return "" if most <= high else f"has a largest value of {most:.6g}"

    return fault


def _one_of(*allowed: float) -> Callable[[Any, Fit], str]:
    def fault(tensor: Any, fit: Fit) -> str:
        wrong = tensor[sum((tensor == value) for value in allowed) == 0]
        return f"has a value of {wrong.flatten()[0].item():.6g}" if wrong.numel() else ""

    return fault


def _sums_to_one(probabilities: Any, fit: Fit) -> str:
    if fit.class_axis is None:
        return ""
    sums = probabilities.double().sum(fit.class_axis).flatten()
    worst = sums[(sums - 1).abs().argmax()].item()
    return f"has probabilities that sum to {worst:.6g}" if abs(worst - 1) > SLACK * 10 else ""


def _log_probabilities(tensor: Any, fit: Fit) -> str:
    if (fault := _no_nan(tensor, fit)) or (most := tensor.max().item()) <= SLACK:
        return fault or _sums_to_one(tensor.double().exp(), fit)
    return f"has a largest value of {most:.6g}"


def _distribution(tensor: Any, fit: Fit) -> str:
    return _range(0.0, 1.0 + SLACK)(tensor, fit) or _sums_to_one(tensor, fit)


def _class_index(tensor: Any, fit: Fit) -> str:
    counted = tensor[tensor != fit.arguments["ignore_index"]] if "ignore_index" in fit.arguments else tensor
    classes = fit.sizes["C"]
    wrong = counted[(counted < 0) | (counted >= classes)]
    return f"has a class {wrong.flatten()[0].item()} where there are {classes}" if wrong.numel() else ""


def _label_list(tensor: Any, fit: Fit) -> str:
    classes = fit.sizes["C"]
    wrong = tensor[(tensor < -1) | (tensor >= classes)]
    return f"has a class {wrong.flatten()[0].item()} where there are {classes}" if wrong.numel() else ""


def _labels(tensor: Any, fit: Fit) -> str:
    classes, blank = fit.sizes["C"], fit.arguments.get("blank", 0)
    wrong = tensor[(tensor < 0) | (tensor >= classes) | (tensor == blank)]
    if not wrong.numel():
        return ""
    return f"has a label {wrong.flatten()[0].item()} where there are {classes} classes and {blank} is the blank"


def _length(letter: str) -> Callable[[Any, Fit], str]:
    def fault(tensor: Any, fit: Fit) -> str:
        least, most, end = tensor.min().item(), tensor.max().item(), fit.sizes.get(letter)
        if least < 0 or (end is not None and most > end):
            return f"has a length of {least if least < 0 else most}"
        return ""

    return fault


def _normal(scale: float = 1.0) -> Callable[..., torch.Tensor]:
    def draw(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
        import torch

        return scale * torch.randn(shape, generator=generator, dtype=torch.float64)

    return draw


def _uniform(low: float, high: float) -> Callable[..., torch.Tensor]:
    def draw(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
        import torch

        return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)

    return draw


def _softmax(logarithm: bool) -> Callable[..., torch.Tensor]:
    def draw(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
        logits, axis = _normal()(shape, generator, fit), -1 if fit.class_axis is None else fit.class_axis
        return logits.log_softmax(axis) if logarithm else logits.softmax(axis)

    return draw


def _integers(high: int | str) -> Callable[..., torch.Tensor]:
    def draw(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
        import torch

        end = fit.sizes[high] if isinstance(high, str) else high
        return torch.randint(end, shape, generator=generator)

    return draw


def _signs(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
    return 2.0 * _bits(shape, generator, fit) - 1.0


def _bits(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
    return _integers(2)(shape, generator, fit).double()


def _counts(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
    return _integers(6)(shape, generator, fit).double()


def _draw_label_list(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
    # Two labels, then the end.
    found = _normal()(shape, generator, fit).argsort(-1)
    found[..., 2:] = -1
    return found


def _draw_labels(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
    drawn = _integers(fit.sizes["C"] - 1)(shape, generator, fit)
    return drawn + (drawn >= fit.arguments.get("blank", 0))


def _full(letter: str) -> Callable[..., torch.Tensor]:
    def draw(shape: tuple[int, ...], generator: torch.Generator, fit: Fit) -> torch.Tensor:
        import torch

        return torch.full(shape, fit.sizes[letter])

    return draw


_INFINITY = float("inf")
KINDS: dict[str, Kind] = {
    "values": Kind("real numbers", "float", _no_nan, _normal()),
    "logits": Kind("logits (any real numbers)", "float", _no_nan, _normal(2.0)),
    "scores": Kind("scores (any real numbers)", "float", _no_nan, _normal()),
    "log-probabilities": Kind(
        "log-probabilities (<= 0)", "float", _log_probabilities, _softmax(True), "is a log_softmax missing?"
    ),
    "probabilities": Kind(
        "probabilities in [0, 1]", "float", _range(0.0, 1.0), _uniform(0.05, 0.95), "is a sigmoid missing?"
    ),
    "distribution": Kind(
        "probabilities in [0, 1] that sum to 1", "float", _distribution, _softmax(False), "is a softmax missing?"
    ),
    "soft bits": Kind("numbers in [0, 1]", "float", _range(0.0, 1.0), _uniform(0.0, 1.0)),
    "bits": Kind("0 or 1", "float", _one_of(0.0, 1.0), _bits),
    "signs": Kind("1 or -1", "number", _one_of(1.0, -1.0), _signs),
    "counts": Kind("counts (>= 0)", "float", _range(0.0, _INFINITY), _counts),
    "rates": Kind("rates (>= 0)", "float", _range(0.0, _INFINITY), _uniform(0.2, 4.0), "is an exp missing?"),
    "variances": Kind("variances (>= 0)", "float", _range(0.0, _INFINITY), _uniform(0.2, 2.0)),
    "distances": Kind("distances (>= 0)", "float", _range(0.0, _INFINITY), _uniform(0.05, 1.95)),
    "class index": Kind("class indices from 0 to C - 1", "int64", _class_index, _integers("C")),
    "label list": Kind("class indices, filled up with -1", "int64", _label_list, _draw_label_list),
    "labels": Kind("class indices other than the blank", "int64", _labels, _draw_labels),
    "input lengths": Kind("lengths from 0 to T", "int64", _length("T"), _full("T")),
    "target lengths": Kind("lengths from 0 to S", "int64", _length("S"), _full("S")),
}
