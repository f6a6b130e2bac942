"""Every recipe of viz/ draws its picture, and says in its first sentence what to see in it."""

import runpy
from pathlib import Path

import pytest
from boxes import clashes
from PIL import Image

from optiscope.cli import exit_code
from optiscope.errors import InputError
from optiscope.render import Film, save_picture
from optiscope.report.gallery import gallery_page, read_recipes

ROOT = Path(__file__).parent.parent
VIZ = ROOT / "viz"
RECIPES = read_recipes(VIZ)


def test_every_recipe_is_short_and_says_what_to_see():
    for recipe in RECIPES:
        assert recipe.sees.endswith("."), recipe.name
        assert recipe.file in (f"{recipe.name}.png", f"{recipe.name}.gif")
        lines = (VIZ / f"{recipe.name}.py").read_text(encoding="utf-8").splitlines()
        assert 20 <= len(lines) <= 60, recipe.name
        assert lines[-2:] == ['if __name__ == "__main__":', "    cook(make)"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_draws(recipe, tmp_path):
    """Every line of the recipe runs, its words do not stand on each other, and the file is what its name says."""
    picture = recipe.make(True, tmp_path / "store")
    final = picture.still() if isinstance(picture, Film) else picture
    assert clashes(final) == []
    path = save_picture(picture, tmp_path / recipe.file)
    with Image.open(path) as image:
        assert image.width >= 480
        # Something is drawn on the paper.
        assert max(image.convert("L").histogram()) < 0.99 * image.width * image.height
        assert getattr(image, "n_frames", 1) == (len(picture) if isinstance(picture, Film) else 1)
    words = path.with_suffix(".alt.txt").read_text(encoding="utf-8")
    assert len(words.split()) >= 8


def test_one_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(VIZ)  # where Python looks first for what a script imports
    monkeypatch.setattr("sys.argv", ["losses.py", "--tiny", "-o", str(tmp_path / "made.png")])
    runpy.run_path(str(VIZ / "losses.py"), run_name="__main__")
    assert str(tmp_path / "made.png") in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"made.png", "made.alt.txt"}


RECIPE = '''"""What there is to see.

How it was made.
"""
from matplotlib.figure import Figure
from optiscope.render import Still
from optiscope.render.picture import describe

TITLE, PART, FILE = "A <bold> title", "Networks", "{name}.png"

def make(tiny, store):
    if {fails}:
        raise RuntimeError("out of\\nflour")
    return describe(Still(figsize=(1 if tiny else 2, 1)), "An [empty] square.")
'''


@pytest.fixture
def two(tmp_path):
    folder = tmp_path / "viz"
    folder.mkdir()
    for name, fails in (("good", False), ("bad", True)):
        (folder / f"{name}.py").write_text(RECIPE.format(name=name, fails=fails), encoding="utf-8")
    return folder


def test_the_gallery_makes_what_it_can_and_says_what_failed(two, tmp_path, capsys):
    results = tmp_path / "results"
    assert exit_code(["gallery", "--recipes", str(two), "--results", str(results)]) == 1
    out, err = capsys.readouterr()
    assert "good.png" in out
    assert "bad: RuntimeError: out of flour" in err
    assert "1 of 2 failed: bad" in err
    page = (results / "gallery.md").read_text(encoding="utf-8")
    assert "## Networks\n\n### A &lt;bold&gt; title\n\n![An \\[empty\\] square.](good.png)\n" in page
    assert "What there is to see. [viz/good.py](../viz/good.py)" in page
    assert "bad" not in page
    assert exit_code(["gallery", "--recipes", str(two), "--results", str(results), "--only", "good", "--tiny"]) == 0
    with Image.open(results / "good.png") as image:
        assert image.size == (100, 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"only": ["goood"]}, "no recipe 'goood', did you mean 'good'? there are: bad, good"),
        ({"folder": "nowhere"}, "no recipes in '.*nowhere': go to a checkout"),
        ({"text": "x = 1"}, "good.py is no recipe: it lacks TITLE, PART, FILE, make, a docstring"),
        ({"text": RECIPE.replace("Networks", "Networking")}, "PART must be one of Races, .*, got 'Networking'"),
    ],
)
def test_what_is_no_recipe_is_said_in_one_line(two, change, message):
    if "text" in change:
        (two / "good.py").write_text(change["text"].format(name="good", fails=False), encoding="utf-8")
    with pytest.raises(InputError, match=message.replace("?", "[?]")):
        read_recipes(two / change.get("folder", ""), change.get("only", ()))


def test_the_page_holds_only_what_is_there(tmp_path):
    assert gallery_page(RECIPES, tmp_path).count("![") == 0
