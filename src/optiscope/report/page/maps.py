"""The ground of a race: the loss around the paths of each two-dimensional function, and how its runs ended. No torch.

Only what the catalogue names is evaluated: a name with a dot would import somebody's code to draw a picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...errors import InputError
from ...metrics import verdicts
from ...render.race_map import Landscape
from .evidence import Evidence
from .pack import Numbers

GRID = (121, 91)
MOST_JUDGED = 4_000  # runs whose end is told in words


def race_grounds(evidence: Evidence, numbers: Numbers) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """For each setting whose runs left positions in two dimensions: its number, and its map where there is one.

    Also how each of its result runs ended, in words, by run_id.
    """
    trace = evidence.trace
    if not {"x0", "x1"} <= set(trace.columns):
        return [], {}
    flat = trace["x0"].notna() & trace["x1"].notna()
    if "x2" in trace:
        flat &= trace["x2"].isna()
    flat_runs = set(trace.loc[flat, "run_id"])
    results = evidence.results
    setting = evidence.setting_of(results) if len(results) else np.empty(0)
    shown = results["run_id"].isin(set(evidence.shown["run_id"])).to_numpy(bool)
    who = pd.Index(results["run_id"]).get_indexer(pd.Index(trace["run_id"]))
    where = np.where(who >= 0, setting[who], -1) if len(results) else np.full(len(trace), -1)
    each = max(MOST_JUDGED // max(len(evidence.settings), 1), 1)
    grounds, ended = [], {}
    for i, (key, name) in enumerate(evidence.settings.items()):
        own = results[(setting == i) & results["run_id"].isin(flat_runs).to_numpy(bool)]
        if own.empty:
            continue
        here = where == i
        rows = trace[here]
        points = rows.loc[shown[who[here]], ["x0", "x1"]].to_numpy(float)
        ground, frame = _ground(str(key[0]), points, own["loss_floor"].min(), numbers)
        grounds.append({"setting": i, "name": name, **ground})
        # Those that a reader meets first: of the rates that are shown, the first seeds.
        first = own.assign(_shown=shown[own.index]).sort_values(["_shown", "seed"], ascending=[False, True])[:each]
        told = verdicts(first, rows[rows["run_id"].isin(set(first["run_id"]))], frame)
        ended |= dict(zip(told["run_id"], told["words"], strict=True))
    return grounds, ended


def _ground(
    name: str, points: np.ndarray, floor: float, numbers: Numbers
) -> tuple[dict[str, Any], pd.DataFrame | None]:
    from ...catalogues.problems.landscape import landscape, view_bounds
    from ...naming import as_problem

    try:
        if "." in name.partition("(")[0]:
            raise InputError("it is no problem of the catalogue")
        problem = as_problem(name)
        frame = landscape(problem, view_bounds(problem, points), GRID)
        ground = Landscape(frame)
    except InputError as error:
        return {"reason": str(error)}, None
    depth, levels = ground.levels(float(floor))
    return {
        "x": [float(ground.x[0]), float(ground.x[-1])],
        "y": [float(ground.y[0]), float(ground.y[-1])],
        "grid": list(GRID),
        "depth": numbers.add(np.round(depth, 3)),
        "levels": [float(levels[0]), float(levels[-1]), len(levels)] if len(levels) else [],
        "minima": [[float(x) for x in point] for point in problem.minima],
    }, frame
