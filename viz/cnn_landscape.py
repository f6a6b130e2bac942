"""Where the weights of a network go: all methods leave one point, and end in places far apart, some of them much lower.

A small CNN from one start under four methods, each at the best of the same rates; the plane holds the two principal
components of all their paths. Beside it each path's true loss, and the loss at its place in the plane: where they part,
the map does not show what the method saw.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.engine.plane import loss_plane
from optiscope.render import weight_plane
from optiscope.tuning import LrRange

TITLE = "Paths of a network's weights"
PART = "Networks"
FILE = "cnn_landscape.png"

OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam"]


def make(tiny: bool, store: Path) -> Figure:
    """Tune each method, run it, and measure the loss on the plane of all their paths."""
    problem, steps = "digits-cnn", 6 if tiny else 138
    rates = LrRange(1e-3, 1e-2, per_decade=1) if tiny else LrRange(1e-3, 1.0, per_decade=2)
    runs = []
    for optimizer in OPTIMIZERS:
        best = osc.tune(problem, optimizer, steps=steps, seeds=1, lr=rates, store=store)
        runs += osc.grid(problem, optimizer, lr=best.lr, steps=steps)
    plane = loss_plane(runs, every=2 if tiny else 6, resolution=(7, 7) if tiny else (33, 33))
    return weight_plane(plane.landscape, plane.paths, plane.explained, title="A small CNN that learns to read digits")


if __name__ == "__main__":
    cook(make)
