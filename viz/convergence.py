"""How far above the minimum each optimizer is at each step: in the middle of many random starts, and in their spread.

Each optimizer has the rate with the best median at this horizon, found on seeds of its own; no start is left out.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import convergence

TITLE = "Convergence over steps and over time"
PART = "Comparisons"
FILE = "convergence.png"

PROBLEMS = ["rosenbrock", "himmelblau"]
OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam"]


def make(tiny: bool, store: Path) -> Figure:
    """Tune every pair, run it from random starts, and draw medians and quartiles."""
    steps, seeds = (20, 3) if tiny else (500, 10)
    runs = []
    for problem in PROBLEMS:
        for optimizer in OPTIMIZERS:
            best = osc.tune(problem, optimizer, steps=steps, seeds=seeds, start="random", store=store)
            runs += osc.grid(problem, optimizer, lr=best.lr, seed=range(seeds), start="random", steps=steps)
    results = osc.run(runs, store=store)
    return convergence(results.runs, results.trace)


if __name__ == "__main__":
    cook(make)
