"""Lanes against the same work as a compiled JAX and optax scan: Adam on Rosenbrock in float64, summaries kept.

Both give a frame of each lane's final and best loss, the step of the best, and whether it diverged. In a process of its
own, in one thread each: whole, from the start of Python to the first frame; cold, the first frame without the imports
(with compilation, there); warm, the least of a few further calls. A pair runs side by side, so that both see the same
load; CPU seconds stand beside wall seconds, since other work on the machine lengthens the latter.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optiscope.measure import Level

pytestmark = pytest.mark.benchmark(group="lanes_jax")

STEPS = 500
WARM_ROUNDS = 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

PRELUDE = """
import time
begin = time.perf_counter()
import json, sys
lanes, steps, rounds = map(int, sys.argv[1:])
found = []
def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    frame = work()
    found.append({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu})
    assert len(frame) == lanes
    return frame
"""

OURS = """
import numpy as np, pandas, pyarrow, torch
import torch._dynamo  # the first optimizer that torch builds imports it
import optiscope as osc
torch.set_num_threads(1)
rates = [float(rate) for rate in np.geomspace(1e-4, 1e-1, 10)]
def work():
    runs = osc.grid("rosenbrock", "Adam", lr=rates, seed=range(lanes // 10), start="random", steps=steps)
    frame = osc.run(runs, engine="stacked", trace="none").runs
    return frame[["lr", "seed", "loss_final", "loss_best", "step_best", "status"]]
"""

THEIRS = """
import functools
import jax, jax.numpy as jnp, numpy as np, optax, pandas as pd
jax.config.update("jax_enable_x64", True)
rates = np.geomspace(1e-4, 1e-1, 10)

def loss(p):
    return 100 * (p[1] - p[0] ** 2) ** 2 + (1 - p[0]) ** 2

def lane(lr, p):
    adam = optax.adam(lr)
    def body(carry, k):
        p, state, alive, last, best, at = carry
        value, grad = jax.value_and_grad(loss)(p)
        alive = alive & jnp.isfinite(value)
        better = alive & (value < best)
        best, at, last = jnp.where(better, value, best), jnp.where(better, k, at), jnp.where(alive, value, last)
        update, state = adam.update(grad, state, p)
        return (optax.apply_updates(p, update), state, alive, last, best, at), None
    first = (p, adam.init(p), True, jnp.nan, jnp.inf, 0)
    return jax.lax.scan(body, first, jnp.arange(steps + 1))[0][2:]

compiled = jax.jit(jax.vmap(lane))
def work():
    points = np.random.default_rng(0).uniform((-2, -1), (2, 3), (lanes, 2))
    lr = np.tile(rates, lanes // 10)
    alive, last, best, at = (np.asarray(part) for part in compiled(lr, points))
    return pd.DataFrame({"lr": lr, "loss_final": last, "loss_best": best, "step_best": at, "diverged": ~alive})
"""

FINISH = """
timed(work)
whole = {"wall_s": time.perf_counter() - begin, "cpu_s": time.process_time()}
for _ in range(rounds):
    frame = timed(work)
print(json.dumps({"whole": whole, "cold": found[0], "warm": min(found[1:], key=lambda one: one["cpu_s"]),
                  "median_best": float(frame["loss_best"].median())}))
"""


def measured(script: str, lanes: int) -> dict[str, Any]:
    """What a process of its own reports of a script."""
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    command = [sys.executable, "-c", PRELUDE + script + FINISH, str(lanes), str(STEPS), str(WARM_ROUNDS)]
    done = subprocess.run(
        command, env=os.environ | ONE_THREAD | {"XLA_FLAGS": flags}, capture_output=True, text=True, check=False,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert not done.returncode, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def side_by_side(lanes: int) -> dict[str, dict[str, Any]]:
    """Both scripts at once."""
    found: dict[str, dict[str, Any]] = {}

    def keep(name: str, script: str) -> None:
        found[name] = measured(script, lanes)

    threads = [threading.Thread(target=keep, args=pair) for pair in (("ours", OURS), ("jax", THEIRS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def lane_counts(level: Level) -> list[int]:
    return level.pick([10_000], [10_000], [1_000, 10_000, 100_000])


@pytest.mark.only("default")
@pytest.mark.timeout(900)  # on a machine that others use, too
@pytest.mark.cases(of=lane_counts)
def test_lanes_against_a_compiled_scan(benchmark: Any, tell: Callable[[str], None], case: int) -> None:
    lanes = case
    for name in ("jax", "optax"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed: pip install 'optiscope[bench]'")
    found = benchmark.pedantic(side_by_side, args=(lanes,), rounds=1)
    ours, theirs = found["ours"], found["jax"]
    # The same work: both get as far (starts are drawn otherwise).
    assert 0.5 < (ours["median_best"] + 1e-3) / (theirs["median_best"] + 1e-3) < 2
    benchmark.extra_info.update(threads=1, lanes=lanes, steps=STEPS, load=os.getloadavg(), **found)
    tell(f"{lanes} lanes x {STEPS} steps, load {os.getloadavg()[0]:.1f}")
    for when in ("whole", "cold", "warm"):
        a, b = ours[when], theirs[when]
        benchmark.extra_info[f"ratio_{when}_by_cpu"] = b["cpu_s"] / a["cpu_s"]
        tell(
            f"  {when}: {a['wall_s']:.2f} s ({a['cpu_s']:.2f} CPU), compiled scan {b['wall_s']:.2f} s "
            f"({b['cpu_s']:.2f} CPU): x{b['cpu_s'] / a['cpu_s']:.2f} by CPU, x{b['wall_s'] / a['wall_s']:.2f} by wall"
        )
