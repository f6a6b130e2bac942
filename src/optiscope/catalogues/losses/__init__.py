"""Losses: the catalogue over `torch.nn`, what each is called with, and how a learning problem takes one.

    spec        LossSpec: build, check, evaluate, a random example
    kinds       logits, probabilities, class indices, …: what each is, and how that is checked
    parts       the shapes of a call
    table       LOSSES, the catalogue
    reading     a loss from a name, call syntax, an import path or a function
    criterion   the training loss of a learning problem, from any of those
    curves      value and gradient against the prediction, as a frame

Floor 1: imports `errors`, `syntax` and `streams` only, and torch where something is computed.
"""

from .criterion import Criterion, class_criterion, value_criterion
from .reading import read_loss
from .spec import LossSpec
from .table import LOSSES, NOT_LOSSES

__all__ = ["LOSSES", "NOT_LOSSES", "Criterion", "LossSpec", "class_criterion", "read_loss", "value_criterion"]
