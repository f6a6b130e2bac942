"""A large store, of a million runs at its full size: opening it for a rerun, and filtered reads against reading it
whole, before and after compaction. The ratios are of one run of the benchmark, both arms on the same files."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import optiscope as osc
from optiscope.measure import Level
from optiscope.record import Batch, runs_table

pytestmark = pytest.mark.benchmark(group="store")

PROBLEMS = np.array(["rosenbrock", "beale", "ackley", "rastrigin", "sphere"])
OPTIMIZERS = np.array(["SGD", "Momentum", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Rprop"])
WHERE = {"problem": "beale", "optimizer": ["SGD", "Adam"], "status": "max_steps"}


def batch_of(first: int, count: int) -> Batch:
    """Runs as a sweep leaves them, without a trace: rates innermost, then optimizers, problems and seeds."""
    i = np.arange(first, first + count)
    ids = (i.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).tolist()  # odd, so that no two are alike
    loss = np.random.default_rng(first).random((4, count))
    return Batch(
        runs_table({
            "run_id": [f"{one:016x}" for one in ids],
            "problem": PROBLEMS[i // 200 % 5].tolist(), "optimizer": OPTIMIZERS[i // 20 % 10].tolist(),
            "schedule": "constant", "lr": 10.0 ** (i % 20 / 4 - 5), "hyperparameters": '{"optimizer": {}}',
            "seed": i // 1000, "start": "random", "steps": 500, "dtype": "float64", "device": "cpu",
            "engine": "stacked", "status": np.where(i % 97 == 0, "diverged", "max_steps").tolist(),
            "loss_start": loss[0], "loss_final": loss[1], "loss_best": loss[2], "step_best": i % 500,
            "steps_done": 500, "loss_floor": 0.0, "grad_evals": 500, "wall_s": loss[3], "events": "[]", "error": None,
            "purpose": "result", "provenance_id": "0123456789abcdef",
        })
    )  # fmt: skip


def store_cases(level: Level) -> list[tuple[int, int]]:
    """(runs, parts)"""
    return level.pick([(10_000, 10)], [(100_000, 10), (100_000, 200)], [(1_000_000, 10), (1_000_000, 2_000)])


def filled(folder: Path, runs: int, parts: int) -> str:
    store = osc.Store(folder)
    for first in range(0, runs, runs // parts):
        store.append(batch_of(first, runs // parts))
    return str(folder)


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def reads(path: str, runs: int) -> dict[str, float]:
    """Median seconds, of three rounds in turn, of what a rerun and a report ask of a store; opened anew each time."""
    ids = [f"{(k * 0x9E3779B97F4A7C15) % 2**64:016x}" for k in range(0, runs, runs // 1000)]
    assert osc.Store(path).finished([*ids, "none"]).sum() == 1000
    arms: dict[str, Callable[[], object]] = {
        "open_done": lambda: osc.Store(path).done(),
        "open_finished_1000": lambda: osc.Store(path).finished(ids),
        "whole": lambda: osc.Store(path).runs(),
        "filtered": lambda: osc.Store(path).runs(**WHERE),
        "filtered_3_columns": lambda: osc.Store(path).runs(**WHERE, columns=["optimizer", "lr", "loss_final"]),
    }
    rounds = [{name: seconds(arm) for name, arm in arms.items()} for _ in range(3)]
    return {name: statistics.median(one[name] for one in rounds) for name in arms}


@pytest.mark.cases(of=store_cases)
def test_a_large_store(benchmark, tell: Callable[[str], None], tmp_path: Path, case: tuple[int, int]) -> None:
    runs, parts = case
    path = filled(tmp_path, runs, parts)
    before = reads(path, runs)
    expected = osc.Store(path).runs(**WHERE).sort_values("run_id", ignore_index=True)
    begin = time.perf_counter()
    done = osc.Store(path).compact()
    compact_s = time.perf_counter() - begin
    after = benchmark.pedantic(lambda: reads(path, runs), rounds=1)
    assert done.runs == len(osc.Store(path).done()) == runs
    assert osc.Store(path).runs(**WHERE).sort_values("run_id", ignore_index=True).equals(expected)
    benchmark.extra_info.update(
        parts_before=done.parts_before, parts_after=done.parts_after, bytes_before=done.bytes_before,
        bytes_after=done.bytes_after, compact_s=compact_s,
        **{f"{name}_s_before": s for name, s in before.items()}, **{f"{name}_s_after": s for name, s in after.items()},
        **{f"ratio_{name}": after["whole"] / after[name] for name in after if name.startswith("filtered")},
        **{f"ratio_compaction_{name}": before[name] / after[name] for name in after},
    )  # fmt: skip
    tell(f"{runs:,} runs in {done.parts_before:,} parts, folded into {done.parts_after} in {compact_s:.1f} s")
    for name in before:
        tell(
            f"{name:>20}: {before[name]:6.2f} s (whole x{before['whole'] / before[name]:.1f}), "
            f"compacted {after[name]:6.2f} s (whole x{after['whole'] / after[name]:.1f})"
        )
