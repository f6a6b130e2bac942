"""A training loop that forgets `optimizer.zero_grad()` beside one that does not, each at its own best rate.

Every gradient is added to all those before it. For SGD that is a momentum of 1: at a tenth of the rate it keeps up for
a while. Momentum and Adam, which add up on their own, only bear rates at which they hardly move.
Lines are medians over three seeds, bands go from the least to the greatest.
"""

import dataclasses
from importlib.resources import files
from pathlib import Path

import pandas as pd
from _recipe import cook
from matplotlib.figure import Figure

import optiscope as osc
from optiscope.render.panels import name_axes, panels
from optiscope.render.picture import describe
from optiscope.render.style import theme_of
from optiscope.study import Study

TITLE = "A forgotten zero_grad()"
PART = "Networks"
FILE = "zero_grad.png"

LOOPS = {"digits-cnn": ("with zero_grad()", "#0072b2"), "digits-cnn(zero_grad='never')": ("forgotten", "#d55e00")}


def draw(runs: pd.DataFrame, trace: pd.DataFrame) -> Figure:
    """One panel an optimizer, one line a loop, all on the same logarithmic axis."""
    theme = theme_of("light")
    optimizers = ["SGD", "Momentum", "Adam"]
    figure, axes = panels(optimizers, theme, across=3, height=2.9, width=8.4, share=True)
    for optimizer, ax in zip(optimizers, axes, strict=True):
        for problem, (label, color) in LOOPS.items():
            cell = runs[(runs["optimizer"] == optimizer) & (runs["problem"] == problem)]
            loss = trace[trace["run_id"].isin(cell["run_id"])].pivot(index="step", columns="run_id", values="loss")
            ax.fill_between(loss.index, loss.min(axis=1), loss.max(axis=1), color=color, alpha=0.15, lw=0)
            ax.plot(loss.index, loss.median(axis=1), color=color, lw=2.0, label=f"{label}, lr {cell['lr'].iloc[0]:.2g}")
        ax.set_yscale("log")
        ax.legend(loc="lower left", frameon=False, fontsize=8, labelcolor=theme.ink)
        name_axes(ax, theme, "step", "loss" if ax is axes[0] else "")
    ends = runs.groupby(["optimizer", "problem"])["loss_final"].median().unstack()[list(LOOPS)]
    told = [f"{name} {ends.loc[name].iloc[0]:.2g} with and {ends.loc[name].iloc[1]:.2g} without" for name in optimizers]
    return describe(figure, f"The loss by step with zero_grad() and without. At the end: {', '.join(told)}.")


def make(tiny: bool, store: Path) -> Figure:
    """Run the study and draw it."""
    study = Study.parse(files("optiscope").joinpath("studies/forgotten_zero_grad.toml").read_text(encoding="utf-8"))
    if tiny:
        study = dataclasses.replace(study, blocks=(dataclasses.replace(study.blocks[0], lr=(0.01,), steps=6),))
    ids = study.run(store).run_ids
    kept = osc.Store(store)
    return draw(kept.runs(ids), kept.trace(ids))


if __name__ == "__main__":
    cook(make)
