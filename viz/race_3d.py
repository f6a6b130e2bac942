"""The same race on the surface: the valley that looked flat from above is a gorge between steep walls.

Height is the logarithm of the gap above the minimum. Paths behind a hill show faintly.
"""

from pathlib import Path

from _recipe import cook

from optiscope.racing import prepare_race
from optiscope.render import Film, race_3d

TITLE = "The race on the surface"
PART = "Races"
FILE = "race_3d.gif"

OPTIMIZERS = ["SGD", "Momentum", "Adagrad", "RMSprop", "Adam"]


def make(tiny: bool, store: Path) -> Film:
    """Prepare the race as for the flat film, and draw it in three dimensions."""
    prepared = prepare_race("beale", OPTIMIZERS, steps=50 if tiny else 200, store=store)
    course = prepared.course(bounds=((-1.7, 4.3), (-1.9, 2.1)))
    frames = 6 if tiny else 60
    return race_3d(course, title=prepared.title, subtitle=prepared.subtitle, frames=frames, size=(560, 420))


if __name__ == "__main__":
    cook(make)
