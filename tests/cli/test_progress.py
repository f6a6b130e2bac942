"""The bar and its estimate: shares of work, not of runs."""

import io

import pytest
from rich.console import Console

import optiscope as osc
from optiscope.cli.progress import StudyProgress


def bar(work, terminal=True):
    return StudyProgress(work, Console(file=io.StringIO(), force_terminal=terminal, width=100))


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("optiscope.cli.progress.time.monotonic", lambda: now[0])
    return now


def test_the_estimate_learns_what_a_step_costs(bowl, clock):
    runs = osc.grid(bowl, "SGD", lr=[0.01, 0.02, 0.03, 0.04], steps=100)
    with bar({bowl: 400}) as progress:
        clock[0] = 2.0
        progress.finished(runs[:1])
        task = progress._bar.tasks[0]
        # 2 s for the first 100 steps of 400: a quarter is done, 6 s are left.
        assert task.completed == pytest.approx(0.25)
        assert task.fields["left"] == "about 0:06 left"
        clock[0] = 8.0
        progress.finished(runs[1:])
        assert task.completed == 1.0
        assert task.fields["left"] == "about 0:00 left"
        assert progress.runs == 4


def test_what_was_found_in_the_store_says_nothing_about_the_cost(bowl, clock):
    runs = osc.grid(bowl, "SGD", lr=[0.01, 0.02, 0.03, 0.04], steps=100)
    with bar({bowl: 400}) as progress:
        progress.finished(runs[:2])
        clock[0] = 3.0
        progress.finished(runs[2:3])
        assert progress._bar.tasks[0].fields["left"] == "about 0:03 left"


def test_a_network_is_calibrated_before_its_first_run(bowl, clock):
    network = osc.problems()["digits-cnn"]
    with bar({bowl: 1000, network: 60}) as progress:
        progress.calibrated(network, 2.0)
        progress.finished([])
        assert progress._bar.tasks[0].fields["left"] == "about 2:00 left"


def test_a_pipe_gets_no_bar(bowl):
    quiet = bar({bowl: 1}, terminal=False)
    with quiet as progress:
        progress.finished(osc.grid(bowl, "SGD", lr=0.01, steps=1))
    assert quiet._bar.console.file.getvalue() == ""
