"""Two processes against one, and a Dask cluster of two local workers against one: ratios of one run.

Each arm runs the same sweep with one thread of torch a process. The processes are started before the clock is, as they
are once for a whole study; how long that takes is told beside the ratio.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

import optiscope as osc
from optiscope.engine.workers import kept

pytestmark = [pytest.mark.benchmark(group="jobs"), pytest.mark.only("full")]

ROUNDS = 3
# The lanes of a search, and the plain loops of an evaluation; each some ten seconds in one process at its full size.
SWEEPS = {
    "lanes": {"optimizer": ["SGD", "Momentum", "Adam", "RMSprop", "Adagrad", "NAdam"], "seeds": 3_000, "steps": 500},
    "plain": {"optimizer": ["SGD", "Adam"], "seeds": 30, "steps": 500},
}


def sweep(name: str) -> list[osc.Run]:
    """Two functions, random starts; the fewer they are, the less two processes gain over one."""
    axes = SWEEPS[name]
    return osc.grid(
        ["rosenbrock", "ackley"],
        axes["optimizer"],
        lr=1e-3,
        seed=range(axes["seeds"]),
        start="random",
        steps=axes["steps"],
    )


def seconds(runs: list[osc.Run], engine: str, **where: int | str) -> float:
    """Wall seconds of `osc.run` and its frame."""
    begin = time.perf_counter()
    results = osc.run(runs, engine=engine, trace="none", **where)  # type: ignore[arg-type]
    assert len(results.runs) == len(runs)
    return time.perf_counter() - begin


@contextmanager
def local_cluster() -> Iterator[str]:
    """A scheduler and two worker processes of one thread each."""
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as made:
        yield made.scheduler_address


def compare(runs: list[osc.Run], engine: str, rounds: int, where: dict[str, int | str]) -> tuple[float, float, float]:
    """Median ratio of one process to two, median seconds of one, seconds until two are up."""
    some = runs[:: max(1, len(runs) // 24)]  # enough that each process gets its share, and imports torch for it
    start = seconds(some, engine, **where)
    alone, ratios = [], []
    for _ in range(rounds):
        alone.append(seconds(runs, engine))
        ratios.append(alone[-1] / seconds(runs, engine, **where))
    return statistics.median(ratios), statistics.median(alone), start


def report(
    benchmark, tell: Callable[[str], None], what: str, measure: Callable[[], tuple[float, float, float]]
) -> None:
    torch.set_num_threads(1)
    ratio, alone, start = benchmark.pedantic(measure, rounds=1)
    benchmark.extra_info.update(
        threads=1, cores=os.cpu_count(), ratio=ratio, seconds_alone=alone, seconds_to_start=start
    )
    tell(f"{what}: x{ratio:.2f}, {alone:.1f} s alone; two were up after {start:.1f} s")


@pytest.mark.parametrize("case", SWEEPS)
def test_two_jobs_against_one(benchmark, tell: Callable[[str], None], case: str) -> None:
    def measure() -> tuple[float, float, float]:
        with kept():
            engine = "auto" if case == "lanes" else "single"
            return compare(sweep(case), engine, ROUNDS, {"jobs": 2})

    report(benchmark, tell, f"two jobs, {case}", measure)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of a cluster in this process, closed by the collector
@pytest.mark.parametrize("case", SWEEPS)
def test_a_cluster_of_two_against_one_process(benchmark, tell: Callable[[str], None], case: str) -> None:
    def measure() -> tuple[float, float, float]:
        with local_cluster() as address:
            engine = "auto" if case == "lanes" else "single"
            return compare(sweep(case), engine, ROUNDS, {"cluster": address})

    report(benchmark, tell, f"a cluster of two, {case}", measure)
