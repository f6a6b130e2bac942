"""A narrow valley along an axis is nothing to methods with a rate for each coordinate; turned, it is a valley again.

Steps until the loss of a two-dimensional bowl has fallen to 1e-6, in the middle of random starts, each method at the
best of the same rates for just this bowl. Left: bowls of growing condition number along the axes. Right: the worst of
them, turned.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render import conditioning

TITLE = "Condition number and rotation"
PART = "Why it moves as it does"
FILE = "conditioning.png"

OPTIMIZERS = ["SGD", "Momentum", "Adagrad", "RMSprop", "Adam"]
TARGET = 1e-6


def bowl(condition: float, angle: float) -> osc.Problem:
    """1/2 (u^2 / condition + v^2), with u and v turned by an angle in degrees."""
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))

    def loss(x):
        u, v = c * x[..., 0] + s * x[..., 1], c * x[..., 1] - s * x[..., 0]
        return 0.5 * (u * u / condition + v * v)

    return osc.Problem(f"bowl {condition:g}:1 at {angle:g}", loss, (1.0, 1.0), (0.0, 0.0), ((-1.0, 1.0),) * 2)


def make(tiny: bool, store: Path) -> Figure:
    """Run every bowl at every rate from several starts, and keep each method's best rate."""
    steps, seeds, count = (60, 2, 4) if tiny else (700, 5, 25)
    shapes = [(10.0**k, 0.0) for k in np.linspace(0, 3, 3 if tiny else 5)]
    shapes += [(1000.0, float(angle)) for angle in np.linspace(0, 45, 2 if tiny else 4)[1:]]
    rates = np.logspace(-4, 1, count).tolist()
    problems = {bowl(*shape): shape for shape in shapes}
    runs = osc.grid(problems, OPTIMIZERS, lr=rates, seed=range(seeds), start="random", steps=steps)
    results = osc.run(runs, trace=osc.TraceSpec(every=0, norms=False, ends=True, target=TARGET))
    met = results.trace[results.trace["loss"] <= TARGET].groupby("run_id")["step"].min()
    frame = results.runs.assign(steps=results.runs["run_id"].map(met).fillna(np.inf))
    cells = frame.groupby(["problem", "optimizer", "lr"], sort=False)["steps"].median().reset_index()
    best = cells.groupby(["problem", "optimizer"], sort=False)["steps"].min().reset_index()
    shape = pd.DataFrame(
        [(one.name, *pair) for one, pair in problems.items()], columns=["problem", "condition", "angle"]
    )
    return conditioning(best.merge(shape, on="problem"), target=TARGET, budget=steps)


if __name__ == "__main__":
    cook(make)
