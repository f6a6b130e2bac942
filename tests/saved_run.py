"""A small saved benchmark run, as `pytest --benchmark` writes one, for the tests of whatever reads it."""

import json
from pathlib import Path

import numpy as np

FACTS = {
    "optiscope": "0.1.0", "torch": "2.13.0", "python": "3.11.7", "system": "Linux x86_64", "cpu": "Some CPU", "cores": 2,
    "threads": 2, "device": "cpu", "commit": "0123456789abcdef", "dirty": False, "memory_gb": 16.0,
    "machine": "linux-some-cpu-2-cores", "packages": {},
}  # fmt: skip
ROUNDS = 1 + 0.01 * np.linspace(-1, 1, 9)


def bench(group, name, seconds, **extra_info):
    data = [float(value) for value in seconds * ROUNDS]
    stats = {"median": seconds, "q1": data[2], "q3": data[6], "rounds": len(data), "data": data}
    return {
        "group": group, "name": name, "fullname": f"bench/test_{group}.py::{name}", "stats": stats, "extra_info": extra_info
    }  # fmt: skip


def step(optimizer, implementation, seconds, moved, group="step", count=1_000_000, **more):
    rate = moved * count / seconds / 1e9
    return bench(
        group, f"test_{group}[{optimizer}-{implementation}-{count}]", seconds, optimizer=optimizer,
        implementation=implementation, set="resnet50/16", parameters=count, tensors=161, divisor=16, device="cpu",
        dtype="float32", ns_per_parameter=1e9 * seconds / count, bytes_per_parameter=moved, gb_per_s=rate,
        arithmetic=f"… = {moved} bytes a parameter", share_of_copy=rate / 10.0, copy_gb_per_s=10.0,
        share_of_update=rate / 12.0,
        working_set_bytes=count * (moved + 4) // 2, state_bytes_per_parameter=(moved - 12) / 2,
        peak_bytes_per_parameter=moved - 10.0, **more,
    )  # fmt: skip


def convergence(optimizer, steps):
    target = {
        "metric": "gap",
        "target": 1e-6,
        "steps": steps,
        "median_steps": 200,
        "median_s": 0.02,
        "success_rate": 1.0,
    }
    return bench(
        "convergence", f"test_convergence[rosenbrock-{optimizer}]", 0.1, problem="rosenbrock", optimizer=optimizer,
        schedule="constant", steps=500, seeds=list(range(len(steps))), lr=0.1, lr_edge="", targets=[target], us_per_step=100.0,
    )  # fmt: skip


def whole(factor=1.0, late=1.0, reference=0.004, **facts):
    """A run whose steps take `factor` times as long, and which converges `late` times as late."""
    phases = {"batch_s": 1e-4, "forward_s": 3e-3, "backward_s": 5e-3, "step_s": 2e-3}
    benches = [
        step("AdamW", "fused", 0.003 * factor, 28), step("AdamW", "for-loop", 0.012 * factor, 28),
        step("SGD", "foreach", 0.002 * factor, 12), step("Adagrad", "foreach", 0.009 * factor, 20),
        *(step("AdamW", "foreach", 3e-9 * count * factor + 1e-5, 28, "scaling", count) for count in (10**3, 10**5, 10**7)),
        bench("training", "test_training[digits-cnn-AdamW]", 0.01 * factor, problem="digits-cnn", optimizer="AdamW",
              device="cpu", parameters=6090, batch_size=64, samples_per_s=6400, optimizer_share=0.2, **phases),
        bench("scheduler", "test_scheduler[StepLR]", 1e-5 * factor, schedule="StepLR", us_per_step=10.0,
              share_of_training_step=0.02),
        *(bench("lanes", f"test_lanes[{lanes}]", 0.1, lanes=lanes, trace="none", plain_us_a_step=200.0, ratio=lanes / 2,
                stacked_us_a_lane_step=400.0 / lanes) for lanes in (1, 100, 10_000)),
        convergence("Adam", [int(late * value) for value in range(100, 220, 10)]),
    ]  # fmt: skip
    probes = [
        {"kernel": kernel, "bytes": size, "median": rate, "best": 1.1 * rate}
        for size, rates in ((10**6, (40.0, 50.0)), (5 * 10**8, (10.0, 12.0)))
        for kernel, rate in zip(("copy", "update"), rates, strict=True)
    ]
    harness = {
        "level": "default", "whole": True, "threads": 2, "seconds": 240.0, "load_before": 0.1, "load_after": 1.2,
        "bandwidth": {"cpu": {"device": "cpu", "threads": 2, "probes": probes, "copy_gb_per_s": 10.0}},
        "reference": {"cpu": {"what": "AdamW foreach float32, 16 matrices of 256×256", "device": "cpu",
                              "seconds": [float(value) for value in reference * ROUNDS], "median": reference}},
        "lines": [],
    }  # fmt: skip
    return {
        "machine_info": FACTS | facts, "optiscope": harness, "benchmarks": benches, "datetime": "2026-01-02T03:04:05+00:00"
    }  # fmt: skip


def save(folder: Path, number=1, name="default", **changes) -> Path:
    run = whole(**changes)
    path = folder / run["machine_info"]["machine"] / f"{number:04}_{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(run), encoding="utf-8")
    return path
