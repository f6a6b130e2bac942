"""What rate each schedule asks for at each step of a run, as a share of its peak.

Every schedule has its default arguments, which follow the length of the run. The noise of the gradients gives
ReduceLROnPlateau a plateau to find.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import schedule_curves

TITLE = "Every schedule"
PART = "Schedules and losses"
FILE = "schedules.png"


def make(tiny: bool, store: Path) -> Figure:
    """Run plain SGD once under each schedule, and draw the rates that the trace holds."""
    steps = 60 if tiny else 300
    results = osc.run(osc.grid("sphere(noise=1.0)", "SGD", osc.schedules(), lr=0.1, steps=steps))
    frame = results.runs[["run_id", "schedule", "lr"]].merge(results.trace, on="run_id", sort=False)
    # The last row holds the rate of a step that is not taken.
    frame = frame[frame["step"] < steps]
    return schedule_curves(frame.assign(lr_t=frame["lr_t"] / frame["lr"]))


if __name__ == "__main__":
    cook(make)
