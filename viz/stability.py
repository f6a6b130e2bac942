"""Gradient descent sharpens the loss until it stands at the edge of stability, 2 / lr, and stays there while it learns.

Full-batch gradient descent on a small network with tanh, from one start at three rates. Sharpness is the largest
eigenvalue of the Hessian (J. Cohen et al. 2021, arXiv:2103.00065); above the dashed line a quadratic would diverge.
"""

from pathlib import Path

import torch
from _recipe import cook
from matplotlib.figure import Figure
from torch.nn import Linear, Sequential, Tanh

import optiscope as osc
from optiscope.engine.sharpness import sharpness
from optiscope.render import stability

TITLE = "The edge of stability"
PART = "Why it moves as it does"
FILE = "stability.png"

EXAMPLES = 400


def network() -> torch.nn.Module:
    """Two hidden layers."""
    return Sequential(Linear(64, 48), Tanh(), Linear(48, 48), Tanh(), Linear(48, 10))


def make(tiny: bool, store: Path) -> Figure:
    """Train on all the examples at once, and measure the sharpness on the way."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.tensor(digits.data[:EXAMPLES] / 8.0 - 1.0, dtype=torch.float32)
    classes = torch.nn.functional.one_hot(torch.tensor(digits.target[:EXAMPLES]), 10).float()
    data = torch.utils.data.TensorDataset(images, classes)
    problem = osc.Problem.from_module(
        network, data, "MSELoss", name="digits at once", batch_size=EXAMPLES, validation=0.0, metrics={}
    )
    steps, every = (60, 20) if tiny else (1500, 15)
    return stability(sharpness(osc.grid(problem, "SGD", lr=[0.4, 0.7, 1.2], steps=steps), every=every))


if __name__ == "__main__":
    cook(make)
