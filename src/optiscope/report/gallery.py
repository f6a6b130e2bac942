"""Recipes of pictures: what each must have, how one is made, and the page that shows them all.

A recipe is a module of its own file, NAME.py, with

    its docstring   the first paragraph says what to see, and stands under the picture; the rest says how it was made
    TITLE           the heading of the picture
    PART            the chapter of the page that it belongs to, one of PARTS
    FILE            the name of the file that it makes: NAME.png, or NAME.gif for a film
    make            make(tiny, store) runs what there is to run, and gives a Figure or a Film. `tiny` asks for a few
                    seconds' worth; `store` is a folder that this recipe's runs may be kept in

Everything else (options, where the file goes, the words beside it, the page) is the same for all and lives here.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from ..errors import InputError, StoreError, hint
from ..metrics import escape_markdown
from .tables import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..render import Film

PARTS = ("Races", "Schedules and losses", "Comparisons", "Why it moves as it does", "Networks", "Cover")
NEEDS = ("TITLE", "PART", "FILE", "make")


class Make(Protocol):
    """What a recipe's `make` is."""

    def __call__(self, tiny: bool, store: Path) -> Figure | Film:
        """Run, and draw."""
        ...


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read: `sees` is the sentence on what to see, `notes` how it was made."""

    name: str
    title: str
    part: str
    file: str
    sees: str
    notes: str
    make: Make

    @classmethod
    def of(cls, module: ModuleType, name: str) -> Recipe:
        """The recipe in a module. Raises InputError for one that lacks something."""
        missing = [what for what in NEEDS if not hasattr(module, what)]
        text = inspect.getdoc(module) or ""
        if missing or not text:
            lacks = ", ".join([*missing, *["a docstring"] * (not text)])
            raise InputError(f"{name}.py is no recipe: it lacks {lacks}")
        part: str = module.PART  # type: ignore[attr-defined]
        if part not in PARTS:
            raise InputError(f"{name}.py: PART must be one of {', '.join(PARTS)}, got {part!r}")
        sees, _, notes = text.partition("\n\n")
        words: Any = module
        return cls(name, words.TITLE, part, words.FILE, " ".join(sees.split()), notes.strip(), words.make)

    def cook(self, output: Path, *, tiny: bool = False) -> Path:
        """Make the picture and write it, its words beside it. A tiny one keeps no runs where the true ones are."""
        from ..render import save_picture

        store = output.parent / f"{self.name}_tiny" if tiny else output.parent / self.name
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write into {str(output.parent)!r}: {error.strerror or error}") from error
        return save_picture(self.make(tiny, store), output)


def read_recipes(folder: Path, only: Sequence[str] = ()) -> list[Recipe]:
    """All recipes of a folder, in the order of the page, or those named in `only`.

    Raises InputError where there is no such folder, none of that name, or a file that is no recipe.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")}
    if not files:
        raise InputError(f"no recipes in {str(folder)!r}: go to a checkout of optiscope, or say where with --recipes")
    for name in only:
        if name not in files:
            raise InputError(f"no recipe {name!r}{hint(name, files)} there are: {', '.join(files)}")
    sys.path.insert(0, str(folder.resolve()))  # recipes import their neighbour _recipe
    try:
        found = [Recipe.of(_load(path), name) for name, path in files.items() if not only or name in only]
    finally:
        sys.path.remove(str(folder.resolve()))
    return sorted(found, key=lambda recipe: (PARTS.index(recipe.part), recipe.name))


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"optiscope_recipe_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Pickling looks a class of the recipe's own up by its module's name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def gallery_page(recipes: Iterable[Recipe], folder: Path, source: str = "../viz") -> str:
    """The page of all pictures that `folder` holds, as Markdown, in chapters; `source` is where the recipes are."""
    chapters: dict[str, list[Recipe]] = {part: [] for part in PARTS}
    for recipe in recipes:
        if (folder / recipe.file).exists():
            chapters[recipe.part].append(recipe)
    blocks = ["# Gallery", "Every picture is made by `optiscope gallery`, and each by the short recipe named below it."]
    for part, here in chapters.items():
        blocks += [f"## {part}"] * bool(here)
        for recipe in here:
            words = escape_markdown(_alt(folder / recipe.file).replace("\n", " "))
            file = f"[{source.rstrip('/').rpartition('/')[2]}/{recipe.name}.py]({source}/{recipe.name}.py)"
            blocks += [
                f"### {escape_markdown(recipe.title)}",
                f"![{words}]({quote(recipe.file)})",
                f"{escape_markdown(recipe.sees)} {file}",
            ]
    return "\n\n".join(blocks) + "\n"


def write_gallery(recipes: Iterable[Recipe], folder: Path, source: str = "../viz") -> Path:
    """Write gallery.md beside the pictures."""
    return write_text(folder / "gallery.md", gallery_page(recipes, folder, source))


def _alt(picture: Path) -> str:
    try:
        return picture.with_suffix(".alt.txt").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
