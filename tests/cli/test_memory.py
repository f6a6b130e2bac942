"""`--memory-mb`: what a batch of lanes may take, from the command line to the engine."""

import inspect

import pytest

import optiscope as osc
from optiscope import study as module
from optiscope.cli import exit_code
from optiscope.cli.commands import demo, run

STUDY = 'name = "tiny"\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = [1e-3]\nseeds = 2\nsteps = 5\n'


@pytest.mark.parametrize("command", [demo, run, osc.run, module.Study.run])
def test_one_default_everywhere(command):
    assert inspect.signature(command).parameters["memory_mb"].default == 512


@pytest.mark.parametrize("command", ["run", "demo"])
def test_help_states_it(command, capsys):
    assert exit_code([command, "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "--memory-mb MB" in told
    assert "[default: 512" in told


def test_it_reaches_the_engine_and_the_page(tmp_path, monkeypatch, capsys):
    (tmp_path / "study.toml").write_text(STUDY)
    seen = []

    def spy(runs, **settings):
        seen.append(settings["memory_mb"])
        return osc.run(runs, **settings)

    monkeypatch.setattr(module, "run", spy)
    assert exit_code(["run", str(tmp_path / "study.toml"), "--memory-mb", "7", "--results", str(tmp_path)]) == 0
    assert seen == [7]
    assert "--memory-mb 7" in (tmp_path / "tiny" / "report.md").read_text()


@pytest.mark.parametrize("given", ["0", "-1", "much", "1.5"])
def test_what_is_no_amount_is_one_line(given, tmp_path, capsys):
    (tmp_path / "study.toml").write_text(STUDY)
    assert exit_code(["run", str(tmp_path / "study.toml"), f"--memory-mb={given}", "--results", str(tmp_path)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "--memory-mb" in line
    assert given in line
    assert not (tmp_path / "tiny").exists()
