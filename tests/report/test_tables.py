import os

import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.errors import StoreError
from optiscope.metrics import comparison, setting_names
from optiscope.report import write_tables
from optiscope.report.tables import summary, write_text


def test_three_files_and_the_csv_holds_everything(tmp_path):
    runs = make_runs({"optimizer": "SGD_x"}, {"optimizer": "Adam|<b>", "status": "diverged"})
    paths = write_tables(tmp_path / "new" / "folder", runs)
    assert [path.name for path in paths] == ["comparison.md", "comparison.csv", "comparison.tex"]
    back = pd.read_csv(paths[1])
    expected = comparison(runs)
    assert back["loss_final"].tolist() == expected["loss_final"].tolist() == [1.0, float("inf")]
    assert list(back.columns) == [*expected.columns, "ended"]
    assert back["ended"].fillna("").tolist() == ["", "1× diverged at step 101"]
    assert "&#124;&lt;b&gt;" in paths[0].read_text(encoding="utf-8")
    assert r"SGD\_x" in paths[2].read_text(encoding="utf-8")


def test_nothing_is_left_beside_the_files(tmp_path):
    write_tables(tmp_path, make_runs({}))
    write_tables(tmp_path, make_runs({}))
    assert len(list(tmp_path.iterdir())) == 3


def test_no_results_still_make_files_that_say_so(tmp_path):
    paths = write_tables(tmp_path, pd.DataFrame())
    assert "no results" in paths[0].read_text(encoding="utf-8")
    assert pd.read_csv(paths[1]).empty


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path = write_text(tmp_path / "a.md", "old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match=r"a\.md.*No space left"):
        write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_one_clear_line(tmp_path):
    (tmp_path / "taken").write_text("x")
    with pytest.raises(StoreError, match="taken"):
        write_text(tmp_path / "taken" / "a.md", "new")


def test_a_setting_is_named_by_what_tells_it_apart():
    table = comparison(make_runs({"steps": 100}, {"steps": 200}, {"problem": "other"}))
    assert list(setting_names(table).values()) == ["bowl (steps=100)", "bowl (steps=200)", "other"]


def test_of_the_targets_the_hardest_three_that_somebody_met_are_shown():
    shown = summary(comparison(make_runs({"loss_final": 1e-5}, {"optimizer": "Adam", "loss_final": 1e-3})))
    assert [name for name in shown if name.startswith("Steps")] == [
        "Steps to gap 1", "Steps to gap 0.01", "Steps to gap 1e-4",
    ]  # fmt: skip
    assert shown["Success"].tolist() == ["100%", "0%"]


def test_where_nobody_met_a_target_the_easiest_is_shown():
    shown = summary(comparison(make_runs({"loss_final": 5.0})))
    assert [name for name in shown if name.startswith("Steps")] == ["Steps to gap 1"]


def test_one_run_has_no_quartiles():
    runs = make_runs({}, *[{"optimizer": "Adam", "seed": seed, "loss_final": seed + 2.0} for seed in range(5)])
    assert summary(comparison(runs))["Quartiles"].tolist() == ["–", "3 … 5"]


def test_runs_stepped_together_have_no_time_of_their_own():
    alone = summary(comparison(make_runs({"engine": "single", "wall_s": 0.25, "steps_done": 100})))
    assert (alone["Wall s"].tolist(), alone["ms/step"].tolist()) == ([0.25], [2.5])
    assert not {"Wall s", "ms/step"} & set(summary(comparison(make_runs({"engine": "stacked"}))))


def test_every_file_has_the_wall_time(tmp_path):
    markdown, csv, latex = write_tables(tmp_path, make_runs({"engine": "single", "wall_s": 0.25}))
    assert "Wall s" in markdown.read_text(encoding="utf-8")
    assert "Wall s" in latex.read_text(encoding="utf-8")
    assert pd.read_csv(csv)["wall_s"].tolist() == [0.25]


def test_a_best_loss_below_the_least_one_known_is_no_gap():
    shown = summary(comparison(make_runs({"loss_final": -3.0, "loss_best": -7.0})))
    assert shown[["Final gap", "Best gap"]].to_numpy().tolist() == [[float("inf")] * 2]
