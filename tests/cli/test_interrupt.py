"""Ctrl-C: finished runs are kept, and there is no traceback."""

import signal
import subprocess
import time

import pytest
from cli_study import process

import optiscope as osc
from optiscope.cli import exit_code

pytestmark = pytest.mark.usefixtures("here")

LONG = """
name = "long"
problems = ["digits-cnn"]
optimizers = ["SGD"]
schedules = ["StepLR(step_size=9999)"]
lr = 0.01
seeds = 8
steps = 16
"""


def test_ctrl_c_keeps_what_is_finished(here, capsys):
    (here / "long.toml").write_text(LONG)
    running = subprocess.Popen(
        process("run", "long.toml", "--verbose"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # Each run says when it is over that its schedule never acted.
    for _ in range(3):
        assert "never acts" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("optiscope: interrupted; finished runs are kept")
    kept = osc.Store(here / "results/long").runs()
    assert 2 <= len(kept) < 8
    # The next call goes on from there: what was kept is what it was, to the second that it took.
    assert exit_code(["run", "long.toml"]) == 0
    assert capsys.readouterr().err == ""  # without --verbose nobody is told that the schedule never acts
    whole = osc.Store(here / "results/long").runs()
    assert sorted(whole["seed"]) == list(range(8))
    times = dict(zip(whole["run_id"], whole["wall_s"], strict=True))
    assert all(times[row.run_id] == row.wall_s for row in kept.itertuples())


def test_ctrl_c_at_any_moment_is_no_traceback(here):
    (here / "long.toml").write_text(LONG)
    running = subprocess.Popen(process("run", "long.toml"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)  # most likely while torch is imported; whenever it is, the same must hold
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT)
    assert running.returncode != 130 or "Traceback" not in err
