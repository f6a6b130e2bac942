"""`optiscope gif`: options into a race, the race into a file."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

from ..errors import InputError, StoreError
from ..syntax import file_name
from .given import rate
from .output import Console


def draw_race(
    problem: str, output: Path | None, optimizers: list[str] | None, schedule: str, horizon: str,
    lr: list[str] | None, steps: int, seed: int,
    start: str, size: str, frames: int, seconds: float, hold: float, theme: str, clock: str, frame: int,
) -> None:  # fmt: skip
    """Prepare, draw and save one race, and print where it is and who did how well."""
    from ..naming import as_problem
    from ..racing import CLASSICS, prepare_race
    from ..render import save_picture

    console = Console(stderr=True)
    as_problem(problem)  # a problem that is none is what the user hears of first, not the file named after it
    rates = [rate(text, "tune", "default") for text in lr or ["tune"]]
    chosen: Any = rates[0] if len(rates) == 1 else rates
    point, (width, height) = _start(start), _size(size)
    # The demo's page shows results/optimizers.gif and says what it is: no other race goes there unasked.
    usual = ("beale", [], "constant", "tune", 200, "canonical")
    shipped = (problem, optimizers or [], schedule, chosen, steps, start) == usual
    target = output or Path("results") / ("optimizers.gif" if shipped else f"{file_name(problem)}.gif")
    check_target(target)
    with console.status("tuning and running …") as status:
        done = 0

        def count(runs: list[Any]) -> None:
            nonlocal done
            done += len(runs)
            status.update(f"tuning and running: {done} runs done …")

        told = {"progress": count} if console.is_terminal else {}
        prepared = prepare_race(problem, optimizers or CLASSICS, schedule, chosen, steps, seed, point, horizon, **told)
        race = prepared.draw(size=(width, height), frames=frames, seconds=seconds, hold=hold, theme=theme, clock=clock)
        still = target.suffix.lower() == ".png"
        status.update("drawing …" if still else f"drawing {len(race)} frames …")
        target.parent.mkdir(parents=True, exist_ok=True)
        save_picture(race, target, frame)
    print(standings(prepared.results.runs, prepared.verdicts()))
    frames_of_it = "" if still else f", {len(race)} frame{'s' * (len(race) != 1)}"
    print(f"{target}  ({target.stat().st_size / 1e6:.2f} MB{frames_of_it})")


def standings(runs: Any, verdicts: Any = None) -> str:
    """One line an optimizer, best first: rate, final gap, best gap; what went below the least loss left the domain.

    With `verdicts`, each line ends with how the run ended, where its other words do not say it.
    """
    from ..metrics.cells import final_loss, left_domain, numbers

    def gap(loss: float, floor: float) -> float:
        # Less than the floor by rounding alone is the floor.
        return loss if math.isnan(floor) else max(loss - floor, 0.0)

    lines = []
    ends, outside = final_loss(runs), left_domain(numbers(runs, "loss_final"), numbers(runs, "loss_floor"))
    strayed = left_domain(numbers(runs, "loss_best"), numbers(runs, "loss_floor"))
    told = dict(zip(verdicts["run_id"], verdicts["words"], strict=True)) if verdicts is not None else {}
    order = runs.assign(ends=ends, outside=outside, strayed=strayed).sort_values("ends", kind="stable")
    for row in order.itertuples():
        end = f"ends {gap(row.loss_final, row.loss_floor):.3g}"
        if row.status in ("diverged", "error"):
            end = f"{row.status} at step {row.steps_done + 1}"
        elif row.outside:
            end = "left the domain"
        best = "" if row.strayed else f"best {gap(row.loss_best, row.loss_floor):.3g} above the minimum"
        words = told.get(row.run_id, "") if row.status not in ("diverged", "error") and not row.outside else ""
        lines.append(f"{row.optimizer:<24} lr {row.lr:<9.4g} {end:<24} {best:<32} {words}".rstrip())
    return "\n".join(lines)


def check_target(target: Path) -> None:
    """Raises InputError or StoreError before any work for a file that could not be written."""
    from ..render.encode import SUFFIXES

    if target.suffix.lower() not in SUFFIXES:
        raise InputError(f"cannot write {target.name!r}: the file must end in one of {', '.join(SUFFIXES)}")
    folder = next(path for path in (target.parent, *target.parent.absolute().parents) if path.exists())
    if target.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "it is a folder" if target.is_dir() else f"{str(folder)!r} is no folder that can be written"
        raise StoreError(f"cannot write {str(target)!r}: {reason}")


def _size(text: str) -> tuple[int, int]:
    from ..render.stage import LARGEST

    match = re.fullmatch(r"(\d+)[xX×](\d+)", text.strip())
    if match is None:
        raise InputError(f"size must be WIDTHxHEIGHT in pixels, such as 720x540, got {text!r}")
    width, height = int(match.group(1)), int(match.group(2))
    if width > LARGEST or height > LARGEST:
        raise InputError(f"size must be at most {LARGEST}x{LARGEST} pixels, got {text!r}")
    return width, height


def _start(text: str) -> Any:
    if text in ("canonical", "random"):
        return text
    try:
        point = tuple(float(part) for part in text.strip("() ").split(","))
    except ValueError:
        point = ()
    if not point or not all(map(math.isfinite, point)):
        raise InputError(f"start must be 'canonical', 'random' or a point such as 1.0,-2.5, got {text!r}")
    return point
