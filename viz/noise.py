"""With noisy gradients no method comes to rest: each hovers at a floor, and the lower its rate, the lower that is.

Dots are seeds, lines their medians. Each method races at the rate whose median gap at the end is lowest; the panel on
the right has that gap for every rate, with a ring at the one that races.
"""

from pathlib import Path

import numpy as np
from _recipe import cook

import optiscope as osc
from optiscope.render import Film, noise

TITLE = "The same race under gradient noise"
PART = "Why it moves as it does"
FILE = "noise.gif"

OPTIMIZERS = ["SGD", "Momentum", "Adam"]
RATES = {"SGD": (-4.0, -1.7), "Momentum": (-5.0, -2.5), "Adam": (-3.5, -0.5)}  # powers of ten


def make(tiny: bool, store: Path) -> Film:
    """Run many seeds at many rates, find the floors, and race at the rates that end lowest."""
    problem = "beale(noise=6.0)"
    steps, seeds, count = (250, 2, 3) if tiny else (800, 60, 13)
    runs = []
    for optimizer in OPTIMIZERS:
        rates = np.logspace(*RATES[optimizer], count).round(7).tolist()
        runs += osc.grid(problem, optimizer, lr=rates, seed=range(min(seeds, 15)), steps=steps)
    swept = osc.run(runs, trace=5)
    floors = osc.metrics.noise_floor(swept.runs, swept.trace)
    best = floors.sort_values("floor").drop_duplicates("optimizer").set_index("optimizer")["lr"]
    chosen = [
        one for name in OPTIMIZERS for one in osc.grid(problem, name, lr=best[name], seed=range(seeds), steps=steps)
    ]
    results = osc.run(chosen)
    return noise(
        results.landscape(), results.runs, results.trace, floors, minima=results.minima(),
        title="Beale's function with noise on its gradients", frames=6 if tiny else 150,
    )  # fmt: skip


if __name__ == "__main__":
    cook(make)
