"""Which of seven optimizers follow Beale's valley to the minimum, which circle it, and which are still on the way.

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
    race = prepare_race("beale", steps=20) if tiny else prepare_race()
    return race.draw(frames=12) if tiny else race.draw()


if __name__ == "__main__":
    cook(make)
