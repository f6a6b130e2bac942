"""The loss of a two-dimensional function over a rectangle, as a frame, and the rectangle worth looking at.

Floor 1: imports `errors`, `spec`, NumPy, torch and, where it is used, pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ...errors import InputError
from ...spec import Problem

if TYPE_CHECKING:
    import pandas as pd

Box = Sequence[tuple[float, float]]

_REACH = 1.5  # a trajectory is shown up to this many half-widths of the bounds from their centre
_MARGIN = 0.08  # room around what must be seen, as a share of its extent
_SLENDER = 0.5  # least ratio of the shorter to the longer side, both measured in widths of the bounds
_LEAST = 0.05  # least side, in widths of the bounds, so that a run that never moves is still a picture
_TAIL, _STRETCH = 0.01, 4.0  # the outermost share of the points, and by how much they may stretch the rectangle


def landscape(problem: Problem, bounds: Box | None = None, resolution: tuple[int, int] = (200, 200)) -> pd.DataFrame:
    """The loss on a grid that includes the edges: columns x, y, loss (float64), row by row, y slow.

    `bounds` is `((x_low, x_high), (y_low, y_high))`, the problem's own where it is None; `resolution` is `(nx, ny)`.

    >>> bowl = Problem("bowl", lambda p: (p * p).sum(-1), start=(1., 1.), bounds=((0., 2.), (0., 3.)))
    >>> landscape(bowl, resolution=(3, 2)).loss.tolist()
    [0.0, 1.0, 4.0, 9.0, 10.0, 13.0]

    Raises InputError where the problem is no function of two coordinates, or the rectangle is none.
    """
    import pandas as pd

    (x_low, x_high), (y_low, y_high) = _checked(problem, problem.bounds if bounds is None else bounds)
    if len(resolution) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 2 for n in resolution):
        raise InputError(f"resolution must be (nx, ny), two integers >= 2, got {resolution!r}")
    nx, ny = resolution
    x, y = np.meshgrid(np.linspace(x_low, x_high, nx), np.linspace(y_low, y_high, ny))
    x, y = x.ravel(), y.ravel()
    assert problem.loss is not None
    with torch.no_grad():
        loss = problem.loss(torch.from_numpy(np.stack([x, y], axis=-1))).numpy()
    return pd.DataFrame({"x": x, "y": y, "loss": loss})


def view_bounds(problem: Problem, points: ArrayLike = ()) -> tuple[tuple[float, float], tuple[float, float]]:
    """The rectangle to draw: it holds the start, the bulk of the points, and the minima that these are nearest to.

    `points` has shape `(..., 2)`; points that are not finite are left out, and those further than 1.5 half-widths of
    the bounds from their centre are moved to that edge, so that one run that flew off does not shrink the others.
    Where the outermost 2 % of the points, one in a hundred at either end, would make it more than four times as wide
    or as high, they may lie outside. There is a margin around, and neither side is shorter than half the other,
    measured in widths of the bounds.

    Raises InputError where the problem is no function of two coordinates, or the points are not pairs.
    """
    _check_plane(problem)
    array = np.asarray(points, dtype=np.float64)
    if array.size and array.shape[-1] != 2:
        raise InputError(f"points must have shape (..., 2), got {array.shape}")
    array = array.reshape(-1, 2)
    centre, half = _frame_of_reference(problem)
    known = np.array([problem.start, *problem.minima])
    reach = np.maximum(_REACH * half, np.abs(known - centre).max(axis=0))
    array = array[np.isfinite(array).all(axis=1)]
    array = np.concatenate([[problem.start], np.clip(array, centre - reach, centre + reach)])
    bulk = np.quantile(array, (_TAIL, 1 - _TAIL), axis=0)
    inside = ((array >= bulk[0]) & (array <= bulk[1])).all(axis=1)
    core = np.concatenate([[problem.start], bulk, _nearest_minima(problem, array[inside], half)])
    seen = np.concatenate([array, _nearest_minima(problem, array, half)])
    stretch = np.ptp(seen, axis=0) / np.maximum(np.ptp(core, axis=0), _LEAST * 2 * half)
    wide = (stretch > _STRETCH / 2) & (stretch > _STRETCH).any()

    low = np.where(wide, core.min(axis=0), seen.min(axis=0))
    high = np.where(wide, core.max(axis=0), seen.max(axis=0))
    side = (high - low) * (1 + 2 * _MARGIN) / (2 * half)
    side = np.maximum(side, max(_LEAST, _SLENDER * side.max())) * (2 * half)
    middle = (low + high) / 2
    (x_low, y_low), (x_high, y_high) = (middle - side / 2).tolist(), (middle + side / 2).tolist()
    return (x_low, x_high), (y_low, y_high)


def _nearest_minima(problem: Problem, points: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
    minima = np.array(problem.minima, dtype=np.float64).reshape(-1, 2)
    if not len(minima):
        return minima
    distance = np.stack([np.square((points - minimum) / half).sum(axis=1) for minimum in minima])
    return minima[np.unique(distance.argmin(axis=0))]


def _frame_of_reference(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and half-widths of the bounds; without bounds, of a box about the start and the minima."""
    if problem.bounds:
        low, high = np.array(problem.bounds).T
        return (low + high) / 2, (high - low) / 2
    known = np.array([problem.start, *problem.minima])
    low, high = known.min(axis=0), known.max(axis=0)
    extent = float((high - low).max()) or 1.0
    return (low + high) / 2, np.full(2, extent)


def _check_plane(problem: Problem) -> None:
    if not problem.is_function:
        raise InputError(f"a landscape needs a function of 2 coordinates, and {problem.name} is a network")
    if problem.dim != 2:
        raise InputError(f"a landscape needs a function of 2 coordinates, and {problem.name} has {problem.dim}")


def _checked(problem: Problem, bounds: Box) -> Box:
    _check_plane(problem)
    if not bounds:
        raise InputError(f"{problem.name} has no bounds: give bounds=((x_low, x_high), (y_low, y_high))")
    box = np.asarray(bounds, dtype=np.float64) if all(np.size(pair) == 2 for pair in bounds) else np.empty(0)
    if box.shape != (2, 2) or not np.isfinite(box).all() or not (box[:, 0] < box[:, 1]).all():
        raise InputError(f"bounds must be ((x_low, x_high), (y_low, y_high)), finite, low < high, got {bounds!r}")
    return bounds
