"""`optiscope run` and `demo`: what they leave behind, and what they do when called again."""

import re
import warnings

import pytest
from cli_study import STUDY, complaint, files

import optiscope as osc
from optiscope.cli import exit_code, main
from optiscope.study import demo_text

pytestmark = pytest.mark.usefixtures("here")
LITTLE = 'name = "tiny"\nproblems = ["sphere"]\noptimizers = ["SGD"]\nlr = 0.1\nseeds = 1\nsteps = 3\n'


def test_run_leaves_runs_tables_pictures_and_a_page(made):
    folder = made.folder / "results" / "tiny"
    assert made.err == ""  # without --verbose: the rate of half the runs changes at every step
    assert made.out.startswith("What won")
    told = re.findall(r"^(?:report|page|tables|pictures|runs) +(\S+)$", made.out, re.MULTILINE)
    assert len(told) == 5
    assert all((made.folder / path).exists() for path in told)
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".md", ".csv", ".tex"}
    assert len(list((folder / "pictures").glob("*.png"))) == 3
    assert (folder / "study.toml").read_text() == STUDY
    runs = osc.Store(folder).runs()
    assert (runs["purpose"] == "result").sum() == 2 * 2 * 2 * 2
    page = (folder / "report.md").read_text()
    assert "optiscope run" in page
    for picture in re.findall(r"\]\(([^)]+\.png)\)", page):
        assert (folder / picture).exists()


def test_run_again_does_no_work(done, capsys):
    before = files(done)
    assert exit_code(["run", "study.toml"]) == 0
    after = files(done)
    after.pop(done / "study.toml")
    assert after.items() <= before.items()
    assert after.keys() == before.keys() - {done / "study.toml"}


def test_results_go_where_they_are_wanted(here):
    (here / "study.toml").write_text(LITTLE)
    assert exit_code(["run", "study.toml", "--results", "deep/down"]) == 0
    assert (here / "deep/down/tiny/report.md").exists()
    assert not (here / "results").exists()


def test_jobs_make_the_same_runs(done, here, same_processes):
    assert exit_code(["run", "study.toml", "--jobs", "2", "--results", "two"]) == 0
    columns = ["run_id", "lr", "seed", "loss_final", "status"]
    one, two = (
        osc.Store(folder).runs()[columns].sort_values("run_id").reset_index(drop=True)
        for folder in (done, here / "two/tiny")
    )
    assert one.equals(two)


def test_verbose_prints_each_change_of_rate(here, capsys):
    # SGD at 0.5 on x² is at rest after one step: from there on the plateau lasts.
    text = 'name = "loud"\nproblems = ["sphere"]\noptimizers = ["SGD"]\nlr = 0.5\nseeds = 1\nsteps = 30\n'
    plateau = 'schedules = ["ReduceLROnPlateau(patience=3, factor=0.5, min_lr=0.2)", "StepLR(step_size=9999)"]\n'
    (here / "loud.toml").write_text(text + plateau)
    assert exit_code(["run", "loud.toml", "--verbose"]) == 0
    lines = capsys.readouterr().err.splitlines()
    # The second loss is the best there is; the fourth that is no better is one more than the patience.
    assert [line.partition("seed 0: ")[2] for line in lines] == [
        "step 6: lr 0.5 -> 0.25", "step 10: lr 0.25 -> 0.2",
        "StepLR(step_size=9999) never acts within 30 steps: the rate stays 0.5",
    ]  # fmt: skip
    assert lines[0].startswith("sphere / SGD / ReduceLROnPlateau(factor=0.5, min_lr=0.2, patience=3) / lr 0.5 / ")


def test_the_demo_is_a_study_and_a_race(here, capsys, monkeypatch):
    from optiscope.racing import prepare_race

    short = 'name = "demo"\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = 0.01\nseeds = 2\nsteps = 5\n'
    monkeypatch.setattr("optiscope.study.demo_text", lambda: short)
    monkeypatch.setattr("optiscope.racing.prepare_race", lambda: prepare_race("beale", ["SGD"], lr=0.01, steps=5))
    assert exit_code(["demo", "--results", "elsewhere"]) == 0
    assert "```sh\noptiscope demo --results elsewhere\n```" in (here / "elsewhere/demo/report.md").read_text()
    capsys.readouterr()
    assert exit_code(["demo"]) == 0
    assert "race      results/optimizers.gif" in capsys.readouterr().out
    assert "../optimizers.gif" in (here / "results/demo/report.md").read_text()
    before = files(here / "results")
    assert exit_code(["demo"]) == 0
    after = files(here / "results")
    before.pop(here / "results/demo/study.toml")
    assert before.items() <= after.items()


def test_the_shipped_study_can_be_copied(here):
    from optiscope.study import Study

    (here / "copy.toml").write_text(demo_text())
    assert Study.load("copy.toml").name == "demo"


def test_a_page_that_cannot_be_written_costs_no_run(done, here, capsys):
    before = osc.Store(done).runs()
    for name in ("report.md", "report.json", "study.toml"):
        (done / name).unlink()
    (done / "report.md").mkdir()
    assert "report.md" in complaint(capsys, ["run", "study.toml"])
    (done / "report.md").rmdir()
    assert exit_code(["run", "study.toml"]) == 0
    assert osc.Store(done).runs().equals(before)


def test_a_damaged_part_is_one_line_and_is_run_again(done, capsys, monkeypatch):
    for path in (done / "runs").iterdir():
        path.write_bytes(b"no table")
    # As a process of its own would have it: the entry point, and warnings that are told.
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with pytest.raises(SystemExit) as caught:
            main(["run", "study.toml"])
    assert caught.value.code == 0
    err = capsys.readouterr().err
    assert all(line.startswith("optiscope: warning: ") for line in err.splitlines())
    assert "will be run again" in err
    assert (osc.Store(done).runs()["purpose"] == "result").sum() == 16
