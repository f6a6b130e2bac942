import json

import pytest
from study_frames import make_runs

from optiscope import Store
from optiscope.audit import RULES
from optiscope.cli import exit_code
from optiscope.record import Batch, runs_table


@pytest.fixture
def folder(tmp_path):
    """A store in which SGD's search used a seed of the evaluation."""

    def make(*rows):
        frame = make_runs(*rows)
        Store(tmp_path).append(Batch(runs_table({name: frame[name].tolist() for name in frame.columns})))
        return str(tmp_path)

    return make


GOOD = [{"optimizer": name, "seed": s, "loss_final": 1.0 + s} for name in ("SGD", "AdamW") for s in range(6)]
BAD = [*GOOD, {"optimizer": "SGD", "purpose": "tuning", "seed": 3}]


def test_the_table_names_rule_rows_and_what_to_do(folder, capsys):
    assert exit_code(["audit", folder(*BAD)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "fail tuning seeds reused" in text
    assert "SGD + constant" in text
    assert f"Of {len(RULES)} rules, 1 failed" in text


def test_strict_fails_only_where_a_rule_does(folder, tmp_path, capsys):
    assert exit_code(["audit", folder(*GOOD), "--strict"]) == 0
    assert exit_code(["audit", folder({**BAD[-1], "run_id": "tuning"}), "--strict"]) == 1
    assert "fail" in capsys.readouterr().out


def test_json_holds_every_finding_whole(folder, capsys):
    assert exit_code(["audit", folder(*BAD), "--json", "--strict"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {one["rule"] for one in found} == {rule.name for rule in RULES}
    [row] = [one for one in found if one["verdict"] == "fail"]
    assert row["rows"] == ["AdamW + constant", "SGD + constant"]
    assert row["runs"] == 2
    assert row["do"]


def test_names_are_no_markup(folder, capsys):
    rows = [{**row, "optimizer": f"[bold]{row['optimizer']}[/bold]"} for row in BAD]
    assert exit_code(["audit", folder(*rows)]) == 0
    assert "[bold]SGD" in "".join(capsys.readouterr().out.split())


def test_a_folder_without_runs_is_refused_and_left_alone(tmp_path, capsys):
    assert exit_code(["audit", str(tmp_path)]) == 2
    assert "holds no runs" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_record_without_results_is_no_clean_record(folder, capsys):
    only = folder({"optimizer": "SGD", "purpose": "tuning", "seed": 3})
    for options in ([], ["--strict"], ["--json"]):
        assert exit_code(["audit", only, *options]) == 2
        said = capsys.readouterr()
        assert "holds 1 trial of a search and no result yet: there is nothing to audit" in said.err
        assert not said.out
