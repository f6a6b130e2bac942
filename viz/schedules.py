"""What rate each schedule asks for at each step of a run, as a share of its peak; two of them move the momentum, too.

Every schedule has its default arguments, which follow the length of the run, here 300 steps. ReduceLROnPlateau sees a
loss that falls for 120 steps and then stands still.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.catalogues.schedule_curves import sample_schedules
from optiscope.render import schedule_curves

TITLE = "Every schedule"
PART = "Schedules and losses"
FILE = "schedules.png"


def make(tiny: bool, store: Path) -> Figure:
    """Step each schedule of the catalogue, and draw the rates and momenta that it asked for."""
    return schedule_curves(sample_schedules(osc.schedules().values(), 300))


if __name__ == "__main__":
    cook(make)
