"""Which optimizer solves the largest share of eight problems, how soon, and who beats whom from the same start.

Each at the best rate of one and the same search on every problem, on seeds of its own, under a constant rate. Effort is
counted in evaluations of the gradient; targets are gaps from 1 to 1e-8, and a miss stays a miss.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

from optiscope import Store, metrics
from optiscope.render import profiles
from optiscope.study import Study

TITLE = "Profiles, targets and wins"
PART = "Comparisons"
FILE = "profiles.png"

PROBLEMS = ["rosenbrock", "beale", "himmelblau", "booth", "ackley", "levy", "goldstein_price", "sphere(dim=10)"]
OPTIMIZERS = ["SGD", "Momentum", "Nesterov", "RMSprop", "Adagrad", "Adam", "Rprop"]


def make(tiny: bool, store: Path) -> Figure:
    """Run the study, and find when each run met each target."""
    steps, seeds = (30, 2) if tiny else (300, 9)
    study = Study.parse(
        f"""
        name = "profiles"
        problems = {PROBLEMS[:2] if tiny else PROBLEMS}
        optimizers = {OPTIMIZERS[:3] if tiny else OPTIMIZERS}
        lr = {{low = 1e-3, high = 1.0, per_decade = {1 if tiny else 2}}}
        start = "random"
        steps = {steps}
        seeds = {seeds}
        engine = "auto"
        """
    )
    ids = study.run(store, trace="loss").run_ids
    runs = Store(store).runs(ids)
    hits = metrics.steps_to_target(runs, Store(store).trace(ids))
    return profiles(
        metrics.performance_profile(hits, "optimizer"),
        metrics.target_ecdf(hits, "optimizer"),
        metrics.win_rates(metrics.costs(runs), "optimizer"),
    )


if __name__ == "__main__":
    cook(make)
