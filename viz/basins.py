"""The basins of one method are not those of another: SGD's borders are smooth, momentum swings over the next hill.

200 × 200 starts on Himmelblau's function, which has four equal minima; each method at the rate with the best median
over random starts. A start has arrived once its loss is within 1e-3 of the minimum.
"""

from pathlib import Path

import numpy as np
from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import basins

TITLE = "Basins of attraction"
PART = "Why it moves as it does"
FILE = "basins.png"

OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam"]


def make(tiny: bool, store: Path) -> Figure:
    """Tune each method, run it from every start as a lane, and colour the starts by where they end."""
    side, steps = (12, 40) if tiny else (200, 500)
    problem = osc.problems()["himmelblau"]
    x, y = (np.linspace(low, high, side).tolist() for low, high in problem.bounds)
    starts = [(a, b) for b in y for a in x]
    runs = []
    for optimizer in OPTIMIZERS:
        best = osc.tune(problem, optimizer, steps=steps, seeds=2 if tiny else 8, start="random", store=store)
        runs += osc.grid(problem, optimizer, lr=best.lr, start=starts, steps=steps)
    ends = osc.TraceSpec(every=0, norms=False, ends=True, target=1e-3)
    results = osc.run(runs, trace=ends)
    return basins(
        osc.metrics.basins(results.runs, results.trace, problem.minima), problem.minima, title="Himmelblau's function"
    )


if __name__ == "__main__":
    cook(make)
