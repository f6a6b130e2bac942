"""No method is best everywhere: beside the name of each function stands who ends lowest on it.

Four methods on four functions, each from its start at the best of the same rates for just this function.
"""

from pathlib import Path

from _recipe import cook

from optiscope.racing import prepare_race
from optiscope.render import Film, races

TITLE = "Four methods on four functions"
PART = "Races"
FILE = "races.gif"

OPTIMIZERS = ["SGD", "Momentum", "RMSprop", "Adam"]
PROBLEMS = ["rosenbrock", "himmelblau", "quadratic(condition=50)", "saddle"]


def make(tiny: bool, store: Path) -> Film:
    """Prepare each race, and put the four side by side on dark paper."""
    lr, steps = (1e-3, 50) if tiny else ("tune", 200)
    prepared = [prepare_race(problem, OPTIMIZERS, lr=lr, steps=steps, store=store) for problem in PROBLEMS]
    return races(
        [one.course() for one in prepared], title=TITLE, theme="dark", frames=8 if tiny else 150, seconds=9.0,
        subtitle=f"{steps} steps from each function's own start; each method at the best of the same rates",
    )  # fmt: skip


if __name__ == "__main__":
    cook(make)
