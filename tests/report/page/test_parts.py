"""What a budget or a device leaves of a group: figures of its own, equal to those of a study of these runs alone."""

import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.report.page.charts import chart_frames
from optiscope.report.page.evidence import Evidence

WHERE = ((100, "cpu"), (200, "cpu"), (100, "cuda"))
FIGURES = [
    "competitor", "iqm", "low", "high", "failed", "runs", "rank", "cd", "settings", "beats_probability", "beats_low",
    "success",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    random = np.random.default_rng(1)
    return make_runs(*(
        {"problem": problem, "steps": steps, "device": device, "optimizer": name, "seed": seed,
         "loss_final": float(10 ** random.normal(-i, 1)), "status": "diverged" if random.random() < 0.05 else "max_steps"}
        for problem in ("a", "b") for steps, device in WHERE for i, name in enumerate(("SGD", "Adam", "Lion"))
        for seed in range(6)
    ))  # fmt: skip


@pytest.fixture(scope="module")
def evidence(runs):
    return Evidence(runs)


def overall(evidence, part):
    rows = chart_frames(evidence)[0]["overall"]
    return rows[rows["part"] == part][FIGURES].reset_index(drop=True)


def test_every_choice_that_leaves_a_setting_has_a_part(evidence):
    found = [(one.steps, one.device, one.part) for one in evidence.parts.choices]
    assert found == [
        (None, None, 0), (None, "cpu", 1), (None, "cuda", 2), (100, None, 3), (100, "cpu", 4), (100, "cuda", 2),
        (200, None, 5), (200, "cpu", 5),
    ]  # fmt: skip
    assert [group.name for group in evidence.parts.groups][:3] == [
        "test functions", "test functions, cpu", "test functions, cuda",
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(8))
def test_the_figures_of_a_part_are_those_of_a_study_of_it_alone(runs, evidence, number):
    one = evidence.parts.choices[number]
    cut = runs[(runs["steps"] == (one.steps or runs["steps"])) & (runs["device"] == (one.device or runs["device"]))]
    pd.testing.assert_frame_equal(overall(evidence, one.part), overall(Evidence(cut), 0))


def test_a_group_of_one_budget_and_device_has_no_other_part():
    parts = Evidence(make_runs({"optimizer": "SGD"}, {"optimizer": "Adam", "seed": 1})).parts
    assert (len(parts.groups), {one.part for one in parts.choices}) == (1, {0})
