"""A Dask cluster, started by the commands that the README shows: what one process gives, whoever dies."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

import optiscope as osc
from optiscope.cli import exit_code
from optiscope.engine import cluster as module

pytest.importorskip("distributed", reason="needs the extra `cluster`")

DROP = ["wall_s", "provenance_id", "engine"]  # smaller batches may be left to the plain loop


class Commands:
    """A scheduler and workers, each a process of its own that can be killed."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.address = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", until=r"Scheduler at: +(tcp://\S+)"
        )

    def _start(self, *words, until):
        log = self.folder / f"{len(self.processes)}.log"
        with log.open("w") as handle:
            command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
            self.processes.append(subprocess.Popen(command, stderr=handle))
        while not (found := re.search(until, log.read_text())):
            assert self.processes[-1].poll() is None, log.read_text()
            time.sleep(0.05)
        return found[1]

    def worker(self):
        self._start("worker", self.address, "--nthreads", "1", "--no-nanny", until=r"(Registered) to")
        return self.processes[-1]

    def end(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def commands(tmp_path_factory):
    started = Commands(tmp_path_factory.mktemp("cluster"))
    try:
        started.worker()
        yield started
    finally:
        started.end()


def same(one, two):
    assert two.runs.drop(columns=DROP).equals(one.runs.drop(columns=DROP))
    order = ["run_id", "step"]
    assert two.trace.sort_values(order, ignore_index=True).equals(one.trace.sort_values(order, ignore_index=True))


def test_lanes_stay_lanes_on_a_worker_whose_threads_draw(commands):
    # Dask's own threads draw from Python's generator some four times a second: this takes longer than that.
    runs = osc.grid("ackley", ["SGD", "Adam"], lr=[1e-2, 1e-3], seed=range(20), start="random", steps=1500)
    found = osc.run(runs, cluster=commands.address, trace="none").runs
    assert set(found["engine"]) == {"stacked"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_worker_killed_half_way_changes_nothing(commands, bowl, tmp_path):
    runs = osc.grid(
        ["beale", bowl, "booth", "rosenbrock"], ["SGD", "Adam", "RMSprop"], lr=[1e-2, 1e-3], seed=range(10),
        start="random", steps=50,
    )  # fmt: skip
    one = osc.run(runs)
    victim = commands.worker()
    seen = []

    def tell(some):
        if not seen:
            victim.send_signal(signal.SIGKILL)
            assert victim.wait() == -signal.SIGKILL
        seen.extend(some)

    two = osc.run(runs, store=tmp_path, cluster=commands.address, progress=tell)
    same(one, two)
    assert victim.poll() is not None
    assert sorted(run.run_id for run in seen) == sorted(run.run_id for run in runs)
    assert len(osc.Store(tmp_path).runs()) == len(runs)
    assert set(two.runs["provenance_id"]) <= set(osc.Store(tmp_path).provenance())


def test_a_search_over_a_cluster(commands):
    # A loss of this test's own, which no worker could import.
    hill = osc.Problem("hill", lambda x: (x**2).sum(-1), start=(1.0, 2.0))
    found = osc.tune(hill, "SGD", steps=20, cluster=commands.address)
    assert found.table.equals(osc.tune(hill, "SGD", steps=20).table)


def test_what_a_worker_cannot_import_is_one_line(commands, tmp_path, monkeypatch):
    (tmp_path / "homemade.py").write_text("def loss(x):\n    return x[..., 0] ** 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    import homemade

    problem = osc.Problem("made", homemade.loss, start=(1.0,))
    with pytest.raises(osc.InputError, match=r"cannot import what a spec is made of \(No module named 'homemade'\)"):
        osc.run(osc.grid(problem, "SGD", steps=3), cluster=commands.address)


def test_a_device_is_looked_for_on_the_workers(commands, bowl):
    with pytest.raises(osc.InputError, match="device 'abacus' cannot be used here"):
        osc.run(osc.grid(bowl, "SGD", steps=3), cluster=commands.address, device="abacus")


def test_run_on_the_command_line(commands, tmp_path, capsys):
    (tmp_path / "study.toml").write_text(
        'name = "tiny"\nproblems = ["beale"]\noptimizers = ["SGD", "Adam"]\nlr = [1e-3, 1e-2]\nseeds = 2\nsteps = 5\n'
    )
    command = ["run", str(tmp_path / "study.toml"), "--cluster", commands.address, "--results", str(tmp_path)]
    assert exit_code(command) == 0
    assert len(osc.Store(tmp_path / "tiny").runs()) == 8
    assert capsys.readouterr().err == ""


def test_a_scheduler_that_goes_away_is_one_line(bowl, tmp_path):
    (tmp_path / "logs").mkdir()
    started = Commands(tmp_path / "logs")
    try:
        started.worker()

        def tell(_):
            started.processes[0].kill()

        runs = osc.grid([bowl, "beale"], ["SGD", "Adam"], lr=[0.01, 0.001], seed=range(10), start="random", steps=20)
        with pytest.raises(osc.WorkerError, match="was lost; the same call goes on when it is there again"):
            osc.run(runs, store=tmp_path / "s", cluster=started.address, progress=tell)
    finally:
        started.end()
    assert 0 < len(osc.Store(tmp_path / "s").runs()) < len(runs)


def test_nobody_there_is_one_line_within_ten_seconds(tmp_path, capsys, monkeypatch):
    assert module.CONNECT_SECONDS <= 8
    monkeypatch.setattr(module, "CONNECT_SECONDS", 1.0)
    (tmp_path / "study.toml").write_text('name = "tiny"\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = 1e-3\n')
    begin = time.monotonic()
    command = ["run", str(tmp_path / "study.toml"), "--results", str(tmp_path), "--cluster", "tcp://127.0.0.1:1"]
    assert exit_code(command) == 2
    assert time.monotonic() - begin < module.CONNECT_SECONDS + 4
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("optiscope: no Dask scheduler answers at tcp://127.0.0.1:1: ")
    assert sorted(os.listdir(tmp_path)) == ["study.toml"]


@pytest.mark.parametrize(
    "address", ["", "localhost", "localhost:8786", "tcp://localhost", "tcp://:x", "http://a:1/b", 8786]
)
def test_no_address_is_one_line(address, bowl):
    with pytest.raises(
        osc.InputError, match="^cluster must be the address of a Dask scheduler, such as tcp://host:8786"
    ):
        osc.run(osc.grid(bowl, "SGD", steps=3), cluster=address)


def test_a_scheme_that_there_is_not(bowl):
    with pytest.raises(
        osc.WorkerError, match="no Dask scheduler answers at carrier://pigeon:1: .*unknown address scheme"
    ):
        osc.run(osc.grid(bowl, "SGD", steps=3), cluster="carrier://pigeon:1")


def test_without_the_extra_the_line_says_how_to_get_it(bowl, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(osc.InputError, match=re.escape("needs the extra: pip install optiscope[cluster]")):
        osc.run(osc.grid(bowl, "SGD", steps=3), cluster="tcp://127.0.0.1:8786")


def test_jobs_or_cluster(bowl):
    with pytest.raises(osc.InputError, match="give jobs or cluster, not both"):
        osc.run(osc.grid(bowl, "SGD", steps=3), jobs=2, cluster="tcp://127.0.0.1:8786")
