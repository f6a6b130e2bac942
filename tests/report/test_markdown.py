import json
import re

import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.report import Picture, html_report, markdown_report, write_report

NASTY = "<script>alert(1)</script>|`x`"
SECTIONS = [
    "Verdict", "Audit", "Pictures", "Tables", "What explains it", "How it was measured", "Environment", "References",
    "Reproduce",
]  # fmt: skip


def report(runs, **more):
    return markdown_report(**{"title": "Study", "runs": runs, "trace": None, **more})


def pipes(text):
    """The pipe counts of each table: rows that follow each other."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return [{line.count("|") for line in block.splitlines()} for block in blocks]


@pytest.mark.parametrize("case", ["empty", "bare", "tuning", "one", "diverged", "errors", "nasty", "many"])
def test_every_report_has_its_sections_whole_tables_and_no_tag(case):
    rows = {
        "tuning": [{"purpose": "tuning"}],
        "one": [{}],
        "diverged": [{"status": "diverged", "optimizer": name, "seed": s} for name in ("SGD", "Adam") for s in (0, 1)],
        "errors": [{"status": "error", "error": NASTY, "loss_start": None, "loss_final": None, "steps_done": 0}],
        "nasty": [
            {"problem": NASTY, "optimizer": NASTY, "schedule": NASTY, "device": NASTY, "seed": s} for s in (0, 1)
        ],
        "many": [
            {"optimizer": f"Adam{i}", "loss_final": float(i), "problem": p} for i in range(30) for p in ("a", "b")
        ],
    }
    runs = {"empty": pd.DataFrame(), "bare": make_runs({}).iloc[:0]}.get(case, make_runs(*rows.get(case, [{}])))
    text = report(runs, title=NASTY)
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == SECTIONS
    assert all(len(counts) == 1 for counts in pipes(text))
    assert set(re.findall(r"<[^>]*>", text)) <= {"<details>", "</details>", "<summary>", "</summary>"}
    assert "nan" not in text.lower().replace("nanosecond", "")


LOST = [{"optimizer": name, "seed": seed, "status": "diverged"} for name in "ab" for seed in (0, 1)]


@pytest.mark.parametrize(
    ("runs", "lines"),
    [
        (pd.DataFrame(), ["There are no runs: run a study, then write the report again."]),
        (
            make_runs({"purpose": "tuning"}, {"purpose": "tuning", "seed": 1}),
            ["There are 2 trials of a search and no results yet: nothing can be compared."],
        ),
        (
            make_runs(*LOST),
            [
                "All 4 runs diverged or failed: there is nothing to recommend.",
                "No trace was kept: there are no curves and no race.",
            ],
        ),
        (
            make_runs({}),
            [
                "There is one run: it can be looked at, and compared with nothing.",
                "No trace was kept: there are no curves and no race.",
            ],
        ),
    ],
)  # fmt: skip
def test_trouble_is_told_first_in_the_words_of_the_page(runs, lines):
    text = report(runs)
    assert re.findall(r"(?m)^> (.*)$", text) == lines
    page = html_report(title="Study", runs=runs)
    assert all(line in page for line in lines)


@pytest.mark.parametrize("runs", [pd.DataFrame(), make_runs({"purpose": "tuning"})], ids=["nothing", "trials"])
def test_where_there_is_no_result_no_table_pretends_to_one(runs):
    text = report(runs)
    assert "Winner" not in text
    assert "There is no result to audit." in text
    assert "There are no results to explain." in text
    assert "*No rows.*" not in text


def test_what_was_run_is_cited():
    text = report(make_runs({"optimizer": "Adam"}), bibliography="references.bib")
    told = text[text.index("## References") : text.index("## Reproduce")]
    assert "As BibTeX: [references.bib](references.bib)." in told
    assert re.search(r"(?m)^- Kingma, Ba \(2015\), Adam: .*\[link\]\(https://", told)
    assert "Nothing was run." in report(pd.DataFrame())


def verdict(runs):
    """The first row of who won, by column."""
    lines = [line for line in report(runs).splitlines() if line.startswith("|")]
    lines = lines[next(i for i, line in enumerate(lines) if "Winner" in line) :]
    head, _, row = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[:3])
    return dict(zip(head, row, strict=True))


def test_the_verdict_in_words():
    runs = make_runs(
        *[{"optimizer": "Adam", "seed": s, "loss_final": 1.0 + s / 1e6} for s in range(7)],
        *[{"optimizer": "SGD", "seed": s, "loss_final": 4.0 + s / 1e6} for s in range(7)],
    )
    clear = verdict(runs)
    assert (clear["Winner"], clear["Tied with"]) == ("Adam + constant", "nobody")
    assert clear["Runner-up"] == "SGD + constant: 4, 4 times the winner's"
    tied = verdict(runs.assign(loss_final=[1e-9] * 6 + [0.1] + [1e-9] * 5 + [0.2] * 2))
    assert (tied["Winner"], tied["Tied with"]) == ("Adam + constant (solved)", "SGD + constant")
    assert tied["Runner-up"] == "none: all others tied"
    lost = verdict(runs.assign(status="diverged"))
    assert lost["Winner"].startswith("nobody: every median is infinite")
    alone = verdict(runs[runs["optimizer"] == "Adam"])
    assert (alone["Winner"], alone["Tied with"]) == ("Adam + constant", "– (the only one run)")
    half = verdict(runs.assign(status=["max_steps"] * 7 + ["diverged"] * 7))
    assert half["Runner-up"] == "none: the others diverged or failed"


def test_a_tie_of_many_is_counted_and_the_runner_up_is_outside_it():
    names = [f"Adam{i}" for i in range(5)]
    runs = make_runs(
        *[{"optimizer": name, "seed": s, "loss_final": 1.0 + s / 1e6} for name in names for s in range(9)],
        *[{"optimizer": "SGD", "seed": s, "loss_final": 8.0 + s / 1e6} for s in range(9)],
    )
    row = verdict(runs)
    assert (row["Winner"], row["Tied with"]) == ("Adam0 + constant", "4 others")
    assert row["Runner-up"] == "SGD + constant: 8, 8 times the winner's"


def test_pictures_are_linked_with_words_for_those_who_cannot_see_them():
    picture = Picture("pictures/a race (1).png", "Race", "six lines [and] a bowl", "At their tuned rates.")
    text = report(make_runs({}), pictures=[picture])
    assert "![six lines \\[and\\] a bowl](pictures/a%20race%20%281%29.png)" in text
    assert "At their tuned rates." in text


def test_a_picture_path_makes_no_scheme():
    assert "](javascript%3Aalert" in report(make_runs({}), pictures=[Picture("javascript:alert(1)", "t", "a")])


def test_the_audit_says_what_is_doubtful_and_what_passed():
    runs = make_runs(
        {"purpose": "tuning", "lr": 0.1, "loss_final": 1.0, "seed": 5},
        {"purpose": "tuning", "lr": 0.01, "loss_final": 2.0, "seed": 5},
        {"purpose": "result", "lr": 0.1, "seed": 5},
        {"purpose": "result", "lr": 0.1, "optimizer": "Adam", "seed": 5},
    )
    text = report(runs)
    assert "the highest lr searched (0.1) won" in text
    assert "1 seed(s) served both the search and the evaluation: 5" in text
    assert "one seed: no spread is known" in text
    assert "- clipping: no gradient was clipped" in text
    # The worst comes first.
    assert text.index("| fail ") < text.index("| warn ")


def test_notes_and_failures_are_counted():
    idle = json.dumps([{"step": 0, "kind": "note", "text": "StepLR never acts"}, {"step": 3, "kind": "lr"}])
    runs = make_runs(
        {"events": idle, "seed": 0},
        {"events": idle, "seed": 1},
        {"events": None, "seed": 2, "status": "error", "error": "RuntimeError: boom\nand more"},
        {"events": "not JSON", "seed": 3, "status": "diverged"},
    )
    text = report(runs)
    assert "note: StepLR never acts (2 runs, on bowl)" in text
    assert "error: SGD + constant: RuntimeError: boom (1 run, on bowl)" in text
    assert "diverged: SGD + constant (1 run, on bowl)" in text
    assert "its events are not JSON" in text


def test_rows_beyond_the_first_are_folded_away_once():
    text = report(make_runs(*[{"optimizer": f"Adam{i:02}", "loss_final": float(i + 1)} for i in range(20)]))
    assert "<summary>8 further rows</summary>" in text
    assert text.count("| Adam15 ") == 1


def test_methods_environment_and_command():
    text = report(
        make_runs({}), methods={"Clipping": "none"}, provenance={"cpu": {"name": "a|b"}}, command="run ```x```"
    )
    assert "- Clipping: none" in text
    assert "cpu.name" in text
    assert "````sh\nrun ```x```\n````" in text
    assert "- Nothing is clipped." in report(make_runs({}), methods=["Nothing is clipped."])


def test_write_report_makes_absolute_paths_relative(tmp_path):
    picture = Picture(tmp_path / "pictures" / "race.gif", "Race", "alt")
    path = write_report(tmp_path, title="Study", runs=make_runs({}), trace=None, pictures=[picture])
    assert path == tmp_path / "report.md"
    assert "![alt](pictures/race.gif)" in path.read_text(encoding="utf-8")
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
