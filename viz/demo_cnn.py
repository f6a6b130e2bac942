"""How fast SGD, momentum SGD and Adam fit one batch of images, and from which epoch on they have all of them right.

The runs are those of the built-in study: they are taken from results/demo where it holds them, and kept there where
it does not, so that a second call only draws.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import history

TITLE = "The demo CNN"
PART = "Networks"
FILE = "demo_cnn.png"

OPTIMIZERS = ["SGD", "SGD(momentum=0.9, dampening=0.1)", "Adam"]


def make(tiny: bool, store: Path) -> Figure:
    """Run the demo CNN under its reference schedule, or find that it was run, and draw its history."""
    problem = "demo-cnn(image_size=24, batch_size=8)" if tiny else "demo-cnn"
    runs = osc.grid(problem, OPTIMIZERS, "StepLR(step_size=50, gamma=0.1)", lr=1e-3, steps=10)
    results = osc.run(runs, store=store if tiny else store.with_name("demo"))
    return history(results.runs, results.trace, rate=True)


if __name__ == "__main__":
    cook(make)
