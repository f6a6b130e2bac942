"""What every recipe shares: its two options, and how its picture is saved."""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from optiscope.render import Race

RESULTS = Path(__file__).resolve().parent.parent / "results"


def options(what_to_see: str | None, name: str) -> tuple[bool, Path]:
    """`--tiny` and the file to write, results/NAME unless `-o` says otherwise."""
    parser = argparse.ArgumentParser(description=what_to_see)
    parser.add_argument("--tiny", action="store_true", help="a few seconds' worth, to see that the recipe works")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / name, help="the file to write")
    chosen = parser.parse_args()
    return chosen.tiny, chosen.output


def save(picture: Figure | Race, path: Path) -> None:
    """Write a figure or a film, and say where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture, Race):
        picture.save(path)
    else:
        picture.savefig(path, dpi=100, metadata={"Software": None})
    print(f"{path}  ({path.stat().st_size / 1e3:.0f} kB)")
