"""The study of a peer's own picture script, whole: 31 optimizers, two functions, 200 rates each, 100 steps.

torch-optimizer 0.3 searches 200 rates an optimizer and function, one run at a time. Here the same 12,400 runs, on the
same starts and within the same bounds of the rate, go through one `osc.run(engine="auto", jobs=2)`: the start of both
processes and all proofs are included. The rates are log-spaced instead of drawn, and no gradient is clipped (there,
each is, to a norm of 1). The ratio is to a loop by hand, one run after another in one process: a few runs of each cell
are timed, and stand for the others.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.engine.check import check_runs

pytestmark = [pytest.mark.benchmark(group="peer_study"), pytest.mark.only("full")]

STARTS = {"rosenbrock": (-2.0, 2.0), "rastrigin": (-2.0, 3.5)}
RATES, STEPS, JOBS = 200, 100, 2
BY_HAND = 3  # runs of a cell
# Natural logarithms of the lowest and the highest rate, from the script.
BOUNDS = {
    "torch.optim.Adam": (-8, 0.5), "torch.optim.SGD": (-8, -1.0), "AdaBound": (-8, 0.3), "Adahessian": (-1, 8),
    "AdaMod": (-8, 0.2), "AdamP": (-8, 0.2), "DiffGrad": (-8, 0.4), "Lamb": (-8, -2.9), "MADGRAD": (-8, 0.5),
    "NovoGrad": (-8, -1.7), "RAdam": (-8, 0.5), "Yogi": (-8, 0.1), "AccSGD": (-8, -1.4), "SGDW": (-8, -1.5),
    "SGDP": (-8, -1.5), "PID": (-8, -1.0), "QHM": (-6, -0.2), "QHAdam": (-8, 0.1), "Ranger": (-8, 0.1),
    "RangerQH": (-8, 0.1), "RangerVA": (-8, 0.1), "Shampoo": (-8, 0.1), "LookaheadYogi": (-8, 0.1),
    "AggMo": (-8, -1.5), "SWATS": (-8, -1.5), "Adafactor": (-8, 0.5), "A2GradUni": (-8, 0.1), "A2GradInc": (-8, 0.1),
    "A2GradExp": (-8, 0.1), "AdaBelief": (-8, 0.1), "Apollo": (-8, 0.1),
}  # fmt: skip


def spec_of(name: str, package: Any) -> osc.OptimizerSpec:
    """The optimizer that the script calls by this name."""
    if name.startswith("torch."):
        return osc.OptimizerSpec(name.rpartition(".")[2], name)
    if name == "LookaheadYogi":

        class LookaheadYogi(package.Lookahead):
            """Lookahead around Yogi."""

            def __init__(self, params: Any, lr: float):
                super().__init__(package.Yogi(params, lr=lr))

        return osc.OptimizerSpec(name, LookaheadYogi)
    return osc.OptimizerSpec(name, getattr(package, name))


def by_hand(run: osc.Run, start: tuple[float, float]) -> float:
    """Seconds of a run as one would write it: no record at all."""
    loss_of = run.problem.loss
    assert loss_of is not None
    x = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    begin = time.perf_counter()
    optimizer = run.optimizer.build([x], run.lr)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of(x).backward(create_graph=run.optimizer.name == "Adahessian")  # it asks for second derivatives
        optimizer.step()
    return time.perf_counter() - begin


def seconds_by_hand(runs: list[osc.Run]) -> float:
    """Seconds of all runs by hand, from a few of each cell, those in the middle of its rates."""
    cells: dict[tuple[str, str], list[osc.Run]] = {}
    for one in runs:
        cells.setdefault((one.optimizer.name, one.problem.name), []).append(one)
    total = 0.0
    for (_, problem), own in cells.items():
        middle = own[len(own) // 2 : len(own) // 2 + BY_HAND]
        total += len(own) * statistics.fmean(by_hand(one, STARTS[problem]) for one in middle)
    return total


@pytest.mark.timeout(1800)  # on a machine that others use, too
def test_the_peer_s_study(benchmark: Any, tell: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "torch-optimizer 0.3 is not installed: pip install 'optiscope[bench]'"
    package = pytest.importorskip("torch_optimizer", reason=reason)
    torch.set_num_threads(1)
    specs = {name: spec_of(name, package) for name in BOUNDS}
    assert len(specs) == 31
    # Worker processes read it when they start.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    refused: dict[str, str] = {}

    runs: list[osc.Run] = []

    def study() -> Any:
        for name, spec in specs.items():
            low, high = BOUNDS[name]
            rates = [float(rate) for rate in np.exp(np.linspace(low, high, RATES))]
            try:
                cells = [
                    one for problem, start in STARTS.items()
                    for one in osc.grid(problem, spec, lr=rates, start=start, steps=STEPS)
                ]  # fmt: skip
                check_runs(cells)
            except osc.InputError as error:
                refused[name] = str(error)
                continue
            runs.extend(cells)
        return osc.run(runs, trace="none", jobs=JOBS).runs

    with warnings.catch_warnings():
        # Written for a torch of 2021: old signatures of add_ and its like, which torch still takes and complains of.
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        frame = benchmark.pedantic(study, rounds=1)
        wall = time.perf_counter() - begin
        failing = set(frame.loc[frame["status"] == "error", "optimizer"])
        plain = seconds_by_hand([one for one in runs if one.optimizer.name not in failing])
    assert len(frame) == (len(specs) - len(refused)) * len(STARTS) * RATES
    for name, own in frame[frame["status"] == "error"].groupby("optimizer"):
        refused[str(name)] = f"{len(own)} runs: {own['error'].iloc[0]}"
    cells = frame.groupby(["optimizer", "problem"])["engine"].agg(lambda tiers: "/".join(sorted(set(tiers))))
    counts = cells.value_counts().to_dict()
    benchmark.extra_info.update(
        wall_s=wall, ratio=plain / wall, by_hand_s=plain, jobs=JOBS, threads=1, load=os.getloadavg(), refused=refused,
        tiers={" ".join(map(str, key)): tier for key, tier in cells.items()},
    )  # fmt: skip
    tell(f"{len(frame)} runs of {STEPS} steps, {len(cells)} of {2 * len(specs)} cells: {counts}")
    tell(
        f"  {wall:.1f} s in {JOBS} processes, load {os.getloadavg()[0]:.1f}; by hand in one {plain:.1f} s: "
        f"x{plain / wall:.1f}"
    )
    for name, why in refused.items():
        tell(f"  {name}: {why}")
