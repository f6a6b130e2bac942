"""Learning problems: networks with their data and loss, trained for real, each within seconds.

    demo      the lesson's CNN on one batch of random images
    digits    a linear model, an MLP, two CNNs and an autoencoder on scikit-learn's handwritten digits
    linear    a factorised matrix and a deep linear network: convex in the product, and not in its factors
    signals   waves in noise, told apart by a one-dimensional CNN
    tokens    modular addition and a text, learnt by small transformers
    physics   a differential equation, solved by a network

May import spec, syntax, errors, streams, task and the losses. What is generated, is generated once and is the same for
every run, as if it shipped; a run's seed draws the split, the initialisation and the order of the batches.
"""

from __future__ import annotations

from ..family import Family
from .demo import demo_cnn
from .digits import digits_autoencoder, digits_cnn, digits_logistic, digits_mlp, digits_resnet
from .linear import deep_linear, matrix_factorisation
from .physics import pinn
from .signals import signal_1d
from .tokens import char_transformer, modular_addition

LEARNING: tuple[Family, ...] = (
    Family("demo-cnn", demo_cnn, "the lesson's CNN on one batch", modifiers=False),
    Family("digits-logistic", digits_logistic, "nothing: convex", modifiers=False),
    Family("digits-mlp", digits_mlp, "an MLP on digits", modifiers=False),
    Family("digits-cnn", digits_cnn, "a small CNN on digits", modifiers=False),
    Family("digits-resnet", digits_resnet, "batch normalisation", modifiers=False),
    Family("digits-autoencoder", digits_autoencoder, "a narrow waist", modifiers=False),
    Family("matrix-factorisation", matrix_factorisation, "few entries a step", modifiers=False),
    Family("deep-linear", deep_linear, "saddles and plateaus", modifiers=False),
    Family("signal-1d", signal_1d, "waves in noise", modifiers=False),
    Family("modular-addition", modular_addition, "generalises late", modifiers=False),
    Family("char-transformer", char_transformer, "attention, a text", modifiers=False),
    Family("pinn", pinn, "badly scaled curvature", modifiers=False),
)
