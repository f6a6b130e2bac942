"""Figures of the method and of the audit lead to runs: which rows of the page's runs are meant."""

import re

import pytest
from study_frames import make_runs

from optiscope.audit import findings
from optiscope.report.page.evidence import Evidence
from optiscope.report.page.notes import as_html, audit_rows, method_leads

COMMA = "quadratic(condition=10.0, dim=2)"


@pytest.fixture(scope="module")
def runs():
    return make_runs(
        {"problem": "bowl", "optimizer": "Adam"}, {"problem": "bowl", "optimizer": "SGD", "status": "diverged"},
        {"problem": COMMA, "optimizer": "Adam"}, {"problem": COMMA, "optimizer": "SGD", "status": "error"},
        {"problem": "bowl", "optimizer": "Adam", "purpose": "tuning", "seed": 9},
    )  # fmt: skip


@pytest.fixture(scope="module")
def leads(runs):
    return method_leads(Evidence(runs))


@pytest.mark.parametrize(
    ("heads", "cells", "meant"),
    [
        (["Problem", "Steps"], ["bowl", "100"], [{"setting": 0}, {"problem": "bowl", "purpose": "tuning"}]),
        (["Problem", "Steps"], ["elsewhere", "100"], []),
        (["Purpose", "Runs"], ["tuning", "1"], [{"purpose": "tuning"}]),
        (["Problems", "Targets"], [f"bowl, {COMMA}", "gap 1"], [{"problem": ["bowl", COMMA]}]),
        (["Problem", "Optimizer", "Schedule", "Trials"], ["bowl", "Adam", "StepLR", "9"],
         [{"problem": "bowl", "optimizer": "Adam", "schedule": "StepLR"}]),
        ([], ["diverged: SGD + constant (1 run, on bowl)"],
         [{"competitor": "SGD + constant", "status": "diverged", "purpose": "result"}]),
        ([], ["error: SGD + constant: no memory (1 run, on bowl)"], [{"competitor": "SGD + constant", "status": "error"}]),
        ([], ["note: the schedule never acts (2 runs, on bowl)"], [{"noted": "the schedule never acts"}]),
        ([], ["Seeds: apart"], []),
    ],
)  # fmt: skip
def test_a_row_or_a_point_means_these_runs(leads, heads, cells, meant):
    assert leads(heads, cells) == meant


def test_what_leads_is_wrapped_and_names_of_users_stay_text():
    name = "<script>\"'&"
    html = as_html(
        [f"| A | B |\n|---|---|\n| {name} | 3 |", "- one"], lambda heads, cells: [{"a": cells[0]}] if heads else []
    )
    assert re.search(r'<td><span class="leads" role="button" tabindex="0" data-runs="[^"<>]*">3</span></td>', html)
    assert "<script>" not in html
    assert "<li>one</li>" in html


def test_a_finding_of_few_runs_means_these(runs):
    broken = runs.assign(wall_s=runs["wall_s"].where(runs["run_id"] != runs["run_id"].iloc[0], 0.0))
    rows = {row["rule"]: row for row in audit_rows(findings(broken), Evidence(broken))}
    assert rows["timing without guards"]["runs"] == [{"run_id": [runs["run_id"].iloc[0]]}]


def test_a_finding_means_the_cells_that_it_names_in_its_settings(runs):
    rows = {row["rule"]: row for row in audit_rows(findings(runs), Evidence(runs))}
    assert rows["no baseline"]["runs"] == [{"purpose": "result", "setting": [0, 1]}]
    parity = rows["budget parity"]
    assert parity["verdict"] == "warn"
    assert parity["runs"][-1]["purpose"] == "tuning"
    assert all(row["runs"] == [] for row in rows.values() if row["verdict"] == "pass")
    assert audit_rows(None) == []
