"""`optiscope report`: the pages of a folder, made again; and what the pages of a study say of how they were made."""

import json
from pathlib import Path

import pytest
from cli_study import complaint, files

import optiscope as osc
from optiscope.cli import exit_code

pytestmark = pytest.mark.usefixtures("here")


def test_report_writes_again_what_was_removed(done, capsys):
    for name in ("report.md", "report.html"):
        (done / name).unlink()
    assert exit_code(["report", "results/tiny"]) == 0
    out = capsys.readouterr().out
    assert (done / "report.md").read_text(encoding="utf-8").startswith("# ")
    assert (done / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "results/tiny/report.md" in out
    assert "results/tiny/report.html" in out


def test_a_study_without_a_trace_has_a_report_without_curves(here, capsys):
    osc.run(osc.grid("digits-logistic", ["SGD", "Adam"], lr=0.1, steps=2), store="bare", engine="single", trace="none")
    assert exit_code(["report", "bare"]) == 0
    assert "There are no pictures." in (here / "bare/report.md").read_text(encoding="utf-8")
    assert "No trace was kept: there are no curves and no race." in (here / "bare/report.html").read_text(
        encoding="utf-8"
    )


def test_two_starts_of_one_problem_have_a_picture_each(here):
    for start in ("canonical", "random"):
        osc.run(osc.grid("beale", ["SGD", "Adam"], lr=1e-3, start=start, seed=range(2), steps=20), store="starts")
    assert exit_code(["report", "starts"]) == 0
    pictures = sorted(path.name for path in (here / "starts/pictures").glob("convergence_*.png"))
    assert len(pictures) == 2
    text = (here / "starts/report.md").read_text(encoding="utf-8")
    assert "Convergence on beale (start=canonical)" in text
    assert "Convergence on beale (start=random)" in text


def test_report_serves_the_page_it_wrote(done, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "optiscope.cli.serve.page_server", lambda page, port: asked.append((page, port)) or Interrupted()
    )
    assert exit_code(["report", "results/tiny", "--serve", "--port", "0"]) == 0
    assert asked == [(Path("results/tiny/report.html"), 0)]
    assert "http://127.0.0.1:4321/report.html" in capsys.readouterr().out


class Interrupted:
    """A server that its user ends at once."""

    server_address = ("127.0.0.1", 4321)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def serve_forever(self):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("words", "options", "command"),
    [
        (["demo"], {"results": Path("results"), "jobs": 1, "verbose": False}, "optiscope demo"),
        (
            ["demo"], {"results": Path("my results"), "jobs": 2, "device": "cuda:1", "verbose": True},
            "optiscope demo --results 'my results' --jobs 2 --device cuda:1 --verbose",
        ),
        (["run", "a b.toml"], {"cluster": "tcp://host:8786"}, "optiscope run 'a b.toml' --cluster tcp://host:8786"),
    ],
)  # fmt: skip
def test_the_report_names_the_command_that_was_given(words, options, command):
    from optiscope.cli.study import command_of

    assert command_of(words, **options) == command


def test_the_report_says_what_helped_and_only_that():
    from optiscope.cli.study import help_of

    plain, clipped, summed = (
        osc.grid(name, "SGD")[0].problem
        for name in ("rosenbrock", "digits-cnn(clip_norm=0.5)", "digits-cnn(accumulate=2)")
    )
    assert help_of([plain]) == "no gradient clipping, no boundary penalty, no projection"
    told = help_of([plain, clipped, summed])
    assert told.startswith("no boundary penalty, no projection. Asked for in the study: digits-cnn(clip_norm=0.5): ")
    assert "gradients are clipped to norm 0.5, and digits-cnn(accumulate=2): " in told
    assert help_of([plain, summed]).startswith("no gradient clipping, ")


def test_pictures_that_cannot_be_written_are_one_line(done, capsys):
    for path in (done / "pictures").iterdir():
        path.unlink()
    (done / "pictures").rmdir()
    (done / "pictures").touch()
    assert "pictures" in complaint(capsys, ["report", "results/tiny"])


def test_a_folder_of_somebody_else_s_is_left_alone(here, capsys):
    (here / "logs/runs").mkdir(parents=True)
    (here / "logs/runs/events.out").touch()
    assert "holds no runs" in complaint(capsys, ["report", "logs"])
    assert [path.name for path in (here / "logs").rglob("*")] == ["runs", "events.out"]


def test_a_report_after_the_run_is_the_same_page_and_draws_nothing_again(done, capsys):
    before = files(done)
    assert exit_code(["report", "results/tiny"]) == 0
    assert files(done) == before
    text = (done / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Study: tiny\n")
    assert "- Seeds: tuning and evaluation seeds are disjoint" in text
    assert "sh\noptiscope run study.toml\n" in text
    assert "What won" in capsys.readouterr().out


def test_asked_for_again_it_is_made_again_to_the_same_text_and_the_run_finds_it_good(done, here):
    written = {name: (done / name).read_text(encoding="utf-8") for name in ("report.md", "report.html", "report.json")}
    before = files(done)
    assert exit_code(["report", "results/tiny", "--fresh"]) == 0
    assert files(done)[done / "report.md"] > before[done / "report.md"]
    assert {name: (done / name).read_text(encoding="utf-8") for name in written} == written
    again = files(done)
    assert exit_code(["run", "study.toml"]) == 0
    assert {path: time for path, time in files(done).items() if path.name != "study.toml"} == {
        path: time for path, time in again.items() if path.name != "study.toml"
    }


def test_only_the_runs_of_the_study_are_shown_again(done, capsys):
    """Runs of another study in the same folder are no part of its page, neither at once nor later."""
    osc.run(osc.grid("booth", "Rprop", lr=0.1, steps=3), store=done, engine="single")
    assert exit_code(["run", "study.toml"]) == 0
    kept = json.loads((done / "report.json").read_text(encoding="utf-8"))
    assert len(kept["run_ids"]) == 16
    assert exit_code(["report", "results/tiny", "--fresh"]) == 0
    assert "booth" not in (done / "report.md").read_text(encoding="utf-8")
    assert "booth" not in capsys.readouterr().out.replace("problem", "")


def test_a_picture_made_elsewhere_is_kept_and_missed(done, here):
    record = done / "report.json"
    kept = json.loads(record.read_text(encoding="utf-8"))
    kept["pictures"] = [{"path": "../race.gif", "title": "The race", "alt": "lines", "caption": ""}]
    record.write_text(json.dumps(kept), encoding="utf-8")
    (here / "results/race.gif").write_bytes(b"GIF89a")
    assert exit_code(["report", "results/tiny"]) == 0
    assert "![lines](../race.gif)" in (done / "report.md").read_text(encoding="utf-8")
    (here / "results/race.gif").unlink()
    with pytest.warns(UserWarning, match=r"race\.gif' is gone: the report is without 'The race'"):
        assert exit_code(["report", "results/tiny"]) == 0
    assert "race.gif" not in (done / "report.md").read_text(encoding="utf-8")


def test_a_folder_without_a_record_is_called_by_its_name(done, capsys):
    record = done / "report.json"
    older = json.loads(record.read_text(encoding="utf-8"))
    for text in (None, json.dumps({name: older[name] for name in ("stamp", "files")})):
        record.unlink() if text is None else record.write_text(text, encoding="utf-8")
        assert exit_code(["report", "results/tiny"]) == 0
        assert capsys.readouterr().err == ""
        assert (done / "report.md").read_text(encoding="utf-8").startswith("# tiny\n")
        assert "sh\noptiscope report results/tiny\n" in (done / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: "{", lambda kept: "[1]", lambda kept: kept | {"title": 3}, lambda kept: kept | {"methods": ["a"]},
        lambda kept: kept | {"pictures": [{"path": "a"}]}, lambda kept: kept | {"run_ids": [1]},
        lambda kept: {name: kept[name] for name in kept if name != "command"},
    ],
)  # fmt: skip
def test_a_damaged_record_is_said_and_worth_none(done, change):
    record = done / "report.json"
    damaged = change(json.loads(record.read_text(encoding="utf-8")))
    record.write_text(damaged if isinstance(damaged, str) else json.dumps(damaged), encoding="utf-8")
    with pytest.warns(UserWarning, match=r"report\.json' is damaged: title, rules and command of the study are lost"):
        assert exit_code(["report", "results/tiny"]) == 0
    assert (done / "report.md").read_text(encoding="utf-8").startswith("# tiny\n")
    assert json.loads(record.read_text(encoding="utf-8"))["title"] == "tiny"
