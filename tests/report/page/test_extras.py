"""What stands beside the runs: memory, momenta, and the column with no tuning."""

import pytest
from study_frames import make_runs

import optiscope as osc
from optiscope.report.page.evidence import Evidence
from optiscope.report.page.extras import memory, momenta


@pytest.fixture(scope="module")
def made():
    runs = osc.grid("beale", ["SGD", "Adam"], ["constant", "OneCycleLR"], lr=0.001, seed=[0, 1], steps=20)
    return osc.run(runs, engine="single", trace="none").runs


def test_memory_is_told_of_each_optimizer(made):
    found = memory(Evidence(made))
    assert found[["optimizer", "state_bytes", "state_share"]].to_numpy().tolist() == [["SGD", 0, 0], ["Adam", 36, 2.25]]


def test_the_momentum_of_a_cycle_falls_to_its_base_and_comes_back(made):
    found = momenta(Evidence(made))
    assert set(found["schedule"]) == {"OneCycleLR"}
    assert found["momentum"].iloc[[0, -1]].tolist() == pytest.approx([0.95, 0.95])
    assert found["momentum"].min() == pytest.approx(0.85, abs=1e-3)


def test_nothing_is_told_of_names_that_stand_for_anything():
    evidence = Evidence(make_runs({"optimizer": "Adam"}, {"optimizer": "mine.Own", "seed": 1}))
    assert memory(evidence).empty  # the run is none that these names make
    assert momenta(evidence).empty


def test_the_default_rate_stands_beside_the_tuned_one():
    """A gap of 1e-8 leaves nothing undone, one of 1e-3 five ninths of the way from 10."""
    rows = [
        {"optimizer": "Adam", "lr": lr, "seed": seed, "purpose": purpose, "loss_final": final, "run_id": f"{lr}{seed}"}
        for lr, final in ((0.001, 1e-3), (0.1, 1e-8))
        for seed, purpose in ((0, "result"), (1, "result"), (100, "tuning"))
    ]
    found = Evidence(make_runs(*rows, {"optimizer": "mine.Own", "run_id": "own"})).untuned
    assert found["optimizer"].tolist() == ["Adam"]
    assert found[["iqm", "tuned", "best"]].to_numpy()[0].tolist() == pytest.approx([5 / 9, 0, 0])
    assert found["schedule"].tolist() == ["constant"]
    untuned = [row for row in rows if row["purpose"] == "result"]
    assert Evidence(make_runs(*untuned)).untuned.empty
