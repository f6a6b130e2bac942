"""Why did it move? Momentum runs on where the slope has turned; RMSprop and Adam shrink the steep coordinate's rate.

At each head an arrow down the gradient, one along the momentum and one along the step, read from the live optimizer,
and an ellipse of the two coordinates' rates. Below, the angle between the step and steepest descent: more than 90
degrees is uphill. The rates are chosen to keep all three on the map, and are not a comparison.
"""

from pathlib import Path

from _recipe import cook

import optiscope as osc
from optiscope.engine.anatomy import anatomy as take_apart
from optiscope.render import Film, anatomy

TITLE = "Why did it move?"
PART = "Why it moves as it does"
FILE = "anatomy.gif"

RATES = {"Momentum": 1e-3, "RMSprop": 0.02, "Adam": 0.15}


def make(tiny: bool, store: Path) -> Film:
    """Run each method, take its steps apart, and draw them over the landscape."""
    runs = [one for name, lr in RATES.items() for one in osc.grid("rosenbrock", name, lr=lr, steps=150)]
    results = osc.run(runs, store=store)
    ground = results.landscape(bounds=((-1.75, 1.75), (-1.6, 2.8)))
    return anatomy(
        ground, take_apart(runs), floor=0.0, minima=results.minima(),
        title="Anatomy of a step, on Rosenbrock's valley", frames=6 if tiny else 150,
    )  # fmt: skip


if __name__ == "__main__":
    cook(make)
