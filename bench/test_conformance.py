"""Lanes against the single engine over a whole horizon: every optimizer of torch × every schedule × three functions.

64 lanes spread over rates, seeds and starts, 500 steps; of each batch every fourth lane, two of each rate, is run alone
and compared, to the bit. It takes some half an hour and writes results/conformance.csv.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import optiscope as osc

pytestmark = [pytest.mark.benchmark(group="conformance"), pytest.mark.only("full")]

COMPARED = 16  # lanes of each batch; all 64 of them would take more than an hour
SCHEDULES = list(osc.schedules())
PROBLEMS = ["rosenbrock", "rastrigin", "ackley"]
RATES = [float(rate) for rate in np.geomspace(1e-4, 1.0, 8)]
STEPS = 500
# Not lanes, and why: the plain loop runs them, so that there is nothing to compare.
ALONE = {
    "LBFGS": "its step calls a closure as often as it likes",
    "Muon": "it takes matrices only, and these points are vectors",
    "SparseAdam": "it takes sparse gradients only",
}
OPTIMIZERS = [name for name in osc.optimizers() if name not in ALONE]


def worst_difference(one: np.ndarray, other: np.ndarray) -> float:
    """The largest relative difference, infinite where the lengths differ: one ended and the other did not."""
    if len(one) != len(other):
        return float("inf")
    scale = np.maximum(np.abs(one), np.abs(other))
    return float(np.max(np.abs(one - other) / np.where(scale > 0, scale, 1.0), initial=0.0))


def compared(optimizer: str, schedule: str, problem: str) -> dict[str, object]:
    """One batch of 64 lanes, and some of its lanes alone."""
    runs = osc.grid(problem, optimizer, schedule, lr=RATES, seed=range(8), start="random", steps=STEPS)
    results = osc.run(runs, trace="loss")
    losses = dict(list(results.trace.groupby("run_id")["loss"]))
    # Eight seeds a rate: another two of them for each.
    chosen = [runs[8 * rate + (rate + seed) % 8] for rate in range(8) for seed in range(0, 8, 8 * 8 // COMPARED)]
    alone = osc.run(chosen, engine="single", trace="loss").trace
    worst = max(
        worst_difference(losses[run_id].to_numpy(), own.to_numpy())
        for run_id, own in alone.groupby("run_id")["loss"]
    )  # fmt: skip
    tiers = ", ".join(sorted(set(results.runs["engine"])))
    return {
        "optimizer": optimizer,
        "schedule": schedule,
        "problem": problem,
        "tier": tiers,
        "lanes": len(chosen),
        "worst": worst,
    }


@pytest.mark.timeout(1800)  # on a machine that others use, too
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_conformance(benchmark, tell: Callable[[str], None], optimizer: str) -> None:
    torch.set_num_threads(1)

    def all_of_it() -> pd.DataFrame:
        return pd.DataFrame([compared(optimizer, schedule, name) for schedule in SCHEDULES for name in PROBLEMS])

    begin = time.perf_counter()
    frame = benchmark.pedantic(all_of_it, rounds=1)
    exact = int((frame["worst"] == 0).sum())
    benchmark.extra_info.update(
        cells=len(frame), exact=exact, worst=float(frame["worst"].max()), tiers=sorted(set(frame["tier"]))
    )
    tell(
        f"{optimizer}: {exact} of {len(frame)} cells equal to the bit, worst {frame['worst'].max():.2g}, "
        f"{', '.join(sorted(set(frame['tier'])))}, {time.perf_counter() - begin:.0f} s"
    )
    path = Path(__file__).parent.parent / "results" / "conformance.csv"
    before = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=frame.columns)
    kept = before[before["optimizer"] != optimizer]
    whole = pd.concat([kept, frame], ignore_index=True) if len(kept) else frame
    whole.sort_values(["optimizer", "schedule", "problem"]).to_csv(path, index=False)
    assert (frame["worst"] <= 1e-9).all(), frame[frame["worst"] > 1e-9].to_string()
