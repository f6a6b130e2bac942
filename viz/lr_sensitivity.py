"""How many decades of learning rates are good enough, and how suddenly the next one diverges.

Rosenbrock's valley from random starts, 300 steps: the median of the final gap over the starts at each of the rates.
Nothing is tuned here, everything is shown. Bands are quartiles.
"""

from pathlib import Path

import numpy as np
from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.metrics import lr_curves
from optiscope.render import lr_sensitivity

TITLE = "How much the rate matters"
PART = "Comparisons"
FILE = "lr_sensitivity.png"

OPTIMIZERS = ["SGD", "Momentum", "Nesterov", "RMSprop", "Adagrad", "Adam"]
SCHEDULES = ["constant", "CosineAnnealingLR", "OneCycleLR"]


def make(tiny: bool, store: Path) -> Figure:
    """Run every pair at every rate from every start."""
    steps, seeds, count = (40, 2, 7) if tiny else (300, 9, 29)
    rates = np.logspace(-5, 2, count).tolist()
    runs = osc.grid("rosenbrock", OPTIMIZERS, SCHEDULES, lr=rates, seed=range(seeds), start="random", steps=steps)
    return lr_sensitivity(lr_curves(osc.run(runs, store=store, trace="none").runs))


if __name__ == "__main__":
    cook(make)
