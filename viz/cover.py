"""Seven methods race down one valley from one start; after 200 steps their gaps lie orders of magnitude apart.

The image at the head of the README and on social cards, 1280 by 640 pixels.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

from optiscope.racing import prepare_race
from optiscope.render import cover

TITLE = "The cover"
PART = "Cover"
FILE = "cover.png"

LINES = ["See, compare and time", "PyTorch optimizers and", "learning-rate schedules, fairly"]


def make(tiny: bool, store: Path) -> Figure:
    """Prepare the race on a map wide enough for words, and compose the picture."""
    prepared = prepare_race("beale", steps=50 if tiny else 200, store=store)
    course = prepared.course(bounds=((-6.9, 4.5), (-2.6, 3.1)))
    return cover(course, title="optiscope", lines=LINES)


if __name__ == "__main__":
    cook(make)
