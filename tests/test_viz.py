"""Every recipe of viz/ draws its picture, and says in its first sentence what to see in it."""

import ast
import runpy
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
RECIPES = sorted(path for path in (ROOT / "viz").glob("*.py") if not path.name.startswith("_"))


def test_the_recipes_are_short_and_say_what_to_see():
    names = ["convergence", "demo_cnn", "groups", "losses", "optimizers", "schedules", "zero_grad"]
    assert [path.stem for path in RECIPES] == names
    for path in RECIPES:
        text = path.read_text(encoding="utf-8")
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
        assert first.endswith("."), path
        assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_draws(recipe, tmp_path, monkeypatch, capsys):
    target = tmp_path / ("made.gif" if recipe.stem == "optimizers" else "made.png")
    monkeypatch.syspath_prepend(ROOT / "viz")
    monkeypatch.setattr("sys.argv", [recipe.name, "--tiny", "-o", str(target)])
    runpy.run_path(str(recipe), run_name="__main__")
    assert str(target) in capsys.readouterr().out
    with Image.open(target) as image:
        assert image.width >= 480
        assert len(image.convert("RGB").getcolors(1 << 24)) > 10
