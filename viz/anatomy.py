"""Why did it move? Momentum runs on where the slope has turned; RMSprop and Adam shrink the steep coordinate's rate.

At each head an arrow down the gradient, one along the momentum and one along the step, read from the live optimizer,
and an ellipse of the two coordinates' rates. Below, the angle between the step and steepest descent: more than 90
degrees is uphill.
"""

from pathlib import Path

from _recipe import cook

import optiscope as osc
from optiscope.engine.anatomy import anatomy as take_apart
from optiscope.render import Film, anatomy

TITLE = "Why did it move?"
PART = "Why it moves as it does"
FILE = "anatomy.gif"

OPTIMIZERS = ["Momentum", "RMSprop", "Adam"]


def make(tiny: bool, store: Path) -> Film:
    """Tune each method, take its steps apart, and draw them over the landscape."""
    problem, steps = "rosenbrock", 12 if tiny else 150
    runs = []
    for optimizer in OPTIMIZERS:
        best = osc.tune(problem, optimizer, steps=steps, store=store)
        runs += osc.grid(problem, optimizer, lr=best.lr, steps=steps)
    results = osc.run(runs, store=store)
    return anatomy(
        results.landscape(), take_apart(runs), floor=0.0, minima=results.minima(),
        title="Anatomy of a step, on Rosenbrock's valley", frames=6 if tiny else 150,
    )  # fmt: skip


if __name__ == "__main__":
    cook(make)
