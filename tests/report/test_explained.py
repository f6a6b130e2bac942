"""What explains the order, in report.md and in files: the page's own figures, cut for reading."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from page_study import real_study
from study_frames import make_runs

from optiscope import metrics
from optiscope.report import markdown_report
from optiscope.report.explained import TITLES, explained, explained_told, write_explained
from optiscope.report.explained_tables import _budgets
from optiscope.report.page import html_report
from optiscope.report.page.evidence import Evidence

NAMES = ["variance", "gains", "robustness", "areas", "wins", "budget"]


@pytest.fixture(scope="module")
def evidence():
    return Evidence(*real_study())


def part(evidence, name):
    [found] = [one for one in explained(evidence) if one.name == name]
    return found


def test_each_part_is_folded_and_linked_and_says_what_it_means(evidence):
    text = "\n\n".join(explained_told(evidence, "tables"))
    assert re.findall(r"<summary>(.*)</summary>", text) == list(TITLES.values())
    assert text.count("<details>") == text.count("</details>") == len(NAMES)
    for name in NAMES:
        assert f"[{name}.csv](tables/{name}.csv), [{name}.tex](tables/{name}.tex)" in text
    assert "](tables/" not in "\n".join(explained_told(evidence))


def test_the_shares_of_a_group_sum_to_one_and_the_greatest_are_told_in_a_line(evidence):
    rows = part(evidence, "variance").rows
    assert rows.groupby(["on", "of"])["share"].sum().to_numpy() == pytest.approx(1.0)
    first = rows[rows["of"].str.startswith("results")].iloc[0]
    line = explained_told(evidence)[0].splitlines()[0]
    assert line.startswith("- Differences on test functions (results, each at its own rate): ")
    assert f"{first['effect'].replace(':', ' × ')} {100 * first['share']:.0f}%" in line


def test_a_gain_is_the_decades_between_two_costs_and_the_table_has_its_median(evidence):
    rows = part(evidence, "gains").rows
    assert len(rows) == 2 * 3
    known = rows[np.isfinite(rows[["cost", "cost_constant"]]).all(axis=1)]
    assert (rows.drop(known.index)["gain"] == 0).all()  # both failed
    floored = known[["cost", "cost_constant"]].clip(lower=1e-8)
    assert known["gain"].to_numpy() == pytest.approx(np.log10(floored["cost_constant"] / floored["cost"]).to_numpy())
    [(_, table)] = part(evidence, "gains").shown
    for name, own in rows.groupby("optimizer")["gain"]:
        shown = float(table.set_index("Optimizer").loc[name, "CosineAnnealingLR"])
        assert shown == pytest.approx(own.median(), abs=0.00501)


def test_every_meeting_is_told_once_and_the_table_for_reading_has_both_sides(evidence, monkeypatch):
    rows = part(evidence, "wins").rows
    assert len({frozenset(pair) for pair in zip(rows["competitor"], rows["other"], strict=True)}) == len(rows) == 15
    [(_, table)] = part(evidence, "wins").shown
    assert list(table.columns) == ["Pair", *"123456"]
    assert [table.iloc[i, i + 1] for i in range(6)] == ["–"] * 6
    names = table["Pair"].str.partition(": ")[2].tolist()
    for row in rows.itertuples():
        i, k = names.index(row.competitor), names.index(row.other)
        mine, theirs = (float(table.iloc[a, b + 1].rstrip("%")) / 100 for a, b in ((i, k), (k, i)))
        assert mine == pytest.approx(row.win_rate, abs=0.0051)
        assert theirs == pytest.approx(1 - row.win_rate, abs=0.0051)
    # What is too wide to be read is in the file all the same.
    monkeypatch.setattr("optiscope.report.explained_tables.MOST_MET", 5)
    wide = part(evidence, "wins")
    assert (len(wide.rows), wide.shown) == (15, ())
    assert wide.missing == "more than 5 pairs met: wins.csv and report.html have all"


def test_ranks_of_few_trials_are_shared_out_and_end_with_the_whole_search(evidence):
    [(_, table)] = part(evidence, "budget").shown
    assert list(table.columns) == ["Pair", "1 trial", "2 trials"]
    assert table[["1 trial", "2 trials"]].mean().tolist() == pytest.approx([3.5, 3.5])
    tuning = evidence.runs[evidence.runs["purpose"] == "tuning"]
    best = tuning.groupby(["problem", "optimizer", "schedule", "lr"])["loss_final"].median()
    rows = part(evidence, "budget").rows
    for row in rows[rows["k"] == 2].itertuples():
        assert row.median == pytest.approx(best[row.problem, row.optimizer, row.schedule].min())


@pytest.mark.parametrize(
    ("pools", "budgets"),
    [([[1]], [1]), ([[1, 2, 3]], [1, 3]), ([[1, 2, 4, 7, 15], [1, 2, 4, 7]], [1, 4, 7]), ([[1, 3, 9], [1]], [1])],
)
def test_budgets_are_those_that_every_pool_has(pools, budgets):
    frame = pd.DataFrame([(i, k) for i, ks in enumerate(pools) for k in ks], columns=["pool", "k"])
    assert _budgets(frame) == budgets


def test_the_files_hold_every_row_and_what_there_is_none_of_says_why(evidence, tmp_path):
    files = write_explained(tmp_path, evidence)
    assert [path.name for path in files] == [f"{name}.{kind}" for name in NAMES for kind in ("csv", "tex")]
    for one in explained(evidence):
        assert len(pd.read_csv(tmp_path / f"{one.name}.csv")) == len(one.rows) > 0
        assert (tmp_path / f"{one.name}.tex").read_text(encoding="utf-8").startswith(r"% needs \usepackage{booktabs}")
    poor = Evidence(make_runs({}, {"optimizer": "Adam"}))
    write_explained(tmp_path, poor)
    assert (tmp_path / "budget.tex").read_text(encoding="utf-8") == "% no cell had several trials of a search\n"
    assert pd.read_csv(tmp_path / "budget.csv").empty
    told = "\n".join(explained_told(poor))
    assert "- What a search of few trials finds: no cell had several trials of a search" in told
    assert "- What a schedule gains over a constant rate: no optimizer ran with a constant rate" in told


@pytest.mark.parametrize(
    "rows", [[], [{"purpose": "tuning"}], [{"status": "diverged"}]], ids=["none", "trials", "lost"]
)
def test_a_poor_record_has_its_files_all_the_same(tmp_path, rows):
    poor = Evidence(make_runs(*rows) if rows else pd.DataFrame())
    assert len(write_explained(tmp_path, poor)) == 2 * len(NAMES)
    assert explained_told(poor)


def test_latex_braces_are_balanced_and_rows_have_one_width(evidence, tmp_path):
    names = {"Momentum": r"a_b & {c}% \d", "SGD": "x^2 ~ #1"}
    runs = evidence.runs.drop(columns="competitor")
    nasty = Evidence(runs.assign(optimizer=runs["optimizer"].replace(names)), evidence.trace)
    for path in (path for path in write_explained(tmp_path, nasty) if path.suffix == ".tex"):
        text = re.sub(r"\\[{}\\&%#_$^~]", "", path.read_text(encoding="utf-8"))
        assert text.count("{") == text.count("}")
        for table in re.findall(r"\\toprule(.*?)\\bottomrule", path.read_text(encoding="utf-8"), flags=re.DOTALL):
            rows = [line for line in table.splitlines() if line.endswith(r"\\")]
            assert len({len(re.findall(r"(?<!\\)&", line)) for line in rows}) == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex is installed")
def test_latex_sets_them(evidence, tmp_path):
    write_explained(tmp_path, evidence)
    inputs = "".join(rf"\input{{{name}}}" for name in NAMES)
    (tmp_path / "all.tex").write_text(
        r"\documentclass{article}\usepackage[utf8]{inputenc}\usepackage{booktabs,longtable}"
        rf"\begin{{document}}{inputs}\end{{document}}", encoding="utf-8",
    )  # fmt: skip
    subprocess.run(["pdflatex", "-halt-on-error", "all.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_both_pages_read_the_same_frames_made_once(evidence, monkeypatch):
    runs, trace = evidence.runs.drop(columns="competitor"), evidence.trace
    counts = []
    whole = metrics.variance_shares
    monkeypatch.setattr(metrics, "variance_shares", lambda *args, **more: counts.append(1) or whole(*args, **more))
    fresh = Evidence(runs, trace)
    markdown_report(title="Study", runs=runs, trace=trace, evidence=fresh)
    once = len(counts)
    html_report(title="Study", runs=runs, trace=trace, evidence=fresh)
    assert len(counts) == once == 2
