"""Every loss of `torch.nn` under its own name: formula of one element, what it is called with, reductions, source.

x is the input, y the target, s the sigmoid, c a class. To add one, add an entry.
"""

from __future__ import annotations

from typing import Any

from .parts import Form, Part
from .spec import LossSpec

_EACH = ("*",)  # any shape, the same for all
_ROWS = ("N C ...", "C")
_INDEX = ("N ...", "")
_THREE = ("none", "mean", "sum")


def _part(name: str, side: Any, *forms: tuple) -> Part:
    return Part(name, side, tuple(Form(*form) for form in forms))


def _pair(output: str, target: str, shapes: tuple[str, ...] = _EACH) -> tuple[Part, ...]:
    return _part("input", "output", (output, shapes)), _part("target", "target", (target, shapes))


def _classes(output: str, *targets: tuple) -> tuple[Part, ...]:
    return _part("input", "output", (output, _ROWS)), _part("target", "target", *targets)


_TRIPLET = tuple(
    _part(name, "output", ("values", ("N D", "D"))) for name in ("anchor", "positive", "negative")
)  # fmt: skip

LOSSES: tuple[LossSpec, ...] = (
    LossSpec(
        "L1Loss", formula="|x - y|", parts=_pair("values", "values"), reductions=_THREE,
        source="Boscovich 1757; Laplace 1774",
    ),
    LossSpec(
        "MSELoss", formula="(x - y)²", parts=_pair("values", "values"), reductions=_THREE,
        source="Legendre 1805; Gauss 1809",
    ),
    LossSpec(
        "SmoothL1Loss", formula="(x - y)² / 2β where |x - y| < β, else |x - y| - β / 2",
        parts=_pair("values", "values"), reductions=_THREE, source="Girshick 2015, Fast R-CNN, arXiv 1504.08083",
    ),
    LossSpec(
        "HuberLoss", formula="(x - y)² / 2 where |x - y| < δ, else δ (|x - y| - δ / 2)",
        parts=_pair("values", "values"), reductions=_THREE,
        source="Huber 1964, Robust estimation of a location parameter, 10.1214/aoms/1177703732",
    ),
    LossSpec(
        "GaussianNLLLoss", formula="(log v + (x - y)² / v) / 2, v the variance, at least eps", reductions=_THREE,
        parts=(
            _part("input", "output", ("values", ("*", "... D", "... D"))),
            _part("target", "target", ("values", ("*", "... D", "... D"))),
            _part("var", "output", ("variances", ("*", "... 1", "..."))),
        ),
        source="Nix, Weigend 1994, Estimating the mean and variance of the target, 10.1109/ICNN.1994.374138",
    ),
    LossSpec(
        "PoissonNLLLoss", formula="exp(x) - y x, or x - y log(x + eps) with log_input=False", reductions=_THREE,
        parts=(
            _part("input", "output", ("values", _EACH, ("log_input", True)), ("rates", _EACH, ("log_input", False))),
            _part("target", "target", ("counts", _EACH)),
        ),
        source="McCullagh, Nelder 1989, Generalized linear models",
    ),
    LossSpec(
        "CrossEntropyLoss", formula="-w[c] log softmax(x)[c], or -Σ w y log softmax(x)", reductions=_THREE,
        parts=_classes("logits", ("class index", _INDEX), ("distribution", _ROWS)),
        source="Bridle 1990; label smoothing: Szegedy et al. 2016, arXiv 1512.00567",
    ),
    LossSpec(
        "NLLLoss", formula="-w[c] x[c]", parts=_classes("log-probabilities", ("class index", _INDEX)),
        reductions=_THREE, source="Fisher 1922, On the mathematical foundations of theoretical statistics",
    ),
    LossSpec(
        "KLDivLoss", formula="y (log y - x), or exp(y) (y - x) with log_target=True; batchmean divides by N alone",
        reductions=(*_THREE, "batchmean"),
        parts=(
            _part("input", "output", ("log-probabilities", _EACH)),
            _part(
                "target", "target",
                ("distribution", _EACH, ("log_target", False)), ("log-probabilities", _EACH, ("log_target", True)),
            ),
        ),
        source="Kullback, Leibler 1951, On information and sufficiency, 10.1214/aoms/1177729694",
    ),
    LossSpec(
        "BCELoss", formula="-w (y log x + (1 - y) log(1 - x)), each log at least -100",
        parts=_pair("probabilities", "soft bits"), reductions=_THREE, source="Good 1952, Rational decisions",
    ),
    LossSpec(
        "BCEWithLogitsLoss", formula="-w (p y log s(x) + (1 - y) log(1 - s(x))), p the pos_weight",
        parts=_pair("logits", "soft bits"), reductions=_THREE,
        source="Cox 1958, The regression analysis of binary sequences",
    ),
    LossSpec(
        "MultiLabelSoftMarginLoss", formula="mean over classes of w (BCEWithLogitsLoss)",
        parts=_pair("logits", "bits", ("N C", "C")), reductions=_THREE, source="torch.nn",
    ),
    LossSpec(
        "MultiMarginLoss", formula="Σ over i ≠ c of w[c] max(0, margin - x[c] + x[i])^p / C", reductions=_THREE,
        parts=(
            _part("input", "output", ("scores", ("N C", "C"))),
            _part("target", "target", ("class index", ("N", ""))),
        ),
        source="Crammer, Singer 2001, On the algorithmic implementation of multiclass kernel-based vector machines",
    ),
    LossSpec(
        "MultiLabelMarginLoss", formula="Σ over labels c, others i of max(0, 1 - x[c] + x[i]) / C",
        parts=_pair("scores", "label list", ("N C", "C")), reductions=_THREE, source="torch.nn",
    ),
    LossSpec(
        "SoftMarginLoss", formula="log(1 + exp(-y x))", parts=_pair("scores", "signs"), reductions=_THREE,
        source="Friedman, Hastie, Tibshirani 2000, Additive logistic regression, 10.1214/aos/1016218223",
    ),
    LossSpec(
        "HingeEmbeddingLoss", formula="x where y = 1, max(0, margin - x) where y = -1",
        parts=_pair("distances", "signs"), reductions=_THREE,
        source="Hadsell, Chopra, LeCun 2006, Dimensionality reduction by learning an invariant mapping",
    ),
    LossSpec(
        "CosineEmbeddingLoss", formula="1 - cos(a, b) where y = 1, max(0, cos(a, b) - margin) where y = -1",
        parts=(
            _part("input1", "output", ("values", ("N D", "D"))), _part("input2", "output", ("values", ("N D", "D"))),
            _part("target", "target", ("signs", ("N", ""))),
        ),
        reductions=_THREE, source="torch.nn",
    ),
    LossSpec(
        "MarginRankingLoss", formula="max(0, -y (a - b) + margin)",
        parts=(
            _part("input1", "output", ("scores", _EACH)), _part("input2", "output", ("scores", _EACH)),
            _part("target", "target", ("signs", _EACH)),
        ),
        reductions=_THREE, source="Herbrich, Graepel, Obermayer 1999, Support vector learning for ordinal regression",
    ),
    LossSpec(
        "TripletMarginLoss", formula="max(0, |a - p| - |a - n| + margin)", parts=_TRIPLET, reductions=_THREE,
        source="Balntas et al. 2016, Learning local feature descriptors with triplets, 10.5244/C.30.119",
    ),
    LossSpec(
        "TripletMarginWithDistanceLoss", formula="max(0, d(a, p) - d(a, n) + margin), d any function",
        parts=_TRIPLET, reductions=_THREE, source="Balntas et al. 2016, 10.5244/C.30.119",
    ),
    LossSpec(
        "CTCLoss", formula="-log Σ over alignments of Π over t of p(label at t)",
        parts=(
            _part("log_probs", "output", ("log-probabilities", ("T N C", "T N C", "T C"))),
            _part("targets", "target", ("labels", ("N S", "L", "S"))),
            _part("input_lengths", "target", ("input lengths", ("N", "N", ""))),
            _part("target_lengths", "target", ("target lengths", ("N", "N", ""))),
        ),
        reductions=_THREE,
        source="Graves et al. 2006, Connectionist temporal classification, 10.1145/1143844.1143891",
    ),
)  # fmt: skip

# What torch.nn calls a loss and is no function of an output and a target alone, with the reason.
NOT_LOSSES: dict[str, str] = {
    "AdaptiveLogSoftmaxWithLoss": "it is a layer with weights of its own: a part of the network",
    "LinearCrossEntropyLoss": "it is a layer with weights of its own: a linear layer, then CrossEntropyLoss",
    "NLLLoss2d": "it is an old name of NLLLoss",
}
