"""A small real study for the tests of the page: two functions, a name that is no name, a search, and traces."""

import pandas as pd

import optiscope as osc

SCRIPT = "<script>window.stolen=1</script>"
IMAGE = "</script><img src=x onerror='window.stolen=2'>"
PLOTTED = '<a href="https://example.org/stolen">Lion</a>'  # what plotly would draw as a link


def real_study():
    """(runs, trace) of 2 functions, 3 optimizers, 2 schedules, 6 seeds, each at the better of two searched rates."""
    axes = {
        "problem": ["beale", "himmelblau"], "optimizer": ["SGD", "Momentum", "Adam"],
        "schedule": ["constant", "CosineAnnealingLR"], "start": "random", "steps": 30,
    }  # fmt: skip
    tuning = osc.run(
        osc.grid(**axes, lr=[1e-3, 1e-2], seed=[100, 101]), engine="single", trace="none", purpose="tuning"
    )
    best = osc.metrics.best_rates(tuning.runs)
    runs = [
        run
        for row in best.itertuples()
        for run in osc.grid(row.problem, row.optimizer, row.schedule, row.lr, range(6), "random", 30)
    ]
    made = osc.run(runs, engine="single")
    return pd.concat([made.runs, tuning.runs], ignore_index=True), made.trace


def hostile(runs, trace):
    """The same with names that a careless page would run, or draw as links."""
    names = {"Momentum": SCRIPT, "SGD": PLOTTED, "himmelblau": IMAGE}
    renamed = {name: runs[name].replace(names) for name in ("optimizer", "problem")}
    return runs.assign(error="", **renamed), trace.assign(**{PLOTTED: trace["loss"]})
