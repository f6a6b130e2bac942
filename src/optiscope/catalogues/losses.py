"""Catalogue over the losses of `torch.nn`. Imports nothing but the standard library until one is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..syntax import import_path

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LossSpec:
    """A loss of `torch.nn` under its own name, with its formula for one element."""

    name: str
    formula: str
    target: str

    def build(self, **arguments: Any) -> torch.nn.Module:
        """The `torch.nn` module."""
        return import_path(f"torch.nn.{self.name}")(**arguments)


LOSSES: tuple[LossSpec, ...] = (
    LossSpec("BCELoss", "-(y log p + (1 - y) log(1 - p))", "probabilities in [0, 1]"),
    LossSpec("BCEWithLogitsLoss", "-(y log s(x) + (1 - y) log(1 - s(x)))", "probabilities in [0, 1]"),
    LossSpec("CTCLoss", "-log p(labels | log-probabilities)", "label sequences"),
    LossSpec("CosineEmbeddingLoss", "1 - cos(a, b) or max(0, cos(a, b) - margin)", "1 or -1 a pair"),
    LossSpec("CrossEntropyLoss", "-log softmax(x)[class]", "class index, or class probabilities"),
    LossSpec("GaussianNLLLoss", "(log v + (x - y)² / v) / 2", "values; variances as a third argument"),
    LossSpec("HingeEmbeddingLoss", "x where y = 1, max(0, margin - x) where y = -1", "1 or -1"),
    LossSpec("HuberLoss", "(x - y)² / 2 near, δ (|x - y| - δ / 2) far", "values"),
    LossSpec("KLDivLoss", "y (log y - x), x log-probabilities", "probabilities"),
    LossSpec("L1Loss", "|x - y|", "values"),
    LossSpec("MSELoss", "(x - y)²", "values"),
    LossSpec("MarginRankingLoss", "max(0, -y (a - b) + margin)", "1 or -1 a pair"),
    LossSpec("MultiLabelMarginLoss", "Σ max(0, 1 - (x[label] - x[i])) / n", "class indices, -1 padded"),
    LossSpec("MultiLabelSoftMarginLoss", "mean over classes of BCE with logits", "0 or 1 a class"),
    LossSpec("MultiMarginLoss", "Σ max(0, margin - x[class] + x[i])^p / n", "class index"),
    LossSpec("NLLLoss", "-x[class], x log-probabilities", "class index"),
    LossSpec("PoissonNLLLoss", "exp(x) - y x", "counts"),
    LossSpec("SmoothL1Loss", "(x - y)² / 2β near, |x - y| - β / 2 far", "values"),
    LossSpec("SoftMarginLoss", "log(1 + exp(-y x))", "1 or -1"),
    LossSpec("TripletMarginLoss", "max(0, d(a, p) - d(a, n) + margin)", "anchor, positive, negative"),
    LossSpec("TripletMarginWithDistanceLoss", "max(0, d(a, p) - d(a, n) + margin)", "anchor, positive, negative"),
)
