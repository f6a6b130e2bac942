"""The ground of a race: the loss around the paths of each two-dimensional function, and how runs ended. No torch.

Only what the catalogue names is evaluated: a name with a dot would import somebody's code to draw a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...errors import InputError
from ...metrics import verdicts
from ...render.race_map import Landscape
from .pack import Numbers

if TYPE_CHECKING:
    from .evidence import Evidence

GRID = (121, 91)
MOST_JUDGED = 60_000  # runs whose end is told in words: some ten seconds


@dataclass(frozen=True)
class Map:
    """The ground of one setting: the loss on a grid, or the reason why there is none."""

    setting: int
    name: str
    floor: float
    frame: pd.DataFrame | None
    minima: Sequence[Sequence[float]] = ()
    reason: str = ""


def maps_of(evidence: Evidence) -> list[Map]:
    """One for each setting whose runs left positions in two dimensions."""
    trace, results = evidence.trace, evidence.results
    if not {"x0", "x1"} <= set(trace.columns) or results.empty:
        return []
    flat = trace["x0"].notna() & trace["x1"].notna()
    if "x2" in trace:
        flat &= trace["x2"].isna()
    where = evidence.setting_of(results)
    who = pd.Index(results["run_id"]).get_indexer(pd.Index(trace["run_id"]))
    here = np.where((who >= 0) & flat.to_numpy(bool), where[who], -1)
    shown = results["run_id"].isin(set(evidence.shown["run_id"])).to_numpy(bool)[who]
    floors = results["loss_floor"].groupby(where).min()
    found = []
    for i, (key, name) in enumerate(evidence.settings.items()):
        own = here == i
        if own.any():
            points = trace.loc[own & shown, ["x0", "x1"]].to_numpy(float)
            found.append(Map(i, name, float(floors[i]), *_seen(str(key[0]), points)))
    return found


def ended_of(evidence: Evidence) -> pd.DataFrame:
    """How the result runs ended, as `metrics.verdicts` says it: of those that left a trace, the shown ones first.

    A run that diverged or failed is told without one. Beyond 60,000 runs those of the first seeds are.
    """
    runs, grounds = evidence.results, {one.setting: one.frame for one in evidence.maps}
    where = evidence.setting_of(runs) if len(runs) else np.empty(0, int)
    traced = runs["run_id"].isin(evidence.trace["run_id"].unique()) | runs["status"].isin(("diverged", "error"))
    order = runs.assign(_where=where, _first=runs["run_id"].isin(set(evidence.shown["run_id"])))[traced.to_numpy(bool)]
    order = order.sort_values(["_first", "seed"], ascending=[False, True], kind="stable").head(MOST_JUDGED)
    rows = dict(tuple(evidence.trace.groupby(_place(evidence.trace, order))))
    none = evidence.trace[:0]
    told = [
        verdicts(own, rows.get(i, none), grounds.get(i))  # type: ignore[arg-type]
        for i, own in order.groupby("_where", sort=True)
    ]
    return pd.concat(told, ignore_index=True) if told else verdicts(runs[:0], none)


def race_grounds(evidence: Evidence, numbers: Numbers) -> list[dict[str, Any]]:
    """For each setting whose runs left positions in two dimensions: its number, and its map where there is one."""
    return [{"setting": one.setting, "name": one.name, **_packed(one, numbers)} for one in evidence.maps]


def _place(trace: pd.DataFrame, runs: pd.DataFrame) -> np.ndarray:
    """The setting of each row of the trace; -1 where its run is not asked for."""
    who = pd.Index(runs["run_id"]).get_indexer(pd.Index(trace["run_id"]))
    return np.where(who >= 0, runs["_where"].to_numpy()[who], -1) if len(runs) else np.full(len(trace), -1)


def _seen(name: str, points: np.ndarray) -> tuple[pd.DataFrame | None, Sequence[Sequence[float]], str]:
    from ...catalogues.problems.landscape import landscape, view_bounds
    from ...naming import as_problem

    try:
        if "." in name.partition("(")[0]:
            raise InputError("it is no problem of the catalogue")
        problem = as_problem(name)
        frame = landscape(problem, view_bounds(problem, points), GRID)
        Landscape(frame)  # one that cannot be drawn says why
    except InputError as error:
        return None, (), str(error)
    return frame, problem.minima, ""


def _packed(one: Map, numbers: Numbers) -> dict[str, Any]:
    if one.frame is None:
        return {"reason": one.reason}
    ground = Landscape(one.frame)
    depth, levels = ground.levels(one.floor)
    return {
        "x": [float(ground.x[0]), float(ground.x[-1])],
        "y": [float(ground.y[0]), float(ground.y[-1])],
        "grid": list(GRID),
        "depth": numbers.add(np.round(depth, 3)),
        "levels": [float(levels[0]), float(levels[-1]), len(levels)] if len(levels) else [],
        "minima": [[float(x) for x in point] for point in one.minima],
    }
