"""A study as large as one likes, made up: for how much room its page takes, and how soon that opens."""

import numpy as np
import pandas as pd

PROBLEMS = (
    "rosenbrock", "beale", "booth", "matyas", "himmelblau", "three_hump_camel", "rastrigin", "ackley", "levy", "griewank",
)  # fmt: skip
OPTIMIZERS = ("SGD", "Momentum", "Nesterov", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "NAdam", "RAdam")
SCHEDULES = ("constant", "CosineAnnealingLR")
RATES = 10.0 ** np.arange(-4, 0.5, 0.5)
STEPS, EVERY = 500, 10


def large_study(count, traced=5000):
    """(runs, trace) of so many runs, a fifth of them results and the others trials; numbers that do not compress.

    Every cell has the same number of each. Positions in two dimensions of the first results are traced.
    """
    random = np.random.default_rng(0)
    cells = len(PROBLEMS) * len(OPTIMIZERS) * len(SCHEDULES)
    i = np.arange(count)
    cell, number = i % cells, i // cells
    per_cell = count // cells
    result = number < per_cell // 5
    problem, optimizer, schedule = np.unravel_index(cell, (len(PROBLEMS), len(OPTIMIZERS), len(SCHEDULES)))
    trial = number - per_cell // 5
    rate = np.where(result, 4, trial % len(RATES))
    status = np.where(random.random(count) < 0.02, "diverged", "max_steps")
    final = 10.0 ** (random.normal(-3 + 0.2 * optimizer, 1.0) + np.abs(rate - 4))
    runs = pd.DataFrame({
        "run_id": [f"{one:016x}" for one in random.integers(1 << 62, size=count)],
        "problem": np.array(PROBLEMS)[problem], "optimizer": np.array(OPTIMIZERS)[optimizer],
        "schedule": np.array(SCHEDULES)[schedule], "lr": RATES[rate], "hyperparameters": '{"optimizer": {}}',
        "seed": np.where(result, number, 1000 + trial // len(RATES)), "start": "random", "steps": STEPS,
        "dtype": "float64", "device": "cpu", "engine": "single", "status": status,
        "loss_start": 10.0 * random.random(count) + 5.0, "loss_final": np.where(status == "diverged", np.nan, final),
        "loss_best": final, "step_best": random.integers(STEPS, size=count), "steps_done": STEPS, "loss_floor": 0.0,
        "grad_evals": STEPS, "wall_s": random.random(count), "events": "[]", "error": "",
        "purpose": np.where(result, "result", "tuning"), "provenance_id": "here",
    })  # fmt: skip
    ids = runs["run_id"].to_numpy()[result][:traced]
    steps = np.arange(0, STEPS + 1, EVERY)
    rows = len(ids) * len(steps)
    trace = pd.DataFrame({
        "run_id": np.repeat(ids, len(steps)), "step": np.tile(steps, len(ids)), "loss": 10.0 ** random.normal(-2, 2, rows),
        "lr_t": 0.01 * random.random(rows), "x0": random.normal(size=rows), "x1": random.normal(size=rows),
    })  # fmt: skip
    return runs, trace
