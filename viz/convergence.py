"""How far each optimizer has come after so many steps, and after so long: a step of one costs more than of another.

Medians and quartiles over random starts, or a network's seeds. Each optimizer has the rate with the best median at this
horizon, found on seeds of its own. Every run here went through the plain loop alone, so that its time is its own.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import convergence

TITLE = "Convergence over steps and over time"
PART = "Comparisons"
FILE = "convergence.png"

PROBLEMS = {"rosenbrock": (500, 8), "digits-logistic": (120, 5)}  # steps and seeds
OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam"]


def make(tiny: bool, store: Path) -> Figure:
    """Tune every pair, run it from random starts, and draw medians and quartiles."""
    runs = []
    for problem, (steps, seeds) in PROBLEMS.items():
        steps, seeds = (12, 2) if tiny else (steps, seeds)
        for optimizer in OPTIMIZERS:
            best = osc.tune(problem, optimizer, steps=steps, seeds=seeds, start="random", store=store)
            runs += osc.grid(problem, optimizer, lr=best.lr, seed=range(seeds), start="random", steps=steps)
    results = osc.run(runs, store=store / "timed", engine="single")
    return convergence(results.runs, results.trace, against=("step", "time"))


if __name__ == "__main__":
    cook(make)
