"""Test functions with a few basins and the saddles between them: saddle, monkey_saddle, himmelblau, the camels, …

Floor 1: imports `spec`, `shared` and torch only. A loss maps `(..., 2)` to `(...)`, lane by lane.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...spec import Problem
from .shared import SURVEY, check_dim, coordinates, repeated

_DAUPHIN = (
    "Y. N. Dauphin, R. Pascanu, C. Gulcehre, K. Cho, S. Ganguli & Y. Bengio (2014), Identifying and attacking the "
    "saddle point problem in high-dimensional non-convex optimization, NeurIPS, arXiv:1406.2572"
)


def _saddle(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    square = y * y
    return x * x + square * (0.25 * square - 1)


def saddle() -> Problem:
    """The textbook saddle x^2 - y^2, with a quartic in y so that minima exist.

    f(x, y) = x^2 - y^2 + y^4 / 4; saddle 0 at the origin, minima -1 at (0, ±sqrt 2). The start lies on the ridge
    but for a hundredth: what matters is how soon an optimizer notices the way down.
    """
    return Problem(
        "saddle", _saddle, (1.5, 0.01), bounds=((-2.0, 2.0),) * 2,
        minima=((0.0, math.sqrt(2)), (0.0, -math.sqrt(2))),
        minimum_value=-1.0,
        formula="f(x, y) = x^2 - y^2 + y^4 / 4",
        source=_DAUPHIN + "; the quartic is ours, to bound it below",
    )  # fmt: skip


def _monkey_saddle(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    xx, yy = x * x, y * y
    r = xx + yy
    return x * (xx - 3 * yy) + 0.5 * (r * r)


def monkey_saddle() -> Problem:
    """The monkey saddle x^3 - 3 x y^2, whose Hessian vanishes at the origin, with a quartic so that minima exist.

    f(x, y) = x^3 - 3 x y^2 + (x^2 + y^2)^2 / 2, or r^3 cos 3t + r^4 / 2 in polar coordinates: a degenerate saddle at
    the origin, minima -27/32 at r = 3/2, t = 60, 180 and 300 degrees. The start lies on the ridge t = 0, slightly off.
    """
    high = 0.75 * math.sqrt(3)
    return Problem(
        "monkey_saddle", _monkey_saddle, (1.5, 0.05), bounds=((-2.0, 2.0),) * 2,
        minima=((-1.5, 0.0), (0.75, high), (0.75, -high)),
        minimum_value=-0.84375,
        formula="f(x, y) = x^3 - 3 x y^2 + (x^2 + y^2)^2 / 2",
        source=_DAUPHIN + "; the quartic is ours, to bound it below",
    )  # fmt: skip


def _himmelblau(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    a = x * x + y - 11
    b = x + y * y - 7
    return a * a + b * b


def himmelblau() -> Problem:
    """Four equal minima around a hill; the start is just off the top, so small differences choose the basin.

    f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2; minima 0 at (3, 2) and three more points.
    """
    return Problem(
        "himmelblau", _himmelblau, (-0.25, -1.0), bounds=((-5.0, 5.0),) * 2,
        minima=(
            (3.0, 2.0),
            (-2.8051180869527449, 3.1313125182505730),
            (-3.7793102533777469, -3.2831859912861694),
            (3.5844283403304917, -1.8481265269644036),
        ),
        minimum_value=0.0,
        formula="f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2",
        source="D. M. Himmelblau (1972), Applied Nonlinear Programming, McGraw-Hill",
    )  # fmt: skip


def _three_hump_camel(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    square = x * x
    return square * (2 + square * (square / 6 - 1.05)) + y * (x + y)


def three_hump_camel() -> Problem:
    """Three basins in a row, the middle one deepest; the start lies above an outer one.

    f(x, y) = 2 x^2 - 1.05 x^4 + x^6 / 6 + x y + y^2; minimum 0 at the origin.
    """
    return Problem(
        "three_hump_camel", _three_hump_camel, (-2.2, 2.5), (0.0, 0.0), ((-5.0, 5.0),) * 2,
        minimum_value=0.0,
        formula="f(x, y) = 2 x^2 - 1.05 x^4 + x^6 / 6 + x y + y^2",
        source=SURVEY,
    )  # fmt: skip


def _six_hump_camel(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    xx, yy = x * x, y * y
    return xx * (4 + xx * (xx / 3 - 2.1)) + x * y + 4 * (yy * (yy - 1))


def six_hump_camel() -> Problem:
    """Six basins, two of them deepest and equal.

    f(x, y) = (4 - 2.1 x^2 + x^4 / 3) x^2 + x y + (4 y^2 - 4) y^2; minima -1.0316… at ±(0.0898…, -0.7126…).
    """
    x, y = 0.08984201310031806, -0.7126564030207396
    return Problem(
        "six_hump_camel", _six_hump_camel, (1.2, 1.1), bounds=((-3.0, 3.0), (-2.0, 2.0)),
        minima=((x, y), (-x, -y)),
        minimum_value=-1.0316284534898774,
        formula="f(x, y) = (4 - 2.1 x^2 + x^4 / 3) x^2 + x y + (4 y^2 - 4) y^2",
        source="L. C. W. Dixon & G. P. Szegö (1978), The global optimization problem: an introduction, in Towards "
        "Global Optimisation 2, North-Holland, 1-15",
    )  # fmt: skip


def _styblinski_tang(p: Tensor) -> Tensor:
    square = p * p
    return (square * (square - 16) + 5 * p).sum(-1) * 0.5


def styblinski_tang(dim: int = 2) -> Problem:
    """Two basins a coordinate, the left one deeper; the start lies near the hilltop between them.

    f(x) = 1/2 sum_i (x_i^4 - 16 x_i^2 + 5 x_i); minimum -39.166… dim at x_i = -2.9035….
    """
    check_dim("styblinski_tang", dim)
    return Problem(
        "styblinski_tang", _styblinski_tang, repeated((0.4, -0.5), dim), (-2.9035340277711771,) * dim,
        ((-5.0, 5.0),) * dim,
        minimum_value=-39.166165703771415464 * dim,
        formula="f(x) = 1/2 sum_i (x_i^4 - 16 x_i^2 + 5 x_i)",
        source="M. A. Styblinski & T.-S. Tang (1990), Experiments in nonconvex optimization: stochastic approximation "
        "with function smoothing and simulated annealing, Neural Networks 3(4):467-483",
    )  # fmt: skip


def _branin(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    a = y - (5.1 / (4 * math.pi**2)) * (x * x) + (5 / math.pi) * x - 6
    return a * a + (10 - 10 / (8 * math.pi)) * torch.cos(x) + 10


def branin() -> Problem:
    """A parabolic valley with a cosine along it: three equal minima. Outside its bounds there are more.

    f(x, y) = (y - 5.1 x^2 / (4 pi^2) + 5 x / pi - 6)^2 + 10 (1 - 1 / (8 pi)) cos x + 10; minima 5 / (4 pi) at
    (-pi, 12.275), (pi, 2.275) and (3 pi, 2.475), where both the square and the slope of the cosine vanish.
    """
    return Problem(
        "branin", _branin, (6.0, 14.0), bounds=((-5.0, 10.0), (0.0, 15.0)),
        minima=((-math.pi, 12.275), (math.pi, 2.275), (3 * math.pi, 2.475)),
        minimum_value=5 / (4 * math.pi),
        formula="f(x, y) = (y - 5.1 x^2 / (4 pi^2) + 5 x / pi - 6)^2 + 10 (1 - 1 / (8 pi)) cos x + 10",
        source="F. H. Branin (1972), Widely convergent method for finding multiple solutions of simultaneous nonlinear "
        "equations, IBM J. Research and Development 16(5):504-522",
    )  # fmt: skip


def _mccormick(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    difference = x - y
    return torch.sin(x + y) + difference * difference - 1.5 * x + 2.5 * y + 1


def mccormick() -> Problem:
    """A tilted sine along a trough. The minimum is that of the bounds: each (pi, pi) further down the loss is pi less.

    f(x, y) = sin(x + y) + (x - y)^2 - 1.5 x + 2.5 y + 1; minimum -sqrt(3)/2 - pi/3 at (1/2 - pi/3, -1/2 - pi/3).
    """
    return Problem(
        "mccormick", _mccormick, (1.0, -2.5), (0.5 - math.pi / 3, -0.5 - math.pi / 3), ((-1.5, 4.0), (-3.0, 4.0)),
        minimum_value=-math.sqrt(3) / 2 - math.pi / 3,
        formula="f(x, y) = sin(x + y) + (x - y)^2 - 1.5 x + 2.5 y + 1",
        source="G. P. McCormick (1972), Attempts to calculate global solutions of problems that may have local minima, "
        "in F. A. Lootsma (ed.), Numerical Methods for Non-linear Optimization, Academic Press",
    )  # fmt: skip
