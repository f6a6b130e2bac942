"""Many processes: what one process gives, whoever dies; nothing lost, nothing doubled."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from concurrent.futures import Future

import pytest
import torch

import optiscope as osc
from optiscope.engine import workers
from optiscope.engine.chooser import Verdicts, batches
from optiscope.engine.shares import pieces
from optiscope.engine.work import Settings, answer, pack
from optiscope.engine.workers import DEATHS, Died, Processes, stream
from optiscope.record import as_trace

DROP = ["wall_s", "provenance_id", "engine"]  # smaller batches may be left to the plain loop
pytestmark = pytest.mark.usefixtures("same_processes")
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


def same(one: osc.Results, two: osc.Results):
    assert two.runs.drop(columns=DROP).equals(one.runs.drop(columns=DROP))
    order = ["run_id", "step"]
    assert two.trace.sort_values(order, ignore_index=True).equals(one.trace.sort_values(order, ignore_index=True))


class Scripted:
    """A pool in this process. `deadly(number, alone)` says whether a unit kills its worker; all that is out comes back."""

    def __init__(self, deadly, workers=2):
        self.workers, self.room, self.deadly = workers, workers + 1, deadly
        self.out, self.known = {}, []

    def submit(self, number, packed):
        assert len(self.out) < self.room
        self.out[number] = packed

    def answers(self):
        first = next(iter(self.out))
        if any(self.deadly(number, len(self.out) == 1) for number in self.out):
            back, self.out = list(self.out), {}
            return [(number, Died()) for number in back]
        return [(first, answer(self.out.pop(first)))]


def units_of(runs, workers=2):
    return list(batches(runs, as_trace("none"), 2**29, workers))


SETTINGS = Settings("auto", as_trace("none"), "cpu", "result")


@pytest.fixture
def runs(bowl):
    return osc.grid(["beale", bowl, "booth"], ["SGD", "Adam"], lr=[1e-3, 1e-2], seed=range(4), start="random", steps=3)


@pytest.mark.parametrize("seed", range(10))
def test_each_unit_comes_once_whoever_dies(runs, seed):
    rng, deaths = random.Random(seed), Counter()

    def deadly(number, alone):
        # Each unit kills as often as it may without being given up, when it likes to.
        if not alone and deaths[number] < DEATHS - 2 and rng.random() < 0.4:
            deaths[number] += 1
            return True
        return False

    units = units_of(runs)
    came = list(stream(units, SETTINGS, Verdicts(), Scripted(deadly)))
    assert sorted(one.run_id for unit, _ in came for one in unit) == sorted(one.run_id for one in runs)
    for unit, found in came:
        assert found.batch.runs["run_id"].to_pylist() == [one.run_id for one in unit]


@pytest.mark.parametrize("killer", range(6))
def test_only_the_unit_that_kills_is_given_up(runs, killer):
    units = units_of(runs)
    came = []
    pool = Scripted(lambda number, alone: number == killer)
    with pytest.raises(osc.WorkerError, match="everything else is finished") as error:
        came.extend(unit for unit, _ in stream(units, SETTINGS, Verdicts(), pool))
    assert sorted(map(id, came)) == sorted(id(unit) for unit in units if unit is not units[killer])
    text = str(error.value)
    assert units[killer][0].run_id in text
    assert f"{units[killer][0].optimizer.name} on {units[killer][0].problem.name}" in text
    assert "\n" not in text


def test_where_no_worker_lives_it_ends(runs):
    with pytest.raises(osc.WorkerError, match="without finishing anything: 6 of 6 pieces"):
        list(stream(units_of(runs), SETTINGS, Verdicts(), Scripted(lambda number, alone: True)))


def test_verdicts_are_proved_once_and_passed_on(bowl):
    runs = osc.grid(bowl, ["SGD", "Adam"], lr=0.01, seed=range(40), start="random", steps=3)
    lanes = [runs[:40], runs[40:]]
    units = [half for kind in lanes for half in (kind[:20], kind[20:])]
    verdicts = Verdicts()
    fresh = [
        len(found.verdicts) for _, found in stream(units, SETTINGS, verdicts, Scripted(lambda *_: False, workers=1))
    ]
    assert sorted(fresh) == [0, 0, 1, 1]
    assert len(verdicts.fresh) == 2


def test_one_cell_is_cut_for_all_workers(bowl):
    runs = osc.grid(bowl, "Adam", lr=0.01, seed=range(10_000), start="random", steps=5)
    assert [len(unit) for unit in units_of(runs, 2)] == [5_000, 5_000]
    assert [len(unit) for unit in units_of(runs, 1)] == [10_000]


@pytest.mark.parametrize(
    ("lanes", "workers", "cut"),
    [
        ([100_000], 2, [2]), ([100_000] * 2, 2, [1, 1]), ([1_000] * 28, 2, [1] * 28), ([100_000, 10], 2, [2, 1]),
        ([5], 1, [1]), ([2], 8, [2]),
    ],
)  # fmt: skip
def test_pieces(bowl, lanes, workers, cut):
    runs = osc.grid(bowl, "Adam", lr=0.01, steps=5)
    assert pieces([runs * count for count in lanes], workers) == cut


def test_what_is_written_by_hand_travels(bowl):
    class Signs(torch.optim.Optimizer):
        def __init__(self, params, lr=1e-3):
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.sub_(group["lr"] * parameter.grad.sign())

    halves = osc.ScheduleSpec("halves", lambda opt, steps: torch.optim.lr_scheduler.StepLR(opt, steps // 2, 0.5))
    runs = osc.grid(
        bowl, osc.OptimizerSpec("Signs", Signs), halves, lr=[0.1, 0.2], seed=range(3), start="random", steps=10
    )
    one, two = osc.run(runs), osc.run(runs, jobs=2)
    same(one, two)


def test_what_cannot_travel_is_one_line():
    lock = threading.Lock()
    held = osc.Problem("held", lambda x: lock and x[..., 0] ** 2, start=(1.0,))
    with pytest.raises(
        osc.InputError, match="^held cannot go to another process: cannot pickle.*; jobs=1 runs it here$"
    ):
        osc.run(osc.grid(["beale", held], "SGD", lr=[0.1, 0.2], steps=3), jobs=2)


@pytest.mark.parametrize("change", ["version", "module"])
def test_what_a_worker_lacks_is_one_line(runs, change, monkeypatch, tmp_path):
    if change == "version":
        packed = pack(runs[:1], SETTINGS, {})
        monkeypatch.setattr(torch, "__version__", "9.9")
        expected = "has torch 9.9, the process that asked has 2"
    else:
        (tmp_path / "homemade.py").write_text("def loss(x):\n    return x[..., 0] ** 2\n")
        monkeypatch.syspath_prepend(tmp_path)
        import homemade

        packed = pack(osc.grid(osc.Problem("made", homemade.loss, start=(1.0,)), "SGD", steps=1), SETTINGS, {})
        monkeypatch.undo()
        del sys.modules["homemade"]
        expected = "cannot import what a spec is made of (No module named 'homemade')"
    assert expected in answer(packed).text


def test_each_row_names_the_process_that_ran(bowl, tmp_path):
    threads = torch.get_num_threads()
    runs = osc.grid(bowl, "SGD", lr=0.1, seed=range(4), steps=3)
    try:
        torch.set_num_threads(threads + 1)
        osc.run(runs[:2], store=tmp_path)
        osc.run(runs, store=tmp_path, jobs=2, engine="single")
    finally:
        torch.set_num_threads(threads)
    store = osc.Store(tmp_path)
    facts = store.runs()["provenance_id"].map(store.provenance())
    assert sorted(one["threads"] for one in facts) == [1, 1, threads + 1, threads + 1]


def killing_once(flag):
    """f(x) = x², whose first worker is killed at the 40th look at it."""
    home, looks = os.getpid(), Counter()

    def loss(x):
        import os
        import signal

        looks[os.getpid()] += 1
        if os.getpid() != home and looks[os.getpid()] == 40 and not os.path.exists(flag):
            with open(flag, "w"):
                os.kill(os.getpid(), signal.SIGKILL)
        return (x**2).sum(-1)

    return osc.Problem("deadly", loss, start=(1.0, 2.0), bounds=((-2.0, 2.0), (-2.0, 2.0)))


@needs_kill
def test_a_process_killed_half_way_changes_nothing(bowl, tmp_path):
    deadly = killing_once(str(tmp_path / "flag"))
    runs = osc.grid(["beale", bowl, deadly], ["SGD", "Adam"], lr=[1e-2, 1e-3], seed=range(5), start="random", steps=60)
    one = osc.run(runs)
    seen = []
    two = osc.run(runs, store=tmp_path / "store", jobs=2, progress=seen.extend)
    assert (tmp_path / "flag").exists()
    same(one, two)
    assert sorted(run.run_id for run in seen) == sorted(run.run_id for run in runs)
    assert len(osc.Store(tmp_path / "store").runs()) == len(runs)


INTERRUPTED = """
    import signal
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    from optiscope.cli import main
    main(["run", "long.toml", "--jobs", "2", "--verbose"])
"""
LONG = """
    name = "long"
    problems = ["rosenbrock"]
    optimizers = ["SGD"]
    schedules = ["StepLR(step_size=9999)"]
    lr = 1e-4
    seeds = 100
    start = "random"
    steps = 1000
"""


@needs_kill
def test_ctrl_c_keeps_what_is_finished_and_ends_the_processes(tmp_path):
    """The interrupt goes to the whole group of processes, as a terminal sends it."""
    psutil = pytest.importorskip("psutil", reason="looks at other processes")
    (tmp_path / "long.toml").write_text(textwrap.dedent(LONG))
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED)], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert "never acts" in running.stderr.readline()  # what each run says at its end
    started = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("optiscope: interrupted; finished runs are kept")
    assert len(started) >= 2
    assert psutil.wait_procs(started, timeout=30)[1] == []
    kept = osc.Store(tmp_path / "results/long").runs()
    assert 1 <= len(kept) < 100


@needs_kill
def test_processes_end_with_a_parent_that_is_killed(tmp_path):
    psutil = pytest.importorskip("psutil", reason="looks at other processes")
    (tmp_path / "long.toml").write_text(textwrap.dedent(LONG))
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert "never acts" in running.stderr.readline()
    started = psutil.Process(running.pid).children(recursive=True)
    assert len(started) >= 2
    running.kill()
    running.wait(timeout=30)
    # Who is left an orphan may be reaped by nobody: a zombie holds nothing.
    left = [one for one in psutil.wait_procs(started, timeout=30)[1] if one.status() != psutil.STATUS_ZOMBIE]
    assert left == []
    running.stderr.close()


@needs_kill
def test_ctrl_c_in_the_midst_of_handing_out_waits_until_the_unit_is_known(monkeypatch):
    """loky's own thread dies of a KeyError if it is shut down with a unit that nobody waited for."""
    unit, other = Future(), threading.Event()

    class Interrupted:
        def submit(self, *_):
            os.kill(os.getpid(), signal.SIGINT)  # to whichever thread does not block it
            other.wait(0.05)
            return unit

    listener = threading.Thread(target=other.wait, args=(30,))
    listener.start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(workers, "_executor", lambda jobs: Interrupted())
    pool = Processes(2)
    try:
        with pytest.raises(KeyboardInterrupt):
            pool.submit(7, b"")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
        other.set()
        listener.join()
    unit.set_result("what came of it")
    assert list(pool.answers()) == [(7, "what came of it")]


def test_processes_are_a_pool():
    pool = Processes(3)
    assert (pool.workers, pool.room) == (3, 4)
    pool.close()
