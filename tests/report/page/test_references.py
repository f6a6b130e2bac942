import re

import pytest
from study_frames import make_runs

import optiscope as osc
from optiscope.report.page.references import known, references_of


def keys(**row):
    return {one.key for one in references_of(make_runs(row))}


@pytest.mark.parametrize(("row", "key"), [
    ({"optimizer": "Adam"}, "kingma2015adam"),
    ({"optimizer": "torch.optim.AdamW(weight_decay=0.1)"}, "loshchilov2019decoupled"),
    ({"optimizer": "SGD(momentum=0.9, nesterov=True)"}, "nesterov1983method"),
    ({"schedule": "OneCycleLR(pct_start=0.2)"}, "smith2017super"),
    ({"problem": "rosenbrock(dim=10)"}, "rosenbrock1960automatic"),
])  # fmt: skip
def test_what_was_run_is_cited(row, key):
    assert key in keys(**row)


def test_what_was_not_run_is_not_cited():
    assert "kingma2015adam" not in keys(optimizer="SGD")


def test_every_name_on_the_list_is_in_a_catalogue():
    names = {*osc.optimizers(), *osc.schedules(), *osc.problems(), "*"}
    assert {name for one in known() for name in one.of} <= names


def test_every_optimizer_and_whatever_names_a_source_is_on_the_list():
    listed = {name for one in known() for name in one.of}
    assert set(osc.optimizers()) <= listed
    assert {name for name, spec in osc.schedules().items() if spec.source} <= listed
    ours = {"demo-cnn"}  # the lesson's own network
    assert {name for name, problem in osc.problems().items() if problem.source} - ours <= listed


def test_entries_are_well_formed():
    assert len({one.key for one in known()}) == len(known())
    for one in known():
        assert one.bibtex.startswith(f"@{one.fields['kind']}{{{one.key},\n  author = {{")
        assert one.bibtex.count("{") == one.bibtex.count("}")
        assert re.search(r"\n  year = \{(19|20)\d\d\},?\n", one.bibtex)
        assert one.link == "" or one.link.startswith("https://")
        assert str(one.fields["year"]) in one.line


def test_what_tex_would_read_is_escaped():
    one = next(one for one in known() if one.key == "nesterov1983method")
    assert "O(1/k\\^{}2)" in one.bibtex
