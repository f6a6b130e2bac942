"""A study with more settings and rows than anybody wants in a repository: what is kept out, and where it is told."""

import numpy as np
import pandas as pd
import pytest
from page_study import SCRIPT
from study_frames import make_runs

from optiscope.metrics import to_markdown
from optiscope.render.bands import by_step
from optiscope.report import study_page, tables, write_tables
from optiscope.report.page.pack import DRAWN, rounded
from optiscope.store import Store


def test_tables_for_reading_are_cut_and_the_csv_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    monkeypatch.setattr(tables, "BEST_ROWS", 2)
    runs = make_runs(*[{"optimizer": f"Opt{i}", "loss_final": 1.0 + i} for i in range(5)])
    markdown, csv, latex = write_tables(tmp_path, runs)
    for path in (markdown, latex):
        text = path.read_text(encoding="utf-8")
        assert ("Opt1" in text, "Opt2" in text) == (True, False)
        assert "The best 2 of each problem; all 5 rows are in comparison.csv." in text
    assert len(pd.read_csv(csv)) == 5


def test_bold_is_the_best_of_all_rows_though_few_are_shown():
    frame = pd.DataFrame({"name": ["a", "b", "c"], "cost": [3.0, 2.0, 1.0]})
    assert "**" not in to_markdown(frame, best={"cost": "min"}, most=2)
    assert "**1**" in to_markdown(frame, best={"cost": "min"})


def test_the_first_problems_are_drawn_and_the_caption_says_where_the_rest_is(tmp_path, monkeypatch):
    import optiscope as osc

    monkeypatch.setattr(study_page, "MOST_DRAWN", 1)
    osc.run(osc.grid(["booth", "beale"], "SGD", lr=0.01, steps=3), store=tmp_path, engine="single")
    study_page.write_study_page(tmp_path, Store(tmp_path), title="two", command="")
    assert [path.name for path in sorted((tmp_path / "pictures").glob("*.png"))] == ["convergence_beale.png"]
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "Of 2 settings the first 1 are drawn here; report.html draws all." in text


@pytest.mark.parametrize("value", [0.1, -123.456, 1e-300, 7.5e12])
def test_what_is_only_drawn_keeps_three_digits(value):
    assert rounded(value, DRAWN) == pytest.approx(value, rel=2.0**-12)


@pytest.mark.parametrize("late", [False, True])
def test_runs_with_the_same_steps_are_lined_up_as_any_others(late):
    """One more row of a run that is not asked for its value: the general way, to the same numbers."""
    trace = pd.DataFrame(
        {"run_id": ["a"] * 3 + ["b"] * 3, "step": [0, 1, 2] * 2, "loss": [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]}
    )
    if late:
        trace = pd.concat([trace, pd.DataFrame({"run_id": ["a"], "step": [3], "loss": [1.0]})], ignore_index=True)
    steps, values = by_step(pd.DataFrame({"run_id": ["a", "b"]}), trace.sample(frac=1.0, random_state=0), "loss")
    assert values[:, :3].tolist() == [[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]
    assert np.array_equal(steps, np.arange(4 if late else 3))


def test_one_problem_that_is_refused_leaves_its_neighbours_their_command():
    import optiscope as osc
    from optiscope.report.page.repeat import OWN, add_repeats

    runs = osc.run(osc.grid(["booth", "beale"], "SGD", lr=0.01, seed=[0, 1], steps=3), engine="single").runs
    renamed = runs.assign(problem=runs["problem"].where(runs["problem"] != "beale", SCRIPT))
    assert add_repeats(runs)["again"].tolist() == [""] * 4
    assert dict(zip(renamed["problem"], add_repeats(renamed)["again"], strict=True)) == {"booth": "", SCRIPT: OWN}
