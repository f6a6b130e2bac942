"""Which schedules help which optimizers: how many times lower the final gap is than under a constant rate.

Each pair at the best rate of one and the same search at this horizon, on seeds of its own. In every cell, the median
over four test functions of the gain in the median over random starts; gradients are noisy, as in training.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

from optiscope import Store
from optiscope.metrics import costs, median_gains, schedule_gains
from optiscope.render import schedule_gain
from optiscope.study import Study

TITLE = "What a schedule gains"
PART = "Comparisons"
FILE = "schedule_gain.png"

PROBLEMS = ["rosenbrock(noise=0.1)", "beale(noise=0.1)", "sphere(dim=10, noise=0.1)", "ackley(noise=0.1)"]
OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adagrad", "Adam", "AdamW"]
SCHEDULES = ["constant", "StepLR", "ExponentialLR", "CosineAnnealingLR", "OneCycleLR", "warmup_cosine", "PolynomialLR"]


def make(tiny: bool, store: Path) -> Figure:
    """Run the study, and set every schedule against the constant rate."""
    problems, optimizers, schedules = (
        (PROBLEMS[:1], OPTIMIZERS[:2], SCHEDULES[:3]) if tiny else (PROBLEMS, OPTIMIZERS, SCHEDULES)
    )
    steps, seeds, tuning, rates = (200, 2, 1, 1) if tiny else (200, 9, 3, 2)
    study = Study.parse(
        f"""
        name = "schedule_gain"
        problems = {problems}
        optimizers = {optimizers}
        schedules = {schedules}
        lr = {{low = 1e-3, high = 1.0, per_decade = {rates}}}
        start = "random"
        steps = {steps}
        seeds = {seeds}
        tuning_seeds = {tuning}
        engine = "auto"
        trace = "none"
        """
    )
    runs = Store(store).runs(study.run(store).run_ids)
    return schedule_gain(median_gains(schedule_gains(costs(runs))))


if __name__ == "__main__":
    cook(make)
