"""What a study names by import path may lie beside the study."""

import sys

from typer.testing import CliRunner

from optiscope.cli.commands import app


def test_a_study_imports_what_lies_beside_it(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "beside_the_study.py").write_text(
        "import optiscope as osc\nbowl = osc.Problem('own_bowl', lambda x: (x**2).sum(-1), start=(1.0, 1.0))\n"
    )
    (folder / "s.toml").write_text(
        'name = "s"\n[[block]]\nproblems = ["beside_the_study.bowl"]\noptimizers = ["SGD"]\nlr = [0.1]\nsteps = 3\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    done = CliRunner().invoke(app, ["run", "mine/s.toml", "--results", "out"], standalone_mode=True)
    assert done.exit_code == 0, done.output
    assert "own_bowl" in (tmp_path / "out" / "s" / "report.md").read_text()
