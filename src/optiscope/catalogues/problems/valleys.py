"""Test functions with a narrow or flat valley: rosenbrock, beale, dixon_price, powell, goldstein_price.

Floor 1: imports `spec`, `shared` and torch only. A loss maps `(..., dim)` to `(...)`, lane by lane.
"""

from __future__ import annotations

from torch import Tensor

from ...spec import Problem
from .shared import check_dim, coordinates, index, repeated


def _rosenbrock_plane(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    across = y - x * x
    along = 1 - x
    return 100 * (across * across) + along * along


def _rosenbrock(p: Tensor) -> Tensor:
    x, y = p[..., :-1], p[..., 1:]
    across = y - x * x
    along = 1 - x
    return (100 * (across * across) + along * along).sum(-1)


def rosenbrock(dim: int = 2) -> Problem:
    """The banana valley: easy to reach, slow to follow.

    f(x) = sum_i 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; minimum 0 at (1, …, 1). From 4 dimensions on there is a
    second, local minimum near (-1, 1, …, 1).
    """
    check_dim("rosenbrock", dim, least=2)
    return Problem(
        # The plane is the case that is run most: taken apart once, it costs fewer operations than slices do.
        "rosenbrock", _rosenbrock_plane if dim == 2 else _rosenbrock,
        repeated((-1.2, 1.0), dim), (1.0,) * dim, ((-2.0, 2.0), (-1.0, 3.0)) if dim == 2 else ((-2.048, 2.048),) * dim,
        minimum_value=0.0,
        formula="f(x) = sum_{i<dim} 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2",
        source="H. H. Rosenbrock (1960), An automatic method for finding the greatest or least value of a function, "
        "The Computer Journal 3(3):175-184, doi:10.1093/comjnl/3.3.175",
    )  # fmt: skip


def _beale(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    square = y * y
    a = 1.5 - x * (1 - y)
    b = 2.25 - x * (1 - square)
    c = 2.625 - x * (1 - square * y)
    return a * a + b * b + c * c


def beale() -> Problem:
    """A flat plain with steep walls at its corners; a second valley leads off to infinity for x < 0, y > 1.

    f(x, y) = (1.5 - x (1 - y))^2 + (2.25 - x (1 - y^2))^2 + (2.625 - x (1 - y^3))^2; minimum 0 at (3, 0.5).
    """
    return Problem(
        "beale", _beale, (0.7, 1.6), (3.0, 0.5), ((-4.5, 4.5),) * 2,
        minimum_value=0.0,
        formula="f(x, y) = (1.5 - x (1 - y))^2 + (2.25 - x (1 - y^2))^2 + (2.625 - x (1 - y^3))^2",
        source="E. M. L. Beale (1958), On an iterative method for finding a local minimum of a function of more than "
        "one variable, Technical Report 25, Statistical Techniques Research Group, Princeton University",
    )  # fmt: skip


def _dixon_price(p: Tensor) -> Tensor:
    first, rest = p[..., 0] - 1, p[..., 1:]
    step = 2 * (rest * rest) - p[..., :-1]
    return first * first + (index(p)[1:] * (step * step)).sum(-1)


def dixon_price(dim: int = 2) -> Problem:
    """A chain of parabolic valleys with two global minima, which differ in the sign of the last coordinate.

    f(x) = (x_1 - 1)^2 + sum_{i>1} i (2 x_i^2 - x_{i-1})^2; minima 0 at x_i = 2^(2^(1-i) - 1), last one of either sign.
    Every coordinate but the last is, at a minimum, twice a square, so only the last sign is free.
    """
    check_dim("dixon_price", dim, least=2)
    chain = tuple(2.0 ** (2.0 ** (1 - i) - 1) for i in range(1, dim + 1))
    return Problem(
        "dixon_price", _dixon_price, repeated((4.0, -2.0), dim), bounds=((-10.0, 10.0),) * dim,
        minima=(chain, (*chain[:-1], -chain[-1])),
        minimum_value=0.0,
        formula="f(x) = (x_1 - 1)^2 + sum_{i>1} i (2 x_i^2 - x_{i-1})^2",
        source="L. C. W. Dixon & R. C. Price (1989), Truncated Newton method for sparse unconstrained optimization "
        "using automatic differentiation, J. Optimization Theory and Applications 60(2):261-275",
    )  # fmt: skip


def _powell(p: Tensor) -> Tensor:
    a, b, c, d = p[..., 0::4], p[..., 1::4], p[..., 2::4], p[..., 3::4]
    first, second, third, fourth = a + 10 * b, c - d, b - 2 * c, a - d
    third, fourth = third * third, fourth * fourth
    return (first * first + 5 * (second * second) + third * third + 10 * (fourth * fourth)).sum(-1)


def powell(dim: int = 4) -> Problem:
    """Powell's singular function: the Hessian at the minimum has rank 2 of 4, so the last digits come slowly.

    f(x) = sum over groups (a, b, c, d) of four of (a + 10 b)^2 + 5 (c - d)^2 + (b - 2 c)^4 + 10 (a - d)^4; minimum 0
    at the origin. `dim` is a multiple of 4.
    """
    check_dim("powell", dim, least=4, multiple=4)
    return Problem(
        "powell", _powell, repeated((3.0, -1.0, 0.0, 1.0), dim), (0.0,) * dim, ((-4.0, 5.0),) * dim,
        minimum_value=0.0,
        formula="f(a, b, c, d) = (a + 10 b)^2 + 5 (c - d)^2 + (b - 2 c)^4 + 10 (a - d)^4, summed over groups of four",
        source="M. J. D. Powell (1962), An iterative method for finding stationary values of a function of several "
        "variables, The Computer Journal 5(2):147-151, doi:10.1093/comjnl/5.2.147",
    )  # fmt: skip


def _goldstein_price(p: Tensor) -> Tensor:
    # Both published polynomials of six terms depend on x and y through one sum only.
    x, y = coordinates(p)
    s = x + y
    d = 2 * x - 3 * y
    s1 = s + 1
    return (1 + s1 * s1 * (19 + s * (3 * s - 14))) * (30 + d * d * (18 + d * (3 * d - 16)))


def goldstein_price() -> Problem:
    """A product of two quartic troughs, with values from 3 to over a million and three local minima besides.

    f(x, y) = (1 + (s + 1)^2 (19 - 14 s + 3 s^2)) (30 + d^2 (18 - 16 d + 3 d^2)) with s = x + y, d = 2 x - 3 y;
    minimum 3 at (0, -1).
    """
    return Problem(
        "goldstein_price", _goldstein_price, (-1.0, -0.2), (0.0, -1.0), ((-2.0, 2.0),) * 2,
        minimum_value=3.0,
        formula="f(x, y) = (1 + (s + 1)^2 (19 - 14 s + 3 s^2)) (30 + d^2 (18 - 16 d + 3 d^2)), s = x + y, "
        "d = 2 x - 3 y",
        source="A. A. Goldstein & J. F. Price (1971), On descent from local minima, Mathematics of Computation "
        "25(115):569-574",
    )  # fmt: skip
