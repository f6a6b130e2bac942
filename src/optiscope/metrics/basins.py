"""Which minimum each run reached, and when. Frames in, frame out. Imports pandas and NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..errors import InputError
from .cells import failed, require

NONE, DIVERGED = -1, -2  # in the place of a minimum's number


def basins(
    runs: pd.DataFrame, trace: pd.DataFrame, minima: Sequence[tuple[float, ...]], radius: float | None = None
) -> pd.DataFrame:
    """One row a run, in the order of `runs`: run_id, optimizer, lr, x, y, basin, steps.

    x and y are its start; `basin` is the number of the minimum (from 0) that its last point lies within `radius` of,
    -1 where that is none, -2 where it diverged. `steps` is the first recorded step from which on it stays as near: with
    a trace of ends and a target, the step at which it arrived. It is NaN where it reached none.

    `radius` is a tenth of the least distance between two minima unless given (of 1 where there is but one).

    Raises InputError where a column is missing, no minimum is given, or a start is no point.
    """
    require(runs, ("run_id", "optimizer", "lr", "start", "status"), "runs")
    require(trace, ("run_id", "step", "x0", "x1"), "trace")
    known = np.asarray(minima, dtype=float)
    if known.ndim != 2 or known.shape[1] != 2 or not len(known):
        raise InputError(f"minima must be points of two coordinates, at least one, got {minima!r}")
    if radius is None:
        apart = np.linalg.norm(known[:, None] - known[None], axis=2)
        radius = float(apart[apart > 0].min()) / 10 if (apart > 0).any() else 0.1
    places = _points(runs["start"].tolist())
    number = pd.Series(np.arange(len(runs)), index=runs["run_id"])
    rows = trace[trace["run_id"].isin(number.index)]
    owner = number[rows["run_id"]].to_numpy()
    step = rows["step"].to_numpy(float)
    order = np.lexsort((step, owner))
    owner, step, points = owner[order], step[order], rows[["x0", "x1"]].to_numpy(float)[order]
    last = np.append(owner[1:] != owner[:-1], True) if len(owner) else np.zeros(0, bool)
    ends = np.full((len(runs), 2), np.nan)
    ends[owner[last]] = points[last]
    away = np.linalg.norm(ends[:, None] - known[None], axis=2)
    nearest = np.where(np.isnan(away).all(axis=1), 0, np.nan_to_num(away, nan=np.inf).argmin(axis=1))
    reached = away[np.arange(len(runs)), nearest] <= radius
    basin = np.where(failed(runs), DIVERGED, np.where(reached, nearest, NONE))
    # From which row on each run is near its own minimum: after its last row that is not.
    off = np.linalg.norm(points - known[nearest[owner]], axis=1) > radius
    after = np.full(len(runs), -np.inf)
    np.maximum.at(after, owner[off], step[off])
    inside = ~off & (step > after[owner])
    arrival = np.full(len(runs), np.inf)
    np.minimum.at(arrival, owner[inside], step[inside])
    return pd.DataFrame({
        "run_id": runs["run_id"].to_numpy(), "optimizer": runs["optimizer"].to_numpy(), "lr": runs["lr"].to_numpy(),
        "x": places[:, 0], "y": places[:, 1], "basin": basin, "steps": np.where(basin >= 0, arrival, np.nan),
    })  # fmt: skip


def _points(starts: Sequence[str]) -> np.ndarray:
    """Points from their texts, (n, 2); a hundred thousand at once."""
    parts = ",".join(starts).replace("(", "").replace(")", "").split(",")
    try:
        numbers = np.array(parts if starts else [], dtype=float)
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) != 2 * len(starts):
        raise InputError(f"basins need runs that start at points of two coordinates, got {starts[0]!r}")
    return numbers.reshape(-1, 2)
