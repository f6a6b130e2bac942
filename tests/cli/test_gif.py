"""`optiscope gif`: the film, its options, and that the recipe makes the same one."""

import filecmp
import inspect
import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

from optiscope.cli import exit_code

pytestmark = pytest.mark.usefixtures("here")
VIZ = Path(__file__).parent.parent.parent / "viz"
RACE = ["gif", "--optimizer", "SGD", "--optimizer", "Adam", "--lr", "0.01", "--steps", "8", "--frames", "4"]


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
    assert exit_code(["gif", "--frames", "12"]) == 0
    monkeypatch.syspath_prepend(VIZ)
    monkeypatch.setattr("sys.argv", ["optimizers.py", "--tiny", "-o", "film.gif"])
    runpy.run_path(str(VIZ / "optimizers.py"), run_name="__main__")
    assert filecmp.cmp("film.gif", "results/optimizers.gif", shallow=False)
