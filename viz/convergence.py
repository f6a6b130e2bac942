"""How far above the minimum each optimizer is at each step: in the middle of many random starts, and in their spread.

Each optimizer has the rate with the best median at this horizon, found on seeds of its own; no start is left out.
"""

from _recipe import RESULTS, options, save

import optiscope as osc
from optiscope.render import convergence

PROBLEMS = ["rosenbrock", "himmelblau"]
OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam"]


def main() -> None:
    """Tune every pair, run it from random starts, and draw medians and quartiles."""
    tiny, output = options(__doc__, "convergence.png")
    steps, seeds = (20, 3) if tiny else (500, 10)
    store = output.with_suffix("") if tiny else RESULTS / "convergence"
    runs = []
    for problem in PROBLEMS:
        for optimizer in OPTIMIZERS:
            best = osc.tune(problem, optimizer, steps=steps, seeds=seeds, start="random", store=store)
            runs += osc.grid(problem, optimizer, lr=best.lr, seed=range(seeds), start="random", steps=steps)
    results = osc.run(runs, store=store)
    save(convergence(results.runs, results.trace), output)


if __name__ == "__main__":
    main()
