"""The page of saved runs, the comparison of two, and their commands."""

import json

import pytest
from saved_run import save

from optiscope import InputError
from optiscope.cli import exit_code
from optiscope.report.regressions import compare_saved
from optiscope.timings import find_run, load_run, newest_runs, saved_runs


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def pages(results, *changes):
    return [save(results / "benchmarks", number, **change) for number, change in enumerate(changes, 1)]


def test_the_page_holds_the_tables_the_arithmetic_and_the_pictures(results, capsys):
    save(results / "benchmarks")
    assert exit_code(["benchmarks"]) == 0
    page = (results / "benchmarks.md").read_text(encoding="utf-8")
    assert "| AdamW | fused | 3 | 0% | 3 | 9.33 | 93% | 78% | 8 | 18 |" in " ".join(page.replace(":", "").split())
    assert (
        "28 bytes × 1,000,000 parameters = 0.028 GB; in 3 ms that is 9.33 GB/s, 93% of the 10 GB/s of a copy over as many"
        in page
    )
    assert "0123456789ab" in page
    printed = capsys.readouterr().out.splitlines()
    assert all((results.parent / line).exists() for line in printed)
    assert {line.split("/")[-1] for line in printed} == {
        "benchmarks.md", "steps.png", "state.png", "roofline.png", "scaling.png", "iterations.png", "lanes.png"
    }  # fmt: skip
    for line in printed[1:]:
        assert f"](benchmarks/linux-some-cpu-2-cores/{line.split('/')[-1]})" in page


def test_the_newest_whole_run_of_each_machine_is_shown(results):
    folder = results / "benchmarks"
    save(folder, 1)
    save(folder, 2, factor=2.0)
    other = save(folder, 1, machine="another")
    partial = save(folder, 3)
    partial.write_text(partial.read_text().replace('"whole": true', '"whole": false'))
    assert [str(one.path.relative_to(folder)) for one in newest_runs(folder)] == [
        "another/0001_default.json", "linux-some-cpu-2-cores/0002_default.json"
    ]  # fmt: skip
    assert len(saved_runs(folder)) == 4
    assert find_run("0002", folder).name == "0002_default.json"
    with pytest.raises(InputError, match="one of several files"):
        find_run("0001", folder)
    with pytest.raises(InputError, match="no saved run '0007'"):
        find_run("0007", folder)
    assert find_run(str(other), folder) == other


def test_parts_of_a_selection_are_shown_as_one(results):
    folder = results / "benchmarks"
    for number, kept, name in ((1, "step", "quick"), (2, "training", "interrupted"), (3, "step", "steps")):
        path = save(folder, number, name, factor=float(number))
        whole = json.loads(path.read_text())
        whole["optiscope"]["whole"] = False
        whole["benchmarks"] = [one for one in whole["benchmarks"] if one["group"] == kept]
        path.write_text(json.dumps(whole))
    [run] = newest_runs(folder)
    assert run.files == ("0001_quick.json", "0002_interrupted.json", "0003_steps.json")
    assert set(run.frame()["group"]) == {"step", "training"}
    fused = run.frame("step").set_index("name")["median_s"].filter(like="AdamW-fused")
    assert fused.tolist() == [pytest.approx(3 * 0.003)]  # the newest
    assert exit_code(["benchmarks"]) == 0
    page = (results / "benchmarks.md").read_text(encoding="utf-8")
    assert "0001_quick.json, 0002_interrupted.json, 0003_steps.json" in page


def test_what_is_no_saved_run_is_told_in_a_line(results, tmp_path, capsys):
    assert exit_code(["benchmarks"]) == 2
    assert "holds no saved run: make one with pytest --benchmark" in capsys.readouterr().err
    path = tmp_path / "other.json"
    for text in ("{}", "no json", json.dumps({"machine_info": {}})):
        path.write_text(text)
        with pytest.raises(InputError, match="is no file that pytest --benchmark saved"):
            load_run(path)
    with pytest.raises(InputError, match="cannot read"):
        load_run(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({}, 0, "No regression"),
        ({"factor": 1.1}, 0, "No regression"),
        ({"factor": 1.5}, 1, "8 regressions"),
        ({"factor": 0.5}, 0, "8 faster"),
        ({"late": 1.3}, 1, "Adam + constant on rosenbrock: worse by a factor of 1.3 in steps to gap 1e-6, p = 4.88e-4"),
    ],
)
def test_compare_says_what_got_worse_and_exits_by_it(results, capsys, changes, code, says):
    one, other = pages(results, {}, changes)
    assert exit_code(["compare", str(one), str(other)]) == code
    page = capsys.readouterr().out
    assert says in page
    assert "times are compared as they are" in page


def test_a_machine_that_drifted_is_told_and_what_drifted_with_it_is_no_regression(results):
    one, other = pages(results, {}, {"factor": 1.5, "reference": 0.006})
    compared = compare_saved(load_run(one), load_run(other), 0.15)
    assert compared.regressions == 0
    assert "another time in B than in A (cpu: 4 ms → 6 ms, a factor of 1.5, 1.49 … 1.51)" in compared.page
    assert "Medians agree within 10% for 8 of 13 benchmarks (4 before they are divided" in compared.page
    # A new torch has a new reference step: what it took tells nothing of the machine.
    one, other = pages(results, {}, {"factor": 1.5, "reference": 0.006, "torch": "2.14.0"})
    compared = compare_saved(load_run(one), load_run(other), 0.15)
    assert compared.regressions == 8
    assert "torch differs (2.13.0 → 2.14.0), and with it the reference AdamW step" in compared.page


def test_of_two_selections_only_what_does_the_same_work_in_both_is_judged(results):
    one, other = pages(results, {}, {"factor": 1.5, "late": 1.3})
    other.write_text(other.read_text().replace('"level": "default"', '"level": "quick"'))
    compared = compare_saved(load_run(one), load_run(other), 0.15)
    assert compared.regressions == 9 - 1  # all that is timed by steps; of lanes and convergence nothing is said
    assert "Not all is compared: A is a default selection and B a quick one" in compared.page
    assert "test_lanes" not in compared.page
    assert "## Convergence" not in compared.page


def test_a_picture_of_growth_needs_three_sizes(results):
    path = save(results / "benchmarks")
    whole = json.loads(path.read_text())
    whole["benchmarks"] = [one for one in whole["benchmarks"] if not one["name"].endswith("foreach-1000]")]
    path.write_text(json.dumps(whole))
    assert exit_code(["benchmarks"]) == 0
    assert not list((results / "benchmarks").rglob("scaling.png"))
    assert "scaling.png" not in (results / "benchmarks.md").read_text(encoding="utf-8")


def test_the_threshold_is_a_share(results, capsys):
    pages(results, {}, {"factor": 1.1})
    assert exit_code(["compare", "0001", "0002", "--threshold", "5%"]) == 1
    assert exit_code(["compare", "0001", "0002", "--threshold", "0.2", "-o", "page.md"]) == 0
    assert "page.md  (0 regressions)" in capsys.readouterr().out
    assert exit_code(["compare", "0001", "0002", "--threshold", "much"]) == 2
    assert "must be a share above 0, such as 15% or 0.15, got 'much'" in capsys.readouterr().err


def test_other_machines_are_normalised_and_the_page_says_so(results):
    one, other = pages(results, {}, {"factor": 2.0, "reference": 0.008, "cpu": "Slow CPU"})
    compared = compare_saved(load_run(one), load_run(other), 0.15)
    assert compared.regressions == 0
    assert "The machines differ (cpu Some CPU → Slow CPU)" in compared.page
    assert "cpu: 4 ms → 8 ms" in compared.page
    whole = json.loads(other.read_text())
    whole["optiscope"]["reference"] = {}
    other.write_text(json.dumps(whole))
    with pytest.raises(InputError, match="lacks the reference step"):
        compare_saved(load_run(one), load_run(other), 0.15)


def test_two_stores_are_compared_seed_by_seed(results, capsys):
    import optiscope as osc

    for name, lr in (("a", 0.3), ("b", 0.1)):
        runs = osc.grid("sphere", "SGD", lr=lr, seed=range(8), start="random", steps=60)
        osc.run(runs, store=results / name)
    assert exit_code(["compare", "results/a", "results/a"]) == 0
    capsys.readouterr()
    assert exit_code(["compare", "results/a", "results/b"]) == 1
    assert "worse by a factor of" in capsys.readouterr().out
    assert exit_code(["compare", "results/a", "0001"]) == 2
    assert "give two of a kind" in capsys.readouterr().err


def test_reference_steps_of_one_kind_are_compared(tmp_path):
    one, other = save(tmp_path), save(tmp_path, 2)
    # Taken before each benchmark in one file alone, in blocks that are quicker than those of the beginning and the end.
    run = json.loads(other.read_text())
    run["optiscope"]["beside"] = {"cpu": [0.002] * 20}
    other.write_text(json.dumps(run))
    for pair in ((one, other), (other, one)):
        compared = compare_saved(*map(load_run, pair), 0.15)
        assert compared.regressions == 0
        assert "drifted" not in compared.page
