import pandas as pd
import pytest
from study_frames import make_runs

import optiscope as osc
from optiscope.report import markdown_report, write_study_page
from optiscope.study import Study

FACTS = {
    "problem": "bowl", "optimizer": "Adam(…)", "schedule": "constant", "start": "random", "steps": 100, "trials": 64,
    "seeds": 3, "diverged": 5, "score": 0.25, "edges": {"betas[1]": "high"},
    "values": {"lr": 0.1, "betas": [0.9, 0.9998], "weight_decay": 0.0},
    "space": {
        "lr": {"low": 1e-5, "high": 10.0, "scale": "log"},
        "betas": [{"low": 0.0, "high": 0.999, "scale": "near_one"}, {"low": 0.9, "high": 0.9999, "scale": "near_one"}],
        "weight_decay": {"low": 1e-6, "high": 0.1, "scale": "log", "zero": 0.5}, "nesterov": [True, False],
    },
}  # fmt: skip


def report(*searches):
    runs = make_runs({"optimizer": "Adam(…)", "lr": 0.1}, {"optimizer": "SGD(…)", "lr": 0.2})
    return markdown_report(title="Study", runs=runs, trace=None, searches=searches)


def row(text, start):
    [line] = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_winner_the_trials_and_the_edges_are_told():
    text = report(FACTS)
    told = text[text.index("### Random search") :]
    assert row(told, "bowl") == [
        "bowl", "Adam(…)", "constant", "64", "5", "3", "0.25", "0.1",
        r"betas\[0\]=0.9, betas\[1\]=0.9998, weight_decay=0", r"betas\[1\]: high",
    ]  # fmt: skip
    assert "a wider range may do better" in told
    assert "a wider range" not in report(FACTS | {"edges": {}})


def test_the_space_is_part_of_the_result():
    other = FACTS | {"optimizer": "SGD(…)", "values": {"lr": 0.2}, "space": {"lr": FACTS["space"]["lr"]}}
    text = report(FACTS, other)
    assert row(text, "lr  ")[1:] == ["1e-05 … 10, log-uniform", "Adam(…), SGD(…)"]
    assert row(text, r"betas\[1\]")[1:] == ["0.9 … 0.9999, 1 - value log-uniform", "Adam(…)"]
    assert row(text, "weight_decay")[1] == "zero with chance 0.5, else 1e-06 … 0.1, log-uniform"
    assert row(text, "nesterov")[1] == "one of True, False"


def test_a_search_whose_winner_is_not_shown_is_not_told():
    assert "Random search" not in report(FACTS | {"values": {"lr": 0.3}})
    assert "Random search" not in report()


def test_a_search_in_which_everything_diverged():
    text = report(FACTS | {"score": None})
    assert row(text[text.index("### Random search") :], "bowl")[6] == "diverged"


@pytest.mark.parametrize("whole", [False, True])
def test_a_later_report_reads_it_off_the_store(tmp_path, whole):
    study = Study.parse(
        'name = "s"\nproblems = ["beale"]\noptimizers = ["SGD"]\nschedules = ["wsd"]\nseeds = 2\nsteps = 10\nsearch = 4\n'
    )
    store = osc.Store(tmp_path)
    result = study.run(store)
    files = write_study_page(tmp_path, store, result.run_ids if whole else None, title="s", command="c")
    text = files[0].read_text(encoding="utf-8")
    [search] = result.searched
    assert row(text[text.index("### Random search") :], "beale")[:4] == ["beale", "SGD(…)", "wsd(…)", "4"]
    assert row(text, r"schedule.warmup")[1:] == ["0.01 … 0.4, log-uniform", "wsd(…)"]
    winner = pd.read_csv(next(path for path in files if path.suffix == ".csv"))
    assert winner["lr"].tolist() == [search.best.lr]
