"""Every recipe of viz/ draws its picture, and says in its first sentence what to see in it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
RECIPES = sorted(path for path in (ROOT / "viz").glob("*.py") if not path.name.startswith("_"))


def test_the_recipes_are_short_and_say_what_to_see():
    assert [path.stem for path in RECIPES] == ["convergence", "demo_cnn", "optimizers", "schedules"]
    for path in RECIPES:
        text = path.read_text(encoding="utf-8")
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
        assert first.endswith("."), path
        assert len(text.splitlines()) <= 60


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_draws(recipe, tmp_path):
    target = tmp_path / ("made.gif" if recipe.stem == "optimizers" else "made.png")
    done = subprocess.run(
        [sys.executable, "-W", "error", recipe, "--tiny", "-o", target], capture_output=True, text=True, cwd=tmp_path,
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert str(target) in done.stdout
    with Image.open(target) as image:
        assert image.width >= 480
        assert len(image.convert("RGB").getcolors(1 << 24)) > 10
