"""Networks on scikit-learn's 1,797 images of handwritten digits, 8×8 pixels from 0 to 1."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ....errors import InputError
from ....spec import Problem
from ....task import Data
from ...losses import class_criterion, value_criterion
from . import networks
from .shared import VALIDATION, Loss, accuracy, at_least, mse, split, supervised, training_count, within

COUNT = 1797
_DATA = "digits of Alpaydin, Kaynak 1998, UCI (scikit-learn's copy)"


def digits_logistic(*, batch_size: int = 64, loss: Loss = "CrossEntropyLoss") -> Problem:
    """Logistic regression on the digits' 64 pixels: one linear layer, so that the loss is convex in its weights."""
    return _classifier(
        "digits-logistic", networks.logistic, loss, batch_size, steps=460,
        what="one linear layer of 650 weights on 8×8 images of digits",
        source=f"Cox 1958, Regression analysis of binary sequences, doi:10.1111/j.2517-6161.1958.tb00292.x; {_DATA}",
    )  # fmt: skip


def digits_mlp(
    *, width: int = 64, dropout: float = 0.0, batch_size: int = 64, loss: Loss = "CrossEntropyLoss"
) -> Problem:
    """A multilayer perceptron with two hidden layers of `width`, each followed by ReLU and, if asked for, dropout."""
    at_least("digits-mlp", "width", width, 1)
    within("digits-mlp", "dropout", dropout, 0, 1)
    return _classifier(
        "digits-mlp", functools.partial(networks.mlp, width, dropout), loss, batch_size, steps=460,
        what=f"an MLP with two hidden layers of {width} on 8×8 images of digits",
        source=f"Rumelhart, Hinton, Williams 1986, Learning representations, doi:10.1038/323533a0; {_DATA}",
    )  # fmt: skip


def digits_cnn(*, batch_size: int = 64, validation: float = VALIDATION, loss: Loss = "CrossEntropyLoss") -> Problem:
    """A small CNN on scikit-learn's 1,797 handwritten digits, split and shuffled by the run's seed.

    `loss` is any loss that compares outputs with a class (`losses.criterion`); the validation loss is the same.
    """
    if not 0 < validation < 1:
        raise InputError(f"digits-cnn: validation is a share of the data, between 0 and 1, got {validation!r}")
    return _classifier(
        "digits-cnn", networks.digits_cnn, loss, batch_size, validation, steps=460,
        what="a CNN of 6,090 weights on 8×8 images of digits",
        source="Alpaydin, Kaynak 1998, Optical Recognition of Handwritten Digits, UCI (scikit-learn's copy)",
    )  # fmt: skip


def digits_resnet(*, width: int = 16, batch_size: int = 64, loss: Loss = "CrossEntropyLoss") -> Problem:
    """A residual CNN with batch normalisation: three blocks of two convolutions, `width` channels and then twice that.

    Its running means and variances are no parameters; validation uses them, training the batch's own.
    """
    at_least("digits-resnet", "width", width, 1)
    return _classifier(
        "digits-resnet", functools.partial(networks.resnet, width), loss, batch_size, steps=230,
        what="a residual CNN with batch normalisation on 8×8 images of digits",
        source=f"He, Zhang, Ren, Sun 2016, Deep residual learning, arXiv:1512.03385; {_DATA}",
    )  # fmt: skip


def digits_autoencoder(*, code: int = 8, batch_size: int = 64, loss: Loss = "MSELoss") -> Problem:
    """An autoencoder 64-32-code-32-64 of the digits' pixels; `mse` is the reconstruction error on unseen images."""
    at_least("digits-autoencoder", "code", code, 1)
    return supervised(
        "digits-autoencoder", functools.partial(networks.autoencoder, code), _images,
        value_criterion(loss, "digits-autoencoder"), training=training_count(COUNT), batch_size=batch_size,
        default_steps=690, measures={"mse": mse},
        what=f"an autoencoder with a code of {code} numbers on 8×8 images of digits",
        source=f"Hinton, Salakhutdinov 2006, Reducing the dimensionality of data, doi:10.1126/science.1127647; {_DATA}",
    )  # fmt: skip


def _classifier(
    name: str, module: Callable[[], nn.Module], loss: Loss, batch_size: int,
    validation: float = VALIDATION, *, steps: int, what: str, source: str,
) -> Problem:  # fmt: skip
    return supervised(
        name, module, functools.partial(_digits, validation), class_criterion(loss, name, 10),
        training=training_count(COUNT, validation), batch_size=batch_size, default_steps=steps,
        measures={"accuracy": accuracy}, what=what, source=source,
    )  # fmt: skip


@functools.cache
def _all_digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(digits["images"].astype(np.float32) / 16.0).unsqueeze(1)
    return images, torch.from_numpy(digits["target"].astype(np.int64))


def _digits(validation: float, seed: int) -> Data:
    return split(_all_digits(), seed, validation)


def _images(seed: int) -> Data:
    """The digits without their classes: each image is its own target, as 64 numbers."""
    pixels = _all_digits()[0].flatten(1)
    return split((pixels, pixels), seed)
