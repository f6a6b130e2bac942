"""What every recipe shares. A recipe is one short file (20 to 60 lines), one picture; all of them have the same parts:

    docstring   first paragraph: one or two sentences on what to see (they stand under the picture in the gallery);
                further paragraphs: how it was made, what is tuned, what lines and bands are
    TITLE       the heading in the gallery, a few words
    PART        its chapter there, one of optiscope.report.gallery.PARTS: "Races", "Schedules and losses",
                "Comparisons", "Why it moves as it does", "Networks", "Cover"
    FILE        what it writes into results/: "NAME.png", or "NAME.gif" for a film
    make        make(tiny, store) -> Figure or Film, what a function of optiscope.render gives. `tiny`: a few seconds'
                worth, in which every line of the recipe still runs. `store`: results/NAME, a folder that may be handed
                to osc.run and osc.tune, so that a second call only draws
    the last lines

        if __name__ == "__main__":
            cook(make)

A recipe saves nothing and prints nothing; what is drawn lives in optiscope.render, which also says what the picture
shows for those who do not see it (`describe` there).

    python viz/NAME.py [--tiny] [-o FILE]       one picture
    optiscope gallery [--tiny] [--only NAME]    all of them, and results/gallery.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from optiscope.errors import OptiscopeError
from optiscope.report.gallery import Make, Recipe

RESULTS = Path(__file__).resolve().parent.parent / "results"


def cook(make: Make) -> None:
    """Read the options, make the recipe's picture, and say where it is."""
    module = sys.modules[make.__module__]  # type: ignore[attr-defined]
    recipe = Recipe.of(module, Path(str(module.__file__)).stem)
    parser = argparse.ArgumentParser(description=recipe.sees)
    parser.add_argument("--tiny", action="store_true", help="a few seconds' worth, to see that the recipe works")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / recipe.file, help="the file to write")
    chosen = parser.parse_args()
    try:
        path = recipe.cook(chosen.output, tiny=chosen.tiny)
    except OptiscopeError as error:
        sys.exit(f"{recipe.name}: {error}")
    print(f"{path}  ({path.stat().st_size / 1e3:.0f} kB)")
