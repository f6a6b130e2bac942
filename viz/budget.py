"""How many trials an optimizer's search is worth: some are good at once, others only after much tuning.

Random search over the rate and the arguments that each optimizer has; every trial is judged by its median final loss
over three starts. Lines: what the best of k trials meets in half of all searches; bands: a bootstrap over the pool.
"""

from pathlib import Path

import pandas as pd
from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.metrics import expected_best
from optiscope.render import budget

TITLE = "What tuning buys"
PART = "Comparisons"
FILE = "budget.png"

PROBLEMS = ["rosenbrock", "beale"]
OPTIMIZERS = ["SGD", "RMSprop", "Adam", "NAdam", "Adagrad"]


def make(tiny: bool, store: Path) -> Figure:
    """Search every pair, and draw what shorter searches would have ended with."""
    steps, trials = 300, 6 if tiny else 96
    pools = [
        osc.random_search(problem, optimizer, steps=steps, trials=trials, start="random", store=store).table
        for problem in PROBLEMS[: 1 if tiny else 2]
        for optimizer in OPTIMIZERS[: 2 if tiny else 5]
    ]
    # Beyond half of the pool, most draws of k hold its best: the curve would say more of the pool than of searches.
    ks = range(1, trials // 2)
    return budget(expected_best(pd.concat(pools), ks), measure="median final loss")


if __name__ == "__main__":
    cook(make)
