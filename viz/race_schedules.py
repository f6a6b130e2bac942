"""What a schedule does to one optimizer in noise: from which step it only goes up and down, and how near it ends.

Adam on Beale's function, with noise on its gradients; each schedule has the peak rate that is best for it. The lower
strip is the rate in time with the race.
"""

from pathlib import Path

from _recipe import cook

import optiscope as osc
from optiscope.render import Film, race

TITLE = "One optimizer, five schedules"
PART = "Races"
FILE = "race_schedules.gif"

SCHEDULES = ["constant", "StepLR", "CosineAnnealingLR", "OneCycleLR", "wsd"]


def make(tiny: bool, store: Path) -> Film:
    """Tune the peak rate of each schedule, run it, and draw the race over the gap and the rate."""
    problem, steps = "beale(noise=2.0)", 30 if tiny else 300
    runs = []
    for schedule in SCHEDULES:
        best = osc.tune(problem, "Adam", schedule, steps=steps, seeds=1 if tiny else 5, store=store)
        runs += osc.grid(problem, "Adam", schedule, lr=best.lr, seed=7, steps=steps)
    return race(
        osc.run(runs, store=store), title="Adam on Beale's function, by schedule", strips=("gap", "lr"),
        subtitle=f"{steps} steps, noise on the gradients; each schedule at the best of the same peak rates",
        frames=8 if tiny else 200, size=(720, 580),
    )  # fmt: skip


if __name__ == "__main__":
    cook(make)
