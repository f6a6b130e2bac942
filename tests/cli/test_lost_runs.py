"""Runs that come to no end: told, and no success where all of them are."""

import pytest

from optiscope.cli import exit_code

pytestmark = pytest.mark.usefixtures("here")

BROKEN = """
import torch

class Broken(torch.optim.SGD):
    def step(self, closure=None):
        self.count = getattr(self, "count", 0) + 1
        if self.count == 3:
            raise RuntimeError("no\\nmore")
        return super().step(closure)
"""
LOST = 'name = "lost"\nproblems = ["sphere"]\noptimizers = [{}]\nlr = {}\nseeds = 2\nsteps = 6\n'
THE_FIRST = "the first, sphere / brittle.Broken / constant / lr 0.1 / seed 0: RuntimeError: no more"

# SGD multiplies x by 1 - 2e30: the sixth point is near 1e181, and its square is beyond float64.
FLEW = "the first, sphere / SGD / constant / lr 1e+30 / seed 0: "


@pytest.mark.parametrize(
    ("optimizers", "lr", "code", "told"),
    [
        ('"brittle.Broken"', 0.1, 1, f"all 2 runs failed with an error; {THE_FIRST}"),
        ('"SGD"', 1e30, 1, f"all 2 runs diverged; {FLEW}the loss was not finite at step 6"),
        ('"SGD", "brittle.Broken"', 0.1, 0, f"2 of 4 runs failed with an error; {THE_FIRST}"),
        ('"SGD", "brittle.Broken"', [0.1, 1e30], 0, "of 8 runs 4 failed with an error and 2 diverged; " + THE_FIRST),
        ('"SGD"', [0.1, 1e30], 0, f"2 of 4 runs diverged; {FLEW}"),
        ('"SGD"', 0.1, 0, None),
    ],
)  # fmt: skip
def test_runs_that_fail_are_told_and_all_of_them_are_no_success(here, capsys, monkeypatch, optimizers, lr, code, told):
    (here / "brittle.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(here)
    (here / "lost.toml").write_text(LOST.format(optimizers, lr))
    for _ in range(1 + code):  # nor is it one when all that failed is found in the store
        assert exit_code(["run", "lost.toml"]) == code
        out, err = capsys.readouterr()
        assert err.count("\n") == code
        assert (here / "results/lost/report.md").exists()
        line = (err if code else out).splitlines()[-1]
        assert line.startswith(f"optiscope: {told}" if code else f"lost      {told}" if told else "runs ")
        assert ("What won" in out) == (code == 0)
