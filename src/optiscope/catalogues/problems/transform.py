"""Changes that any test function takes: scaled, rotated, with noisy gradients, laid out for the optimizer.

Floor 1: imports `errors`, `spec`, `streams`, `shared`, NumPy and torch only. The loss stays a plain callable of
`(..., dim)`, and the value of a batch of lanes stays, to the bit, that of each lane alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ...errors import InputError, nearest
from ...spec import Layout, Problem
from ...streams import normal
from .shared import constant

_LAYOUTS = get_args(Layout)


def modify(
    problem: Problem, *, rotation: int | None = None, scale: float = 1.0, noise: float = 0.0, layout: Layout = "vector"
) -> Problem:
    """A test function scaled, then rotated, with the gradient noise and the layout given.

    `scale=s` stretches the axes (see `stretch`), `rotation=seed` turns them by a random rotation (see `rotate`),
    `noise` is the standard deviation of the normal noise that the engine adds to each coordinate of every gradient,
    `layout` is how the optimizer sees the point: "vector", "matrix" or "sparse". Rotation is about the centre of the
    scaled bounds, so the order of the two does not matter for the function, only for rounding.

    Raises InputError where a value is out of range, or the problem is a network.
    """
    if not problem.is_function:
        raise InputError(f"{problem.name} is a network: rotation, scale, noise and layout are for test functions")
    if isinstance(scale, bool) or scale != 1.0:
        problem = stretch(problem, scale)
    if rotation is not None:
        problem = rotate(problem, rotation)
    if not _is_number(noise) or not 0 <= noise < math.inf:
        raise InputError(f"noise must be a finite number >= 0, got {noise!r}")
    if layout not in _LAYOUTS:
        allowed = ", ".join(repr(name) for name in _LAYOUTS)
        raise InputError(f"layout must be one of {allowed}, got {layout!r}{nearest(str(layout), _LAYOUTS)}")
    return replace(problem, noise=noise or problem.noise, layout=layout if layout != "vector" else problem.layout)


@dataclass(frozen=True)
class _Stretched:
    loss: Callable[[Tensor], Tensor]
    factor: float

    def __call__(self, p: Tensor) -> Tensor:
        return self.loss(p / self.factor)


def stretch(problem: Problem, scale: float) -> Problem:
    """The function with its axes stretched: f_s(x) = f(x / s); start, minima and bounds are multiplied by s.

    Raises InputError where `scale` is not a finite number > 0.
    """
    if not _is_number(scale) or not 0 < scale < math.inf:
        raise InputError(f"scale must be a finite number > 0, got {scale!r}")

    def times(point: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(scale * v for v in point)

    return replace(
        problem,
        loss=_Stretched(_loss(problem), float(scale)),
        start=times(problem.start),
        minimum=None if problem.minimum is None else times(problem.minimum),
        minima=tuple(times(point) for point in problem.minima),
        bounds=tuple((scale * low, scale * high) for low, high in problem.bounds),
    )


@dataclass(frozen=True)
class _Rotated:
    loss: Callable[[Tensor], Tensor]
    matrix: tuple[tuple[float, ...], ...]
    centre: tuple[float, ...]

    def __call__(self, p: Tensor) -> Tensor:
        matrix = constant(self.matrix, p.dtype, p.device)
        centre = constant(self.centre, p.dtype, p.device)
        # A sum of products: matmul would pick another kernel, and other roundings, for another number of lanes.
        return self.loss(centre + (matrix * (p - centre).unsqueeze(-2)).sum(-1))


def rotate(problem: Problem, seed: int) -> Problem:
    """The function turned about the centre c of its bounds by a random rotation Q drawn from `seed`.

    f_Q(x) = f(c + Q (x - c)); a start or minimum m goes to c + Q^T (m - c), where the loss is what it was. The bounds
    stay the same box, so a point near a corner may come to lie outside, and, where the function falls further
    outside its bounds (eggholder, mccormick, michalewicz, schwefel), lower values may come to lie inside.

    Raises InputError where `seed` is not an integer >= 0, or the function has one coordinate or no bounds.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError(f"rotation must be the seed of a random rotation, an integer >= 0, got {seed!r}")
    if problem.dim < 2:
        raise InputError(f"rotation needs a function of 2 or more coordinates, {problem.name} has {problem.dim}")
    if not problem.bounds:
        raise InputError(f"rotation turns about the centre of the bounds, and {problem.name} has none")
    matrix = rotation_matrix(problem.dim, seed)
    centre = np.array([(low + high) / 2 for low, high in problem.bounds])

    def turn_back(point: tuple[float, ...]) -> tuple[float, ...]:
        offset = np.array(point) - centre
        return tuple((centre + (matrix * offset[:, None]).sum(0)).tolist())

    return replace(
        problem,
        loss=_Rotated(_loss(problem), tuple(map(tuple, matrix.tolist())), tuple(centre.tolist())),
        start=turn_back(problem.start),
        minimum=None if problem.minimum is None else turn_back(problem.minimum),
        minima=tuple(turn_back(point) for point in problem.minima),
    )


def rotation_matrix(dim: int, seed: int) -> NDArray[np.float64]:
    """A random proper rotation, shape `(dim, dim)`: orthogonal, determinant 1, uniform over all rotations.

    Gram-Schmidt on the rows of a matrix of normal numbers (G. W. Stewart 1980, The efficient generation of random
    orthogonal matrices, SIAM J. Numerical Analysis 17(3):403-409), with elementwise sums: a start that is rotated is
    part of a run's identity, which the roundings of a machine's LAPACK must not change.
    """
    draws = np.round(normal(seed, "rotation", 0, dim * dim), 9).reshape(dim, dim)
    rows = np.empty((dim, dim))
    for i, row in enumerate(draws):
        for _ in range(2):  # once leaves errors that grow with the dimension, twice is enough
            row = row - ((rows[:i] * row).sum(1)[:, None] * rows[:i]).sum(0)
        rows[i] = row / np.sqrt((row * row).sum())
    if np.linalg.det(rows) < 0:
        rows[-1] = -rows[-1]
    return rows


def _loss(problem: Problem) -> Callable[[Tensor], Tensor]:
    if problem.loss is None:
        raise InputError(f"{problem.name} is a network, not a test function")
    return problem.loss


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
