"""`optiscope report`: the pages of a folder, made again; and what the pages of a study say of how they were made."""

from pathlib import Path

import pytest
from cli_study import complaint

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
