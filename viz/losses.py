"""Where each loss is flat, where it is linear, and where it grows without bound: its value and its gradient.

Every panel has the same heights, so that slopes can be compared. What the prediction is stands under each panel: for
most a difference, a logit or a distance. Other settings are torch's defaults unless a line's name says otherwise.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

from optiscope.catalogues.losses.curves import sample_losses
from optiscope.render import loss_curves

TITLE = "Losses and their gradients"
PART = "Schedules and losses"
FILE = "losses.png"


def make(tiny: bool, store: Path) -> Figure:
    """Sample every loss of the catalogue along its prediction, and draw the curves."""
    return loss_curves(sample_losses(points=41 if tiny else 481))


if __name__ == "__main__":
    cook(make)
