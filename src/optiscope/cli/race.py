"""`optiscope gif`: options into a race, the race into a file."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from rich.console import Console

from ..errors import InputError, StoreError


def draw_race(
    problem: str, output: Path | None, optimizers: list[str] | None, schedule: str, lr: str, steps: int, seed: int,
    start: str, size: str, frames: int, seconds: float, hold: float, theme: str, clock: str,
) -> None:  # fmt: skip
    """Prepare, draw and save one race, and print where it is and who did how well."""
    from ..racing import CLASSICS, prepare_race

    console = Console(stderr=True)
    target = output or Path("results") / ("optimizers.gif" if problem == "beale" else f"{_file_name(problem)}.gif")
    check_target(target)
    width, height = _size(size)
    with console.status("tuning and running …") as status:
        prepared = prepare_race(
            problem, optimizers or CLASSICS, schedule, _rate(lr), steps, seed, _start(start)
        )  # fmt: skip
        race = prepared.draw(
            size=(width, height), frames=frames, seconds=seconds, hold=hold, theme=theme, clock=clock
        )
        status.update(f"drawing {len(race)} frames …")
        race.save(target)
    print(standings(prepared.results.runs))
    print(f"{target}  ({target.stat().st_size / 1e6:.2f} MB, {len(race)} frames)")


def standings(runs: Any) -> str:
    """One line an optimizer, best first: rate, final gap, best gap."""
    lines = []
    for row in runs.sort_values(["loss_final"]).itertuples():
        floor = 0.0 if math.isnan(row.loss_floor) else row.loss_floor
        end = f"diverged at step {row.steps_done + 1}" if row.status == "diverged" else f"ends {row.loss_final - floor:.3g}"
        lines.append(f"{row.optimizer:<24} lr {row.lr:<9.4g} {end:<24} best {row.loss_best - floor:.3g} above the minimum")
    return "\n".join(lines)


def check_target(target: Path) -> None:
    """Raises InputError or StoreError before any work for a file that could not be written."""
    allowed = (".gif", ".webp", ".mp4", ".png")
    if target.suffix.lower() not in allowed:
        raise InputError(f"cannot write {target.name!r}: the file must end in one of {', '.join(allowed)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {str(target.parent)!r}: {error.strerror or error}") from error
    if not os.access(target.parent, os.W_OK) or target.is_dir():
        raise StoreError(f"cannot write {str(target)!r}: it is a folder, or its folder may not be written")


def _file_name(problem: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", problem).strip("_")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text.strip())
    if match is None:
        raise InputError(f"size must be WIDTHxHEIGHT in pixels, such as 720x540, got {text!r}")
    return int(match.group(1)), int(match.group(2))


def _rate(text: str) -> str | float:
    if text in ("tune", "default"):
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"lr must be 'tune', 'default' or a rate > 0, got {text!r}") from None


def _start(text: str) -> Any:
    if text in ("canonical", "random"):
        return text
    try:
        return tuple(float(part) for part in text.strip("() ").split(","))
    except ValueError:
        raise InputError(f"start must be 'canonical', 'random' or a point such as 1.0,-2.5, got {text!r}") from None
