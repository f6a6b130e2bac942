"""Which of seven optimizers have solved Beale's function after 200 steps, and how far the others are from it.

Each runs from the same start at the best rate of one and the same search; this is the film that `optiscope gif` makes.
"""

from pathlib import Path

from _recipe import cook

from optiscope.racing import prepare_race
from optiscope.render import Film

TITLE = "Seven optimizers race"
PART = "Races"
FILE = "optimizers.gif"


def make(tiny: bool, store: Path) -> Film:
    """Tune, run and draw the race."""
    race = prepare_race()
    return race.draw(frames=12) if tiny else race.draw()


if __name__ == "__main__":
    cook(make)
