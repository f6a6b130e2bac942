"""Frames with every column, filled in where a test does not care."""

import pandas as pd

from optiscope.record import RUNS_COLUMNS

_ROW = {
    "problem": "bowl", "optimizer": "SGD", "schedule": "constant", "lr": 0.1, "hyperparameters": "{}", "seed": 0,
    "start": "random", "steps": 100, "dtype": "float64", "device": "cpu", "engine": "single", "status": "max_steps",
    "loss_start": 10.0, "loss_final": 1.0, "loss_best": None, "step_best": None, "steps_done": 100, "loss_floor": 0.0,
    "grad_evals": 100, "wall_s": 0.5, "events": "[]", "error": "", "purpose": "result", "provenance_id": "here",
}  # fmt: skip


def make_runs(*rows):
    """One row a mapping; by default the last loss is the best one and the run is named after its number."""
    filled = []
    for number, row in enumerate(rows):
        whole = {"run_id": f"run{number}", **_ROW, **row}
        if whole["loss_best"] is None:
            whole["loss_best"] = whole["loss_final"]
        if whole["step_best"] is None:
            whole["step_best"] = whole["steps_done"]
        filled.append(whole)
    extra = [name for row in rows for name in row if name not in RUNS_COLUMNS]
    return pd.DataFrame(filled, columns=list(dict.fromkeys([*RUNS_COLUMNS, *extra])))


def make_trace(**losses):
    """A trace out of `run_id=[loss at 0, loss at 1, …]`."""
    parts = [
        pd.DataFrame({"run_id": name, "step": range(len(values)), "loss": values}) for name, values in losses.items()
    ]
    return pd.concat(parts, ignore_index=True)


def make_costs(table, **common):
    """Costs out of `{competitor: [cost on seed 0, on seed 1, …]}`; None is a seed that it was not run on."""
    rows = [
        {
            "problem": "bowl", "start": "random", "steps": 100, "dtype": "float64", "device": "cpu",
            "optimizer": name.partition(" + ")[0], "schedule": name.partition(" + ")[2] or "constant",
            "competitor": name, "lr": 0.1, "seed": seed, "run_id": f"{name}/{seed}/{common}", "judged_by": "gap",
            "cost": cost, "shortfall": cost, **common,
        }
        for name, values in table.items()
        for seed, cost in enumerate(values)
        if cost is not None
    ]  # fmt: skip
    return pd.DataFrame(rows)
