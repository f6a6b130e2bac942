"""Three parameter groups of one AdamW: the rest, biases without decay, and a first layer that is frozen at first.

Below the table is the rate of each group under one cosine. The frozen layer is added by `add_param_group` at its step,
at a tenth of the rate, and follows the schedule from there on.
"""

from pathlib import Path

from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import parameter_groups

TITLE = "Parameter groups"
PART = "Networks"
FILE = "groups.png"


def make(tiny: bool, store: Path) -> Figure:
    """Tabulate the groups of a small CNN, train it, and draw the table over the rates that the trace holds."""
    steps = 24 if tiny else 184
    groups = {"bias, norm": {"weight_decay": 0.0}, "0": {"lr_scale": 0.1, "frozen_until": steps // 3}}
    spec = osc.OptimizerSpec("AdamW", "torch.optim.AdamW", {"weight_decay": 0.1}, groups=groups)
    results = osc.run(osc.grid("digits-cnn", spec, "warmup_cosine", lr=1e-2, steps=steps), store=store)
    return parameter_groups(osc.group_table("digits-cnn", spec, lr=1e-2), results.trace)


if __name__ == "__main__":
    cook(make)
