"""`report` and `audit` of what is hardly a store, or holds hardly a run: one clear line, or a page that says so."""

import pandas as pd
import pyarrow.parquet as pq
import pytest
from cli_study import complaint
from study_frames import make_runs

from optiscope import Store
from optiscope.cli import exit_code
from optiscope.record import Batch, runs_table
from optiscope.store.parts import VERSION_KEY

pytestmark = pytest.mark.usefixtures("here")
COMMANDS = pytest.mark.parametrize("command", ["report", "audit"])


def store(*rows):
    frame = make_runs(*rows)
    Store("mine").append(Batch(runs_table({name: frame[name].tolist() for name in frame.columns})))


def rewritten(here, change):
    """The only part of the store, changed as a table."""
    [part] = (here / "mine/runs").glob("*.parquet")
    pq.write_table(change(pq.read_table(part)), part)


@COMMANDS
def test_a_store_of_another_version_is_one_line_and_left_alone(here, capsys, command):
    store({})
    rewritten(here, lambda table: table.replace_schema_metadata({VERSION_KEY: b"0"}))
    before = sorted(here.rglob("*"))
    told = complaint(capsys, [command, "mine"])
    assert "was written by another version of optiscope (tables 0, this one reads " in told
    assert "use a new folder, or that version" in told
    assert sorted(here.rglob("*")) == before


@COMMANDS
def test_a_store_that_lacks_columns_is_one_line_and_left_alone(here, capsys, command):
    store({})
    rewritten(here, lambda table: table.drop_columns(["schedule", "lr"]))
    before = sorted(here.rglob("*"))
    assert "lacks the columns lr, schedule: something other than optiscope wrote it" in complaint(
        capsys, [command, "mine"]
    )
    assert sorted(here.rglob("*")) == before


@COMMANDS
def test_an_empty_store_is_one_line(here, capsys, command):
    Store("mine")
    assert "'mine' holds no runs: give the folder of a study" in complaint(capsys, [command, "mine"])


@COMMANDS
def test_a_compacted_frame_of_results_is_named_and_the_way_to_a_store(here, capsys, command):
    (here / "mine").mkdir()
    make_runs({}).to_parquet(here / "mine/runs.parquet")
    told = complaint(capsys, [command, "mine"])
    assert "holds no runs but runs.parquet, a frame of results without the trials, traces and facts of a store" in told
    assert "optiscope run" not in told
    (here / "mine/study.toml").touch()
    assert (
        told.strip() + "; `optiscope run mine/study.toml` makes the store"
        == complaint(capsys, [command, "mine"]).strip()
    )
    assert len(pd.read_parquet(here / "mine/runs.parquet")) == 1


def test_trials_alone_have_a_page_that_says_so_and_no_table(here, capsys):
    store({"purpose": "tuning"}, {"purpose": "tuning", "seed": 1})
    assert exit_code(["report", "mine"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 trials of a search and no result yet: nothing can be compared\n")
    assert "What won" not in out
    for name in ("report.md", "report.html"):
        text = (here / "mine" / name).read_text(encoding="utf-8")
        assert "There are 2 trials of a search and no results yet: nothing can be compared." in text
        assert "rules pass" not in text
    told = complaint(capsys, ["audit", "mine"])
    assert "'mine' holds 2 trials of a search and no result yet: there is nothing to audit" in told


def test_one_run_is_reported_and_audited(here, capsys):
    store({})
    assert exit_code(["report", "mine"]) == 0
    text = (here / "mine/report.md").read_text(encoding="utf-8")
    assert "> There is one run: it can be looked at, and compared with nothing." in text
    assert "- no baseline: nothing to compare: one optimizer" in text
    capsys.readouterr()
    assert exit_code(["audit", "mine", "--strict"]) == 0
    assert "nothing to compare: one optimizer" in " ".join(capsys.readouterr().out.split())


def test_all_runs_diverged_is_said_on_the_page_and_at_the_end(here, capsys):
    store(*[{"optimizer": name, "seed": seed, "status": "diverged"} for name in ("SGD", "AdamW") for seed in range(2)])
    assert exit_code(["report", "mine"]) == 0
    assert (
        "lost      all 4 runs diverged; the first, bowl / SGD / constant / lr 0.1 / seed 0" in capsys.readouterr().out
    )
    text = (here / "mine/report.md").read_text(encoding="utf-8")
    assert "> All 4 runs diverged or failed: there is nothing to recommend." in text
    assert exit_code(["audit", "mine"]) == 0
