"""Targets of the networks, from tuned baselines: `python -m optiscope.baselines [PROBLEM …]` writes data/targets.toml.

For each network the usual optimizers are tuned over one small grid of rates at the network's default length, on a
tuning seed; the best of them by validation loss is run again on evaluation seeds, and the median of its metric at the
end is the hardest target. The others lie between the start and that, evenly on a logarithmic scale of the error.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from .engine import run
from .metrics.stored import FILE, HIGHER, Stored, stored_targets
from .naming import as_optimizer, as_problem, as_schedule, grid, problems
from .tuning import LrRange
from .tuning.rates import tune_cells

OPTIMIZERS = ("SGD", "Momentum", "Adam", "AdamW")
# Where the usual ones are known to miss the point of a problem, those that do not.
OTHERS = {
    "char-transformer": ("Adam", "AdamW"),
    "modular-addition": ("AdamW(weight_decay=2.0)",),
    "pinn": ("Adam", "LBFGS(line_search_fn='strong_wolfe')"),
}
# The lesson's CNN at full size takes seconds a step; what it has to learn is the same at a smaller one.
STAND_IN = {"demo-cnn": "demo-cnn(image_size=32)"}
RATES = LrRange(1e-3, 1e-1, per_decade=1, lowest=1e-4, highest=10.0)
SEEDS = (0, 1, 2)
LEVELS = (0.25, 0.5, 0.75, 0.9, 1.0)  # of the way from the start to the baseline
LEAST_ERROR = 1e-3  # an accuracy of 1 leaves no error, and no logarithm of it


def baseline(name: str, command: str, jobs: int = 1) -> Stored:
    """Tune, evaluate, and set the targets of one network."""
    problem = as_problem(STAND_IN.get(name, name))
    metric = problem.metrics[-1]
    chosen = [as_optimizer(text) for text in OTHERS.get(name, OPTIMIZERS)]
    constant = as_schedule("constant")
    cells = [(problem, optimizer, constant) for optimizer in chosen]
    steps = problem.default_steps
    tuned = tune_cells(cells, steps, RATES, seeds=1, engine="single", jobs=jobs)
    best = min(tuned, key=lambda one: one.score)
    runs = run(grid(problem, best.optimizer, "constant", best.lr, SEEDS, steps=steps), engine="single", jobs=jobs)
    score = float(runs.runs[f"{metric}_final"].median())
    start = float(runs.trace.query("step == 0")[metric].median())
    return Stored(
        name, metric, levels(start, score, metric in HIGHER), best.optimizer, best.lr, score, problem.name, steps,
        SEEDS, date.today().isoformat(), command,
    )  # fmt: skip


def levels(start: float, score: float, higher: bool) -> tuple[float, ...]:
    """The targets between a value at the start and a baseline's, easiest first, to three digits.

    >>> levels(1.0, 1e-4, higher=False)
    (0.1, 0.01, 0.001, 0.000252, 0.0001)
    >>> levels(0.1, 0.99, higher=True)
    (0.707, 0.905, 0.969, 0.984, 0.99)
    """
    first, last = (1 - start, max(1 - score, LEAST_ERROR)) if higher else (start, score)
    errors = [math.exp((1 - q) * math.log(first) + q * math.log(last)) for q in LEVELS]
    found = [1 - error if higher else error for error in errors]
    # Towards the easier side, so that the baseline itself meets its own target.
    return tuple(math.floor(x * 1000 + 1e-9) / 1000 if higher else _three_digits_up(x) for x in found)


def _three_digits_up(value: float) -> float:
    scale = 10.0 ** (2 - math.floor(math.log10(value)))
    return float(f"{math.ceil(value * scale - 1e-9) / scale:.3g}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the targets of the networks that are named, or of all, and write each as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m optiscope.baselines", description=__doc__)
    parser.add_argument("problems", nargs="*", help="networks of the catalogue; without any, all")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("-o", "--output", type=Path, default=FILE, help="the file to write")
    given = parser.parse_args(arguments)
    names = given.problems or [name for name, problem in problems().items() if problem.task]
    command = " ".join(["python -m optiscope.baselines", *given.problems])
    for name in names:
        known = dict(stored_targets.__wrapped__(given.output)) if given.output.exists() else {}
        known[name] = found = baseline(name, command, given.jobs)
        given.output.write_text(as_toml(known), encoding="utf-8")
        print(f"{name}: {found.metric} {found.score:.4g} by {found.optimizer} at {found.lr:g}; targets {found.targets}")


def as_toml(known: dict[str, Stored]) -> str:
    """The file, a table a network."""
    text = (
        "# The targets of the networks, and the tuned baselines that they were set from; see optiscope/baselines.py.\n"
    )
    for name in sorted(known):
        text += f"\n[{name}]\n"
        for key, value in vars(known[name]).items():
            if key != "name":
                text += f"{key} = {_toml(value)}\n"
    return text


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value.item() if isinstance(value, np.generic) else value)


if __name__ == "__main__":
    main()
