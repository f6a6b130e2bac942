"""Random searches as a report tells them: the space, the trials, what won, and what lies on an edge. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..metrics import flat_arguments, to_markdown

SCALES = {"log": "log-uniform", "linear": "uniform", "near_one": "1 - value log-uniform"}
EDGE = "A winner in the outer fiftieth of a range is on its edge: a wider range may do better."


def searches_told(searches: Sequence[Mapping[str, Any]], runs: pd.DataFrame) -> list[str]:
    """Blocks of Markdown on the searches whose winners are among the results; nothing where there are none."""
    results = runs[runs["purpose"] == "result"]
    cell = ["problem", "optimizer", "schedule", "start", "steps"]
    shown = set(results[[*cell, "lr"]].itertuples(index=False, name=None))
    told = [one for one in searches if (*(one[name] for name in cell), one["values"]["lr"]) in shown]
    if not told:
        return []
    told = sorted(told, key=lambda one: [str(one[name]) for name in cell])
    won = pd.DataFrame([_row(one) for one in told])
    spaces = pd.DataFrame(_space_rows(told))
    blocks = ["### Random search", to_markdown(won, infinite="diverged"), "### Search spaces", to_markdown(spaces)]
    return [*blocks, EDGE] if any(one["edges"] for one in told) else blocks


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    values = {"optimizer": {k: v for k, v in one["values"].items() if k != "lr"}}
    found = ", ".join(f"{name}={_short(value)}" for name, value in flat_arguments(values).items())
    return {
        "Problem": one["problem"],
        "Optimizer": one["optimizer"],
        "Schedule": one["schedule"],
        "Trials": one["trials"],
        "Infinite": one["diverged"],
        "Seeds": one["seeds"],
        "Score": float("inf") if one["score"] is None else one["score"],
        "lr": one["values"]["lr"],
        "Found": found or "–",
        "On an edge": ", ".join(f"{name}: {side}" for name, side in one["edges"].items()) or "none",
    }


def _space_rows(searches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a hyperparameter and distribution: who is searched so stands beside it."""
    who: dict[tuple[str, str], dict[str, None]] = {}
    for one in searches:
        own = {name: part for name, part in one["space"].items() if name != "schedule"}
        its = {f"schedule.{name}": part for name, part in one["space"].get("schedule", {}).items()}
        for entries, label in ((own, one["optimizer"]), (its, one["schedule"])):
            for name, entry in entries.items():
                parts = {name: entry}
                if isinstance(entry, list) and any(isinstance(part, dict) for part in entry):
                    parts = {f"{name}[{i}]": part for i, part in enumerate(entry)}
                for drawn, part in parts.items():
                    who.setdefault((drawn, _words(part)), {})[label] = None
    return [
        {"Hyperparameter": name, "Drawn from": words, "Of": ", ".join(labels)} for (name, words), labels in who.items()
    ]


def _words(part: Any) -> str:
    if isinstance(part, list):
        return "one of " + ", ".join(map(str, part))
    if not isinstance(part, Mapping):
        return f"fixed: {part}"
    zero = f"zero with chance {part['zero']:g}, else " if part.get("zero") else ""
    whole = ", whole numbers" if part.get("whole") else ""
    return f"{zero}{part['low']:g} … {part['high']:g}, {SCALES[part['scale']]}{whole}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
