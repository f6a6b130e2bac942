"""Test functions with one basin: sphere, ill-conditioned quadratic, booth, matyas, zakharov.

Floor 1: imports `errors`, `spec`, `shared` and torch only. A loss maps `(..., dim)` to `(...)`, lane by lane.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...errors import InputError
from ...spec import Problem
from .shared import SURVEY, check_dim, constant, coordinates, index, repeated


def _sphere(p: Tensor) -> Tensor:
    return (p * p).sum(-1)


def sphere(dim: int = 2) -> Problem:
    """The sum of squares, the bowl that every optimizer must solve.

    f(x) = sum_i x_i^2; minimum 0 at the origin.
    """
    check_dim("sphere", dim)
    return Problem(
        "sphere", _sphere, repeated((-4.0, 3.0), dim), (0.0,) * dim, ((-5.12, 5.12),) * dim,
        minimum_value=0.0,
        formula="f(x) = sum_i x_i^2",
        source="K. A. De Jong (1975), An analysis of the behavior of a class of genetic adaptive systems, "
        "PhD thesis, University of Michigan (function F1)",
    )  # fmt: skip


@dataclass(frozen=True)
class _Quadratic:
    eigenvalues: tuple[float, ...]

    def __call__(self, p: Tensor) -> Tensor:
        return (constant(self.eigenvalues, p.dtype, p.device) * p * p).sum(-1) * 0.5


def quadratic(dim: int = 2, condition: float = 100.0) -> Problem:
    """An ill-conditioned quadratic: the eigenvalues of its Hessian are log-spaced from 1 to `condition`.

    f(x) = 1/2 sum_i l_i x_i^2 with l_i = condition^((i - 1) / (dim - 1)); minimum 0 at the origin. Gradient descent
    converges for lr < 2 / condition and then needs about `condition` steps for each factor of e. At the start,
    x_i = 4 / sqrt(l_i), every eigenvector holds the same share of the loss.
    """
    check_dim("quadratic", dim, least=2)
    if isinstance(condition, bool) or not isinstance(condition, (int, float)) or not 1 <= condition < float("inf"):
        raise InputError(f"quadratic: condition must be a finite number >= 1, got {condition!r}")
    eigenvalues = tuple(float(condition) ** (i / (dim - 1)) for i in range(dim))
    return Problem(
        "quadratic", _Quadratic(eigenvalues),
        # Rounded, because the start is part of a run's identity and the last digit of a power is the C library's.
        tuple(round(4 / value**0.5, 6) for value in eigenvalues), (0.0,) * dim, ((-5.0, 5.0),) * dim,
        minimum_value=0.0,
        formula="f(x) = 1/2 sum_i l_i x_i^2, l_i = condition^((i - 1) / (dim - 1))",
        source="S. Boyd & L. Vandenberghe (2004), Convex Optimization, Cambridge University Press, section 9.3",
    )  # fmt: skip


def _booth(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    a = x + 2 * y - 7
    b = 2 * x + y - 5
    return a * a + b * b


def booth() -> Problem:
    """A mild quadratic bowl whose axes lie at 45 degrees (condition number 9).

    f(x, y) = (x + 2 y - 7)^2 + (2 x + y - 5)^2; minimum 0 at (1, 3).
    """
    return Problem(
        "booth", _booth, (-7.0, -3.0), (1.0, 3.0), ((-10.0, 10.0),) * 2,
        minimum_value=0.0,
        formula="f(x, y) = (x + 2 y - 7)^2 + (2 x + y - 5)^2",
        source=SURVEY,
    )  # fmt: skip


def _matyas(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    return 0.26 * (x * x + y * y) - 0.48 * (x * y)


def matyas() -> Problem:
    """A flat quadratic trough along x = y (condition number 25).

    f(x, y) = 0.26 (x^2 + y^2) - 0.48 x y; minimum 0 at the origin.
    """
    return Problem(
        "matyas", _matyas, (-9.0, -3.0), (0.0, 0.0), ((-10.0, 10.0),) * 2,
        minimum_value=0.0,
        formula="f(x, y) = 0.26 (x^2 + y^2) - 0.48 x y",
        source=SURVEY,
    )  # fmt: skip


def _zakharov(p: Tensor) -> Tensor:
    slope = (0.5 * index(p) * p).sum(-1)
    square = slope * slope
    return (p * p).sum(-1) + square + square * square


def zakharov(dim: int = 2) -> Problem:
    """A plate-shaped bowl, quartic across one direction and quadratic across the others.

    f(x) = sum_i x_i^2 + s^2 + s^4 with s = sum_i i x_i / 2; minimum 0 at the origin.
    """
    check_dim("zakharov", dim)
    return Problem(
        "zakharov", _zakharov, repeated((-3.5, 6.0), dim), (0.0,) * dim, ((-5.0, 10.0),) * dim,
        minimum_value=0.0,
        formula="f(x) = sum_i x_i^2 + s^2 + s^4, s = sum_i i x_i / 2",
        source=SURVEY,
    )  # fmt: skip
