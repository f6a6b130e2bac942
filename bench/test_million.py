"""A million lanes: the peak memory of a whole sweep with its frame, in a process of its own.

The ratio is that of all that the sweep held at its peak, beyond what is imported, to the frame that it returns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.benchmark(group="million"), pytest.mark.only("full")]

SCRIPT = """
import json, resource, sys, time
import numpy as np, torch
import optiscope as osc

torch.set_num_threads(1)
unit = 1 if sys.platform == "darwin" else 1024  # what ru_maxrss counts in
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
found = {"imported_gb": peak()}
rates = [float(rate) for rate in np.geomspace(1e-4, 1e-1, 10)]
wall, cpu = time.perf_counter(), time.process_time()
runs = osc.grid("rosenbrock", "Adam", lr=rates, seed=range(100_000), start="random", steps=20)
found["grid_gb"] = peak()
results = osc.run(runs, engine="auto", trace="none")
found["run_gb"] = peak()
frame = results.runs
assert len(frame) == 1_000_000 and np.isfinite(frame["loss_best"]).all()
found |= {"frame_gb": peak(), "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
held = frame.memory_usage(deep=True).sum() / 1e9
found["overhead_of_the_frame"] = float((found["frame_gb"] - found["imported_gb"]) / held)
print(json.dumps(found))
"""


@pytest.mark.timeout(900)  # on a machine that others use, too
def test_a_million_lanes(benchmark: Any, tell: Callable[[str], None]) -> None:
    def sweep() -> dict[str, float]:
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    found = benchmark.pedantic(sweep, rounds=1)
    benchmark.extra_info.update(threads=1, lanes=1_000_000, load=os.getloadavg(), **found)
    tell(
        f"a million lanes: peak {found['frame_gb']:.2f} GB with the frame, {found['run_gb']:.2f} GB without, "
        f"{found['grid_gb']:.2f} GB for the runs alone, {found['imported_gb']:.2f} GB for what is imported; "
        f"x{found['overhead_of_the_frame']:.2f} of the frame itself; {found['wall_s']:.0f} s, "
        f"{found['cpu_s']:.0f} of them on the CPU"
    )
