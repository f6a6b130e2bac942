"""The study of a peer's own picture script, whole: 31 optimizers, two functions, 200 rates each, 100 steps.

torch-optimizer 0.3 searches 200 rates an optimizer and function, one run at a time. Here the same 12,400 runs, on the
same starts and within the same bounds of the rate, go through `osc.run(engine="auto")`, proofs included. The rates are
log-spaced instead of drawn, and no gradient is clipped (there, each is, to a norm of 1).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import optiscope as osc

pytestmark = [pytest.mark.benchmark(group="peer_study"), pytest.mark.only("full")]

STARTS = {"rosenbrock": (-2.0, 2.0), "rastrigin": (-2.0, 3.5)}
RATES, STEPS = 200, 100
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


@pytest.mark.timeout(1800)  # on a machine that others use, too
def test_the_peer_s_study(benchmark: Any, tell: Callable[[str], None]) -> None:
    reason = "torch-optimizer 0.3 is not installed: pip install 'optiscope[bench]'"
    package = pytest.importorskip("torch_optimizer", reason=reason)
    torch.set_num_threads(1)
    specs = {name: spec_of(name, package) for name in BOUNDS}
    assert len(specs) == 31
    seconds: dict[str, float] = {}
    tiers: dict[str, str] = {}
    refused: dict[str, str] = {}

    def study() -> float:
        begin = time.perf_counter()
        for name, spec in specs.items():
            low, high = BOUNDS[name]
            rates = [float(rate) for rate in np.exp(np.linspace(low, high, RATES))]
            for problem, start in STARTS.items():
                own = time.perf_counter()
                try:
                    results = osc.run(osc.grid(problem, spec, lr=rates, start=start, steps=STEPS), trace="none")
                except osc.InputError as error:
                    refused[name] = str(error)
                    continue
                assert len(results.runs) == RATES
                if (results.runs["status"] == "error").any():
                    refused[name] = results.runs["error"].iloc[0]
                    continue
                seconds[f"{name} {problem}"] = time.perf_counter() - own
                tiers[f"{name} {problem}"] = "/".join(sorted(set(results.runs["engine"])))
        return time.perf_counter() - begin

    with warnings.catch_warnings():
        # Written for a torch of 2021: old signatures of add_ and its like, which torch still takes and complains of.
        warnings.simplefilter("ignore")
        begin_cpu = time.process_time()
        wall = benchmark.pedantic(study, rounds=1)
        cpu = time.process_time() - begin_cpu
    slowest = sorted(seconds, key=lambda key: -seconds[key])[:8]
    counts = {tier: sum(one == tier for one in tiers.values()) for tier in ("stacked", "grouped", "single")}
    benchmark.extra_info.update(wall_s=wall, cpu_s=cpu, tiers=tiers, refused=refused, threads=1)
    tell(f"{len(tiers)} of {2 * len(specs)} sweeps of {RATES} x {STEPS} steps")
    tell(f"  {wall:.1f} s, {cpu:.1f} s of them on the CPU; {counts}")
    for key in slowest:
        tell(f"  {key:<28} {tiers[key]:<8} {seconds[key]:.2f} s")
    for name, why in refused.items():
        tell(f"  {name}: {why}")
