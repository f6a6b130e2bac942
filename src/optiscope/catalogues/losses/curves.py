"""What each loss does along one line: value and gradient against one number, the prediction, for a few targets.

The gradient is what autograd gives for that number, through whatever lies between it and the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .reading import read_loss

if TYPE_CHECKING:
    import pandas as pd
    import torch

COLUMNS = ("loss", "family", "quantity", "target", "prediction", "value", "gradient")


@dataclass(frozen=True)
class Line:
    """One curve: the target in words, and how the loss is called for it.

    `call(x)` gives output and target for a column of predictions x, shape (n, 1); `arguments` of the loss belong to
    this curve alone.
    """

    target: str
    call: Callable[[torch.Tensor], tuple[Any, Any]]
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """A loss along one line: which quantity the prediction is, from where to where, and the curves."""

    loss: str
    family: str
    quantity: str
    span: tuple[float, float]
    lines: Sequence[Line]


def _constant(x: torch.Tensor, value: float) -> torch.Tensor:
    return x.detach() * 0 + value


def _index(x: torch.Tensor, value: int) -> torch.Tensor:
    return (x.detach() * 0 + value).long()


def _two(x: torch.Tensor) -> torch.Tensor:
    """Scores of two classes, x and nought."""
    import torch

    return torch.cat([x, 0 * x], -1)


def _against(*targets: float, words: str = "y = {:g}") -> list[Line]:
    return [Line(words.format(y), lambda x, y=y: (x, _constant(x, y))) for y in targets]


def _both(x: torch.Tensor, *values: float) -> torch.Tensor:
    return x.new_tensor(values).expand(len(x), 2)


def _class(c: int, words: str, **arguments: Any) -> Line:
    return Line(words, lambda x: (_two(x), _index(x, c)[:, 0]), arguments)


def _variance(v: float) -> Line:
    return Line(f"variance {v:g}", lambda x: ((x, _constant(x, v)), _constant(x, 0)))


def _bernoulli(p: float) -> Line:
    return Line(f"p = {p:g}", lambda x: (_two(x).log_softmax(-1), _both(x, p, 1 - p)))


def _angle(y: float) -> Line:
    import torch

    def call(x: torch.Tensor) -> tuple[Any, Any]:
        return (torch.cat([x.cos(), x.sin()], -1), _both(x, 1, 0)), _constant(x, y)[:, 0]

    return Line(f"y = {y:g}", call)


def _ranked(y: float) -> Line:
    return Line(f"y = {y:g}, margin 1", lambda x: ((x, _constant(x, 0)), _constant(x, y)), {"margin": 1.0})


def _triplet(words: str, **arguments: Any) -> Line:
    """Anchor at nought, the positive at x, the negative at 2, on one line."""
    return Line(words, lambda x: ((_constant(x, 0), x, _constant(x, 2)), None), arguments)


def squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """|a - b|², a distance function for `TripletMarginWithDistanceLoss`."""
    return (a - b).square().sum(-1)


def _sequence(frames: int) -> Line:
    def call(x: torch.Tensor) -> tuple[Any, Any]:
        # Class 0 is the blank; every frame has the same two scores.
        scores = _two(x).flip(-1).log_softmax(-1).expand(frames, len(x), 2)
        lengths = _index(x, frames)[:, 0]
        return scores, (_index(x, 1), lengths, _index(x, 1)[:, 0])

    return Line("1 frame" if frames == 1 else f"{frames} frames", call)


def profiles() -> tuple[Profile, ...]:
    """Every loss of the catalogue with its line, in families of like predictions."""
    difference, logit, margin = "prediction − target", "logit", "score of class 1 − score of class 2"
    values, classes, pairs = "values", "classes", "pairs and sequences"
    near, wide, zero = (-3.0, 3.0), (-5.0, 5.0), _against(0, words="any target")
    return (
        Profile("MSELoss", values, difference, near, zero),
        Profile("L1Loss", values, difference, near, zero),
        Profile("HuberLoss", values, difference, near, [
            Line(f"δ = {d:g}", lambda x: (x, _constant(x, 0)), {"delta": d}) for d in (1.0, 0.5)
        ]),
        Profile("SmoothL1Loss", values, difference, near, [
            Line(f"β = {b:g}", lambda x: (x, _constant(x, 0)), {"beta": b}) for b in (1.0, 0.5)
        ]),
        Profile("GaussianNLLLoss", values, difference, near, [_variance(1.0), _variance(0.3)]),
        Profile("PoissonNLLLoss", values, "log of the rate", near, _against(0, 1, 3, words="count {:g}")),
        Profile("CrossEntropyLoss", classes, "logit of class 1 − logit of class 2", wide, [
            _class(0, "class 1"), _class(1, "class 2"), _class(0, "class 1, smoothing 0.2", label_smoothing=0.2),
        ]),
        Profile("NLLLoss", classes, "log-probability of class 1", (-5.0, 0.0), [
            Line("class 1", lambda x: (_log_pair(x), _index(x, 0)[:, 0])),
            Line("class 2", lambda x: (_log_pair(x), _index(x, 1)[:, 0])),
        ]),
        Profile("KLDivLoss", classes, "logit, log_softmax after it", wide, [_bernoulli(p) for p in (1.0, 0.0, 0.5)]),
        Profile("BCEWithLogitsLoss", classes, logit, wide, _against(1, 0, 0.5)),
        Profile("BCELoss", classes, "probability", (0.0, 1.0), _against(1, 0, 0.5)),
        Profile("MultiLabelSoftMarginLoss", classes, logit, wide, _against(1, 0)),
        Profile("SoftMarginLoss", classes, "score", wide, _against(1, -1)),
        Profile("MultiMarginLoss", classes, margin, wide, [
            _class(0, "class 1"), _class(1, "class 2"), _class(0, "class 1, p = 2", p=2),
        ]),
        Profile("MultiLabelMarginLoss", classes, margin, wide, [
            Line("label 1", lambda x: (_two(x), x.new_tensor([0, -1]).long().expand(len(x), 2))),
            Line("label 2", lambda x: (_two(x), x.new_tensor([1, -1]).long().expand(len(x), 2))),
        ]),
        Profile("HingeEmbeddingLoss", pairs, "distance", (0.0, 3.0), _against(1, -1)),
        Profile("TripletMarginLoss", pairs, "distance to the positive, negative at 2", (0.0, 3.0), [
            _triplet("margin 1"), _triplet("margin 0.2", margin=0.2)
        ]),
        Profile("TripletMarginWithDistanceLoss", pairs, "distance to the positive, negative at 2", (0.0, 3.0), [
            _triplet("squared distance", distance_function=squared_distance)
        ]),
        Profile("CosineEmbeddingLoss", pairs, "angle between the two (rad)", (0.0, 3.14159), [_angle(1), _angle(-1)]),
        Profile("MarginRankingLoss", pairs, "first score − second score", near, [_ranked(1), _ranked(-1)]),
        Profile("CTCLoss", pairs, "logit of the one label − logit of the blank", wide, [_sequence(1), _sequence(4)]),
    )  # fmt: skip


def _log_pair(x: torch.Tensor) -> torch.Tensor:
    """Log-probabilities of two classes, the first of them x."""
    import torch

    return torch.cat([x, torch.log1p(-x.exp())], -1)


def sample_losses(points: int = 241) -> pd.DataFrame:
    """Value and gradient of every loss, one row a point of a curve, in float64.

    Columns: loss, family (values, classes, pairs and sequences), quantity (what the prediction is), target (in words),
    prediction, value, gradient. Both ends of a span are left out, where a logarithm may have no value.
    """
    import pandas as pd
    import torch

    frames = []
    for profile in profiles():
        spec = read_loss(profile.loss)
        low, high = profile.span
        at = low + (high - low) * (torch.arange(points, dtype=torch.float64) + 0.5) / points
        for line in profile.lines:
            x = at[:, None].clone().requires_grad_()
            output, target = line.call(x)
            each = spec.with_arguments({"reduction": "none", **line.arguments}).evaluate(output, target)
            value = each.reshape(points, -1).sum(-1)
            (gradient,) = torch.autograd.grad(value.sum(), x)
            frames.append(
                pd.DataFrame({
                    "loss": profile.loss, "family": profile.family, "quantity": profile.quantity,
                    "target": line.target, "prediction": at.numpy(), "value": value.detach().numpy(),
                    "gradient": gradient[:, 0].numpy(),
                })
            )  # fmt: skip
    return pd.concat(frames, ignore_index=True)
