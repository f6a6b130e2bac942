"""Every statistic on a large frame: seconds and peak memory, in a process of its own, one thread.

50,000 runs; a million with `--benchmark-full`. Those that read a trace have one of ten rows a run at the shown rate.
`basins` and `noise_floor` are asked of one problem, as their pictures ask them. The peak is that of the statistics: it
is counted anew once the frame is there, where the system can (Linux); elsewhere the making of the frame counts, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from optiscope.measure import Level

pytestmark = pytest.mark.benchmark(group="metrics")

RUNS_A_PROBLEM = 50_000
SCRIPT = """
import json, resource, sys, time
import numpy as np, pandas as pd
from optiscope import metrics
from optiscope.audit import findings

unit = 1 if sys.platform == "darwin" else 1024  # what ru_maxrss counts in
def forget_peak():
    try:
        open("/proc/self/clear_refs", "w").write("5")
    except OSError:
        pass  # not Linux

def peak():
    try:
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e9
    except OSError:
        return resource_peak()

resource_peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
half = 125  # runs a cell: of the search (25 rates on 5 seeds), and of the evaluation

def frame_of():
    problems, optimizers, schedules = int(sys.argv[1]), 25, 8
    cells = problems * optimizers * schedules
    cell = np.repeat(np.arange(cells), 2 * half)
    number = np.tile(np.arange(2 * half), cells)
    tuning = number < half
    rate = np.where(tuning, number % 25, 12)
    problem, optimizer, schedule = cell // 200, cell // 8 % 25, cell % 8
    chance = np.random.default_rng(0).normal(size=len(cell))
    best = 10 + optimizer % 5  # by how many notches of its grid an optimizer's best rate differs from another's
    loss = 10.0 ** (chance * 0.5 - problem % 5 + 0.05 * optimizer - 0.3 * schedule + 0.03 * (rate - best) ** 2 - 2)
    texts = lambda codes, name, names: np.array([f"{name}{i}" for i in range(names)], dtype=object)[codes]
    lost = np.where(chance > 2.2, "diverged", "max_steps")
    return pd.DataFrame({
        "run_id": pd.Series(np.arange(len(cell))).astype(str), "problem": texts(problem, "problem", problems),
        "optimizer": texts(optimizer, "Optimizer", optimizers), "schedule": np.array(
            ["constant"] + [f"Schedule{i}" for i in range(1, 8)], dtype=object)[schedule],
        "lr": 10.0 ** (rate / 4 - 4), "hyperparameters": "{}",
        "seed": np.where(tuning, 1_000_000 + number // 25, number),
        "start": "random", "steps": 500, "dtype": "float64", "device": "cpu", "engine": "single", "status": lost,
        "loss_start": 10.0, "loss_final": loss, "loss_best": loss, "step_best": 400 + number % 100, "steps_done": 500,
        "loss_floor": 0.0, "grad_evals": 500, "wall_s": 0.1, "events": "[]", "error": "",
        "purpose": np.where(tuning, "tuning", "result"), "provenance_id": "here",
    })

def trace_of(shown):
    rows, steps = 10, np.linspace(0, 500, 10).round()
    way = np.linspace(0.0, 1.0, rows)
    end = np.log10(np.maximum(shown["loss_final"].to_numpy(float), 1e-300))
    loss = 10.0 ** (1.0 + (end - 1.0)[:, None] * way)
    return pd.DataFrame({
        "run_id": np.repeat(shown["run_id"].to_numpy(object), rows), "step": np.tile(steps, len(shown)).astype(int),
        "loss": loss.ravel(), "grad_norm": loss.ravel(), "x0": np.tile(1 - way, len(shown)),
        "x1": np.tile(1 - way, len(shown)),
    }).astype({"run_id": "str"})

runs = frame_of()
runs = runs.astype({name: "str" for name in runs.columns if runs[name].dtype == object})  # as a store gives them
here = lambda: peak() if forget_peak() is None else 0.0
found = {"runs": len(runs), "frame_gb": here()}
seconds, cpus = {}, {}

def timed(name, work):
    begin, cpu = time.perf_counter(), time.process_time()
    result = work()
    seconds[name] = time.perf_counter() - begin
    cpus[name] = time.process_time() - cpu
    assert len(result), name
    return result

runs = timed("prepared", lambda: metrics.prepared(runs))
shown = timed("shown_runs", lambda: metrics.shown_runs(runs))
costs = timed("costs", lambda: metrics.costs(shown))
timed("gap", lambda: metrics.gap(runs))
table = timed("comparison", lambda: metrics.comparison(runs))
timed("ranking", lambda: metrics.ranking(table))
timed("best_rates", lambda: metrics.best_rates(runs))
hits = timed("steps_to_target", lambda: metrics.steps_to_target(shown))
timed("success", lambda: metrics.success(hits))
timed("performance_profile", lambda: metrics.performance_profile(hits))
timed("target_ecdf", lambda: metrics.target_ecdf(hits))
del hits
timed("interquartile_mean", lambda: metrics.interquartile_mean(costs))
timed("probability_of_improvement", lambda: metrics.probability_of_improvement(costs))
timed("win_rates", lambda: metrics.win_rates(costs))
timed("average_ranks", lambda: metrics.average_ranks(costs))
timed("paired_tests", lambda: metrics.paired_tests(costs))
timed("tied_ranks", lambda: metrics.tied_ranks(costs))
timed("median_gains", lambda: metrics.median_gains(metrics.schedule_gains(costs)))
trials = timed("trials", lambda: metrics.trials(runs))
timed("expected_best", lambda: metrics.expected_best(trials))
timed("lr_robustness", lambda: metrics.lr_robustness(metrics.lr_curves(runs)))
tuning = timed("costs of the search", lambda: metrics.costs(runs[runs["purpose"] == "tuning"]))
timed("variance_shares", lambda: metrics.variance_shares(tuning))
timed("variance_levels", lambda: metrics.variance_levels(tuning))
del tuning, trials, costs, table
trace = trace_of(shown)
found["trace_rows"] = len(trace)
timed("best_so_far", lambda: metrics.best_so_far(shown, trace))
ended = timed("verdicts", lambda: metrics.verdicts(shown, trace))
timed("endings", lambda: metrics.endings(shown, ended))
one = shown[shown["problem"] == "problem0"].assign(start="(0.5, -0.5)")
timed("basins", lambda: metrics.basins(one, trace, [(0.0, 0.0), (1.0, 1.0)]))
timed("noise_floor", lambda: metrics.noise_floor(one, trace))
found |= {"total_s": sum(seconds.values()), "total_cpu_s": sum(cpus.values()), "peak_gb": peak()}
timed("audit", lambda: findings(runs))
found |= {"audit_s": seconds.pop("audit"), "audit_cpu_s": cpus.pop("audit"), "audit_peak_gb": peak()}
print(json.dumps(found | {"seconds": seconds, "cpu_seconds": cpus}))
"""


def metrics_cases(level: Level) -> list[int]:
    """Runs of the frame, 50,000 a problem: in the name, for more runs are other work."""
    return [level.pick(50_000, 50_000, 1_000_000)]


@pytest.mark.timeout(900)  # on a machine that others use, too
@pytest.mark.cases(of=metrics_cases)
def test_every_statistic(benchmark: Any, tell: Callable[[str], None], case: int) -> None:
    def everything() -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(case // RUNS_A_PROBLEM)], capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        assert not done.returncode, done.stderr[-2000:]
        found = json.loads(done.stdout.splitlines()[-1])
        assert found["runs"] == case
        return found

    found = benchmark.pedantic(everything, rounds=1)
    benchmark.extra_info.update(threads=1, load=os.getloadavg(), **found)
    for name, cpu in sorted(found["cpu_seconds"].items(), key=lambda item: -item[1]):
        tell(f"{name:>28}: {found['seconds'][name]:6.2f} s, {cpu:6.2f} on the CPU")
    tell(
        f"{found['runs']:,} runs: {found['total_s']:.1f} s in all, {found['total_cpu_s']:.1f} on the CPU, peak "
        f"{found['peak_gb']:.2f} GB, {found['frame_gb']:.2f} of it the frame; the audit {found['audit_s']:.1f} s more"
    )
