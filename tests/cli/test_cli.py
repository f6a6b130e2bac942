"""The command line: what each command leaves behind, and one clear line with exit code 2 for what cannot be used."""

import filecmp
import inspect
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import optiscope as osc
from optiscope.cli import exit_code, main
from optiscope.study import demo_text

STUDY = """
name = "tiny"
problems = ["beale", "sphere(dim=3)"]
optimizers = ["SGD", "Adam"]
schedules = ["constant", "CosineAnnealingLR"]
lr = {low = 1e-3, high = 1e-2, per_decade = 1, lowest = 1e-3, highest = 1e-2}
seeds = 2
start = "random"
steps = 12
"""
VIZ = Path(__file__).parent.parent.parent / "viz"
RACE = ["gif", "--optimizer", "SGD", "--optimizer", "Adam", "--lr", "0.01", "--steps", "8", "--frames", "4"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder in which the study was run, once for all tests."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "study.toml").write_text(STUDY)
    assert exit_code(["run", str(folder / "study.toml"), "--results", str(folder / "results")]) == 0
    return folder / "results"


@pytest.fixture
def done(here, made, capsys):
    """A copy of it, as if the study had been run here."""
    shutil.copytree(made, here / "results")
    capsys.readouterr()
    return here / "results" / "tiny"


def process(*arguments: str) -> list[str]:
    # Whoever runs the tests may ignore SIGINT, and a child would inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return [sys.executable, "-c", f"{heed}; from optiscope.cli import main; main()", *arguments]


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_help_waits_for_nothing_heavy(here):
    code = (
        "import sys; from optiscope.cli import exit_code; exit_code(['--help']); print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "demo" in ran.stdout
    assert not {"torch", "matplotlib", "pandas", "numpy", "pyarrow", "pydantic", "PIL"} & set(ran.stderr.split())


@pytest.mark.parametrize("command", ["demo", "run", "gif", "report", "compact", "list"])
def test_every_command_has_help(command, capsys):
    assert exit_code([command, "--help"]) == exit_code([command, "-h"]) == 0
    assert f"optiscope {command}" in capsys.readouterr().out


def test_without_a_command_there_is_help(capsys):
    assert exit_code([]) == 0
    assert capsys.readouterr().out.startswith("Usage: optiscope")


@pytest.mark.parametrize("start", [["optiscope.cli"], ["optiscope"]])
def test_version_as_a_module(start):
    ran = subprocess.run([sys.executable, "-m", *start, "--version"], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, f"optiscope {osc.__version__}\n")


def test_the_entry_point_exits_with_the_code(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["list", "losses"])
    assert caught.value.code == 0


@pytest.mark.parametrize("catalogue", ["problems", "optimizers", "schedules", "losses"])
def test_list_has_a_line_for_each_entry(catalogue, capsys):
    assert exit_code(["list", catalogue]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("NAME")
    own = [line for line in lines if not line.startswith(" ")]  # a loss takes several lines
    assert [line.split()[0].rstrip(":") for line in own] == list(getattr(osc, catalogue)())


def test_list_stops_quietly_when_its_reader_has_gone():
    writer = subprocess.Popen(process("list", "problems"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdout.close()
    assert writer.stderr.read() == b""
    assert writer.wait(60) in (0, 120)  # 120: Python itself could not flush
    writer.stderr.close()


def test_run_leaves_runs_tables_pictures_and_a_page(here, capsys):
    assert exit_code(["run", "study.toml"]) == 0
    out, err = capsys.readouterr()
    folder = here / "results" / "tiny"
    assert err == ""
    assert out.startswith("What won")
    for told in re.findall(r"^(?:report|tables|pictures|runs) +(\S+)$", out, re.MULTILINE):
        assert (here / told).exists()
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".md", ".csv", ".tex"}
    assert len(list((folder / "pictures").glob("*.png"))) == 3
    assert (folder / "study.toml").read_text() == STUDY
    runs = osc.Store(folder).runs()
    assert (runs["purpose"] == "result").sum() == 2 * 2 * 2 * 2
    page = (folder / "report.md").read_text()
    assert "optiscope run" in page
    for picture in re.findall(r"\]\(([^)]+\.png)\)", page):
        assert (folder / picture).exists()


def test_run_again_does_no_work(done, capsys):
    assert exit_code(["run", "study.toml"]) == 0  # the pages tell the command that made them, which was another
    before = files(done)
    assert exit_code(["run", "study.toml"]) == 0
    after = files(done)
    after.pop(done / "study.toml")
    assert after.items() <= before.items()
    assert after.keys() == before.keys() - {done / "study.toml"}


def test_results_go_where_they_are_wanted(here):
    assert exit_code(["run", "study.toml", "--results", "deep/down"]) == 0
    assert (here / "deep/down/tiny/report.md").exists()
    assert not (here / "results").exists()


def test_jobs_make_the_same_runs(done, here):
    assert exit_code(["run", "study.toml", "--jobs", "2", "--results", "two"]) == 0
    columns = ["run_id", "lr", "seed", "loss_final", "status"]
    one, two = (
        osc.Store(folder).runs()[columns].sort_values("run_id").reset_index(drop=True)
        for folder in (done, here / "two/tiny")
    )
    assert one.equals(two)


def test_report_writes_again_what_was_removed(done, capsys):
    page = done / "report.md"
    page.unlink()
    assert exit_code(["report", "results/tiny"]) == 0
    assert page.exists()
    assert "results/tiny/report.md" in capsys.readouterr().out


def test_report_makes_the_page_beside_the_markdown(done, capsys):
    (done / "report.html").unlink()
    assert exit_code(["report", "results/tiny"]) == 0
    assert (done / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "results/tiny/report.html" in capsys.readouterr().out


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


def test_verbose_prints_each_change_of_rate(here, capsys):
    # SGD at 0.5 on x² is at rest after one step: from there on the plateau lasts.
    text = 'name = "loud"\nproblems = ["sphere"]\noptimizers = ["SGD"]\nlr = 0.5\nseeds = 1\nsteps = 30\n'
    plateau = 'schedules = ["ReduceLROnPlateau(patience=3, factor=0.5, min_lr=0.2)", "StepLR(step_size=9999)"]\n'
    (here / "loud.toml").write_text(text + plateau)
    assert exit_code(["run", "loud.toml", "--verbose"]) == 0
    lines = capsys.readouterr().err.splitlines()
    # The second loss is the best there is; the fourth that is no better is one more than the patience.
    assert [line.partition("seed 0: ")[2] for line in lines] == [
        "step 6: lr 0.5 -> 0.25", "step 10: lr 0.25 -> 0.2",
        "StepLR(step_size=9999) never acts within 30 steps: the rate stays 0.5",
    ]  # fmt: skip
    assert lines[0].startswith("sphere / SGD / ReduceLROnPlateau(factor=0.5, min_lr=0.2, patience=3) / lr 0.5 / ")
    (here / "loud.toml").write_text((text + plateau).replace("loud", "quiet"))
    assert exit_code(["run", "loud.toml"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("suffix", "frames"), [("gif", 4), ("webp", 4), ("mp4", None), ("png", 1)])
def test_gif_writes_what_the_suffix_says(here, suffix, frames, capsys):
    assert exit_code([*RACE, "--size", "480x360", "-o", f"new/race.{suffix}"]) == 0
    target = here / "new" / f"race.{suffix}"
    out = capsys.readouterr().out
    told = "" if suffix == "png" else ", 4 frames"
    assert re.search(rf"^new/race.{suffix}  \(\d+\.\d\d MB{told}\)$", out, re.MULTILINE)
    assert re.search(r"^Adam +lr 0\.01 +ends .* above the minimum +\w.* step", out, re.MULTILINE)
    words = (here / "new" / "race.alt.txt").read_text(encoding="utf-8")
    assert "two paths over contours" in words
    if frames is None:
        assert target.read_bytes()[4:8] == b"ftyp"
        return
    with Image.open(target) as image:
        assert image.size == (480, 360)
        assert getattr(image, "n_frames", 1) == frames


@pytest.mark.parametrize(
    ("problem", "name"), [("beale", "beale.gif"), ("quadratic(condition=50)", "quadratic_condition_50.gif")]
)
def test_gif_has_a_place_of_its_own(here, problem, name):
    # results/optimizers.gif is the film of the demo's page: another race does not go there unasked.
    assert exit_code(["gif", problem, *RACE[1:]]) == 0
    words = name.replace(".gif", ".alt.txt")
    assert sorted(path.name for path in (here / "results").iterdir()) == sorted([name, words])


def test_any_frame_of_a_race(here, capsys):
    for frame in ("0", "-1"):
        assert exit_code([*RACE, "--frame", frame, "-o", f"frame{frame}.png"]) == 0
    assert (here / "frame0.png").read_bytes() != (here / "frame-1.png").read_bytes()
    capsys.readouterr()
    assert exit_code([*RACE, "--frame", "4", "-o", "none.png"]) == 2
    assert capsys.readouterr().err == "optiscope: the film has frames 0 to 3, or -1 for the last; got 4\n"


@pytest.mark.parametrize(
    "options",
    ["--lr tune", "--lr default", "--start -1,2.5", "--start (1,2)", "--start random --seed 3", "--theme dark",
     "--schedule CosineAnnealingLR", "--schedule ReduceLROnPlateau", "--clock linear", "--seconds 0.5 --hold 0",
     "--optimizer LBFGS", "--optimizer torch.optim.AdamW(weight_decay=0.1)"],
)  # fmt: skip
def test_gif_takes(options):
    # `--lr` is repeatable: beside the one of RACE it would be the second optimizer's.
    race = [word for word in RACE if word not in ("--lr", "0.01")] if options.startswith("--lr") else RACE
    assert exit_code([*race, *options.split(), "-o", "race.png"]) == 0


def test_gif_takes_a_rate_for_each(capsys):
    assert exit_code([*RACE, "--lr", "0.5", "-o", "race.png"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"SGD +lr 0.01 ", told)
    assert re.search(r"Adam +lr 0.5 ", told)
    assert exit_code([*RACE, "--lr", "0.5", "--lr", "1", "-o", "race.png"]) == 2
    assert "one for each of the 2 optimizers, got 3" in capsys.readouterr().err
    assert exit_code(["gif", "--lr", "tune", "--lr", "0.1", "-o", "race.png"]) == 2
    assert "lr must be 'tune' alone, or for each optimizer 'default' or a rate > 0, got tune, 0.1" in (
        capsys.readouterr().err
    )


def test_gif_refuses_an_optimizer_given_twice(here, capsys):
    twice = ["--optimizer", "SGD(momentum=0.9)", "--optimizer", "SGD( momentum = 0.90 )"]
    assert exit_code(["gif", *twice, "--lr", "0.1", "-o", "race.png"]) == 2
    assert "SGD(momentum=0.9) is given twice" in capsys.readouterr().err
    assert not (here / "race.png").exists()


@pytest.mark.parametrize("terminal", [True, False])
def test_gif_counts_its_runs_on_a_terminal_only(here, monkeypatch, capsys, terminal):
    from optiscope.racing import prepare_race

    given = {}

    def spied(*values, **more):
        given.update(more)
        return prepare_race(*values, **more)

    monkeypatch.setattr("optiscope.racing.prepare_race", spied)
    monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
    assert exit_code([*RACE, "-o", "race.png"]) == 0
    assert set(given) == ({"progress"} if terminal else set())
    assert ("runs done" in capsys.readouterr().err) <= terminal


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


def test_gif_s_defaults_are_the_library_s(here, monkeypatch):
    from optiscope.cli.commands import gif
    from optiscope.racing import prepare_race
    from optiscope.render import race

    told = {name: p.default for name, p in inspect.signature(gif).parameters.items()}
    for function, names in (
        (race, ("frames", "seconds", "theme", "clock")),
        (prepare_race, ("problem", "steps", "seed")),
    ):
        meant = {name: p.default for name, p in inspect.signature(function).parameters.items()}
        assert {name: told[name] for name in names} == {name: meant[name] for name in names}
    with monkeypatch.context() as patch:
        patch.setattr("optiscope.racing.prepare_race", lambda *given: prepare_race("beale", ["SGD"], lr=0.01, steps=5))
        assert exit_code(["gif", "--frames", "2"]) == 0
    assert (here / "results/optimizers.gif").exists()
    assert told["size"] == "x".join(map(str, inspect.signature(race).parameters["size"].default))


def test_gif_and_the_recipe_make_the_same_film(here, monkeypatch):
    assert exit_code(["gif", "--steps", "20", "--frames", "12"]) == 0
    assert not (here / "results/optimizers.gif").exists()
    monkeypatch.syspath_prepend(VIZ)
    monkeypatch.setattr("sys.argv", ["optimizers.py", "--tiny", "-o", "film.gif"])
    runpy.run_path(str(VIZ / "optimizers.py"), run_name="__main__")
    assert filecmp.cmp("film.gif", "results/beale.gif", shallow=False)


def test_the_demo_is_a_study_and_a_race(here, capsys, monkeypatch):
    from optiscope.racing import prepare_race

    short = 'name = "demo"\nproblems = ["beale"]\noptimizers = ["SGD"]\nlr = 0.01\nseeds = 2\nsteps = 5\n'
    monkeypatch.setattr("optiscope.study.demo_text", lambda: short)
    monkeypatch.setattr("optiscope.racing.prepare_race", lambda: prepare_race("beale", ["SGD"], lr=0.01, steps=5))
    assert exit_code(["demo", "--results", "elsewhere"]) == 0
    assert "```sh\noptiscope demo --results elsewhere\n```" in (here / "elsewhere/demo/report.md").read_text()
    capsys.readouterr()
    assert exit_code(["demo"]) == 0
    assert "race      results/optimizers.gif" in capsys.readouterr().out
    assert "../optimizers.gif" in (here / "results/demo/report.md").read_text()
    before = files(here / "results")
    assert exit_code(["demo"]) == 0
    after = files(here / "results")
    before.pop(here / "results/demo/study.toml")
    assert before.items() <= after.items()


def test_the_shipped_study_can_be_copied(here):
    from optiscope.study import Study

    (here / "copy.toml").write_text(demo_text())
    assert Study.load("copy.toml").name == "demo"


# -- runs that come to no end -----------------------------------------------------------------------------------------

BROKEN = """
import torch

class Broken(torch.optim.SGD):
    def step(self, closure=None):
        self.count = getattr(self, "count", 0) + 1
        if self.count == 3:
            raise RuntimeError("no\\nmore")
        return super().step(closure)
"""
LOST = 'name = "lost"\nproblems = ["sphere"]\noptimizers = [{}]\nlr = {}\nseeds = 2\nsteps = 6\n'
THE_FIRST = "the first, sphere / brittle.Broken / constant / lr 0.1 / seed 0: RuntimeError: no more"

# SGD multiplies x by 1 - 2e30: the sixth point is near 1e181, and its square is beyond float64.
FLEW = "the first, sphere / SGD / constant / lr 1e+30 / seed 0: "


@pytest.mark.parametrize(
    ("optimizers", "lr", "code", "told"),
    [
        ('"brittle.Broken"', 0.1, 1, f"all 2 runs failed with an error; {THE_FIRST}"),
        ('"SGD"', 1e30, 1, f"all 2 runs diverged; {FLEW}the loss was not finite at step 6"),
        ('"SGD", "brittle.Broken"', 0.1, 0, f"2 of 4 runs failed with an error; {THE_FIRST}"),
        ('"SGD", "brittle.Broken"', [0.1, 1e30], 0, "of 8 runs 4 failed with an error and 2 diverged; " + THE_FIRST),
        ('"SGD"', [0.1, 1e30], 0, f"2 of 4 runs diverged; {FLEW}"),
        ('"SGD"', 0.1, 0, None),
    ],
)  # fmt: skip
def test_runs_that_fail_are_told_and_all_of_them_are_no_success(here, capsys, monkeypatch, optimizers, lr, code, told):
    (here / "brittle.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(here)
    (here / "lost.toml").write_text(LOST.format(optimizers, lr))
    for _ in range(2):  # nor is it one when all that failed is found in the store
        assert exit_code(["run", "lost.toml"]) == code
        out, err = capsys.readouterr()
        assert err.count("\n") == code
        assert (here / "results/lost/report.md").exists()
        line = (err if code else out).splitlines()[-1]
        assert line.startswith(f"optiscope: {told}" if code else f"lost      {told}" if told else "runs ")
        assert ("What won" in out) == (code == 0)


# -- what cannot be used ----------------------------------------------------------------------------------------------

GIF = ["gif", "--lr", "0.01", "--steps", "5", "--frames", "3"]
BAD = [
    (
        ["lst"],
        "No such command 'lst', did you mean 'list'?; commands: demo, run, gif, gallery, report, audit, compact, list",
    ),
    (["frobnicate"], "commands: demo, run, gif, gallery, report, audit, compact, list"),
    (["--verison"], "--version"),
    (["gif", "--optimzer", "Adam"], "--optimizer"),
    (["list"], "Missing argument"),
    (["list", "problem"], "unknown catalogue 'problem', did you mean 'problems'?"),
    (["run"], "Missing argument"),
    (["run", "none.toml"], "cannot read study 'none.toml': No such file"),
    (["run", "stduy.toml"], "cannot read study 'stduy.toml': No such file, did you mean 'study.toml'?"),
    (["run", "."], "cannot read study '.': Is a directory"),
    (["run", "study.toml", "extra"], "extra"),
    (["run", "study.toml", "--jobs", "0"], "got '0'"),
    (["run", "study.toml", "--device", "cudda"], "device 'cudda' cannot be used here"),
    (["run", "study.toml", "--results", "in_the_way"], "'in_the_way/tiny'"),
    (["report", "nowhere"], "'nowhere' holds no runs"),
    (["report", "in_the_way"], "'in_the_way' holds no runs"),
    (["report"], "'results/demo' holds no runs"),
    ([*GIF, "rosenbrok"], "unknown problem 'rosenbrok', did you mean 'rosenbrock'?"),
    ([*GIF, ""], "cannot read ''"),
    ([*GIF, "beale("], "cannot read 'beale('"),
    ([*GIF, "beale(3)"], "arguments must be named"),
    ([*GIF, "beale(noise=open('x'))"], "is not a literal"),
    ([*GIF, "beale(nois=1)"], "did you mean 'noise'?"),
    ([*GIF, "beale(noise=-1)"], "noise must be a finite number >= 0, got -1"),
    ([*GIF, "nowhere.Problem"], "cannot import 'nowhere'"),
    ([*GIF, "torch.get_num_threads"], "torch.get_num_threads is no optiscope.Problem"),
    ([*GIF, "sphere(dim=3)"], "needs a problem of 2 coordinates, sphere(dim=3) has 3"),
    ([*GIF, "digits-cnn"], "needs a problem of 2 coordinates"),
    ([*GIF, "--optimizer", "Adm"], "unknown optimizer 'Adm', did you mean 'Adam'?"),
    ([*GIF, "--optimizer", "Adam(beta=1)"], "takes no argument 'beta', did you mean 'betas'?"),
    ([*GIF, "--optimizer", "Adam(betas=(2, 0.9))"], "Invalid beta parameter at index 0: 2"),
    ([*GIF, "--optimizer", "SGD(lr=1)"], "lr is an axis of its own"),
    ([*GIF, "--optimizer", "torch.nn.Linear"], "torch.nn.Linear is not a torch.optim.Optimizer class"),
    ([*GIF, "--optimizer", "Muon", "rosenbrock"], "Muon cannot run rosenbrock"),
    ([*GIF, "--schedule", "CosineAnealingLR"], "did you mean 'CosineAnnealingLR'?"),
    ([*GIF, "--schedule", "CosineAnnealingLR(T_max=3)"], "ends after 3 steps, the run after 5"),
    (["gif", "--lr", "fast"], "lr must be 'tune', 'default' or a rate > 0, got 'fast'"),
    (["gif", "--lr", "-1"], "lr must be > 0, got -1"),
    (["gif", "--lr", "nan"], "lr must be > 0, got nan"),
    (["gif", "--steps", "0"], "got '0'"),
    (["gif", "--steps=many"], "got 'many'"),
    (["gif", "--seed", "-1"], "got '-1'"),
    (["gif", "--seconds", "inf"], "got 'inf'"),
    (["gif", "--hold", "inf"], "got 'inf'"),
    ([*GIF, "--size", "big"], "size must be WIDTHxHEIGHT in pixels, such as 720x540, got 'big'"),
    ([*GIF, "--size", "100x100"], "480 by 360 pixels, got 100 by 100"),
    ([*GIF, "--size", "99999x99999"], "size must be at most"),
    ([*GIF, "--start", "here"], "got 'here'"),
    ([*GIF, "--start", "nan,1"], "got 'nan,1'"),
    ([*GIF, "--start", "1,2,3"], "a point of 2 numbers, got (1.0, 2.0, 3.0)"),
    ([*GIF, "--theme", "blue"], "theme must be one of light, dark, got 'blue'"),
    ([*GIF, "--clock", "cuckoo"], "got 'cuckoo'"),
    ([*GIF, "-o", "race.avi"], "cannot write 'race.avi': the file must end in one of .gif, .webp, .mp4, .png"),
    ([*GIF, "-o", "in_the_way/race.gif"], "cannot write 'in_the_way/race.gif'"),
    ([*GIF, "-o", "folder.gif"], "cannot write 'folder.gif': it is a folder"),
]
WRONG_STUDIES = [
    ("name = ", "is not TOML"),
    (STUDY.replace("steps", "stepz"), "unknown key 'stepz', did you mean 'steps'?"),
    (STUDY.replace("steps = 12", 'steps = "many"'), "steps: expected a whole number > 0"),
    (STUDY.replace("seeds = 2", "seeds = [0.5]"), "seeds[0]: expected a seed"),
    (STUDY.replace('["SGD", "Adam"]', '["SGD", "Adm"]'), "did you mean 'Adam'?"),
    (STUDY.replace('["SGD", "Adam"]', '["SGD(momentum=-1)"]'), "Invalid momentum value: -1"),
    (STUDY.replace('["SGD", "Adam"]', '["Muon"]'), "Muon cannot run beale"),
    (STUDY.replace('["SGD", "Adam"]', '"SGD"'), "optimizers: expected a list of optimizers, such as"),
    (STUDY.replace("lr = {", "lr = [-1] # {"), "lr[0]: expected a rate > 0"),
    (STUDY.replace('"random"', "[1, 2, 3]"), "start must be"),
    (STUDY.replace('"tiny"', '"../up"'), "name"),
    (STUDY + 'dtype = "float8"', "dtype must be one of"),
    ("name = 3\n" + STUDY.partition("\n\n")[2], "name"),
]


@pytest.fixture
def obstacles(here):
    (here / "in_the_way").touch()
    (here / "folder.gif").mkdir()
    return here


def complaint(capsys, arguments) -> str:
    assert exit_code(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("optiscope: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line(obstacles, capsys, arguments, message):
    assert message in complaint(capsys, arguments)
    assert {path.name for path in obstacles.iterdir()} == {"study.toml", "in_the_way", "folder.gif"}


@pytest.mark.parametrize(("text", "message"), WRONG_STUDIES, ids=[message for _, message in WRONG_STUDIES])
def test_a_malformed_study_is_one_line(here, capsys, text, message):
    (here / "wrong.toml").write_text(text)
    line = complaint(capsys, ["run", "wrong.toml"])
    assert line.startswith("optiscope: wrong.toml")
    assert message in line
    assert not (here / "results").exists()


def test_from_a_shell_it_is_one_line_too():
    ran = subprocess.run(process("gif", "rosenbrok"), capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2
    assert re.fullmatch(r"optiscope: unknown problem 'rosenbrok', did you mean 'rosenbrock'\?.*\n", ran.stderr)
    assert ran.stdout == ""


def test_nothing_is_lost_by_bad_input(done, here, capsys):
    before = osc.Store(done).runs()
    for text, _ in WRONG_STUDIES:
        (here / "study.toml").write_text(text)
        complaint(capsys, ["run", "study.toml"])
    (here / "study.toml").write_text(STUDY)
    complaint(capsys, ["run", "study.toml", "--device", "cudda"])
    complaint(capsys, ["gif", "sphere(dim=3)"])
    assert osc.Store(done).runs().equals(before)
    assert exit_code(["run", "study.toml"]) == 0
    assert osc.Store(done).runs().equals(before)


def test_a_page_that_cannot_be_written_costs_no_run(done, here, capsys):
    before = osc.Store(done).runs()
    for name in ("report.md", "report.json", "study.toml"):
        (done / name).unlink()
    (done / "report.md").mkdir()
    assert "report.md" in complaint(capsys, ["run", "study.toml"])
    (done / "report.md").rmdir()
    assert exit_code(["run", "study.toml"]) == 0
    assert osc.Store(done).runs().equals(before)


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


def test_a_damaged_part_is_one_line_and_is_run_again(done, here):
    for path in (done / "runs").iterdir():
        path.write_bytes(b"no table")
    ran = subprocess.run(process("run", "study.toml"), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0
    assert all(line.startswith("optiscope: warning: ") for line in ran.stderr.splitlines())
    assert "will be run again" in ran.stderr
    assert (osc.Store(done).runs()["purpose"] == "result").sum() == 16


# -- Ctrl-C -----------------------------------------------------------------------------------------------------------

LONG = """
name = "long"
problems = ["digits-cnn"]
optimizers = ["SGD"]
schedules = ["StepLR(step_size=9999)"]
lr = 0.01
seeds = 16
steps = 23
"""


def test_ctrl_c_keeps_what_is_finished(here):
    (here / "long.toml").write_text(LONG)
    running = subprocess.Popen(
        process("run", "long.toml", "--verbose"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # Each run says when it is over that its schedule never acted.
    for _ in range(3):
        assert "never acts" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("optiscope: interrupted; finished runs are kept")
    kept = osc.Store(here / "results/long").runs()
    assert 2 <= len(kept) < 16
    # The next call goes on from there: what was kept is what it was, to the second that it took.
    ran = subprocess.run(process("run", "long.toml"), capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    whole = osc.Store(here / "results/long").runs()
    assert sorted(whole["seed"]) == list(range(16))
    times = dict(zip(whole["run_id"], whole["wall_s"], strict=True))
    assert all(times[row.run_id] == row.wall_s for row in kept.itertuples())


def test_ctrl_c_at_any_moment_is_no_traceback(here):
    (here / "long.toml").write_text(LONG)
    running = subprocess.Popen(process("run", "long.toml"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)  # most likely while torch is imported; whenever it is, the same must hold
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT)
    assert running.returncode != 130 or "Traceback" not in err


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
