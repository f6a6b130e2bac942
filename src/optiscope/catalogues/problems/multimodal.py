"""Test functions with many local minima: rastrigin, ackley, griewank, levy, schwefel, michalewicz, eggholder, …

Floor 1: imports `spec`, `shared`, NumPy and torch only. A loss maps `(..., dim)` to `(...)`, lane by lane.
"""

from __future__ import annotations

import functools
import math
import operator

import numpy as np
import torch
from torch import Tensor

from ...spec import Problem
from .shared import check_dim, coordinates, index, repeated, root


def _rastrigin(p: Tensor) -> Tensor:
    return (p * p + 10 * (1 - torch.cos(2 * math.pi * p))).sum(-1)


def rastrigin(dim: int = 2) -> Problem:
    """A bowl under an egg box: a local minimum near every integer point.

    f(x) = sum_i x_i^2 + 10 (1 - cos 2 pi x_i); minimum 0 at the origin.
    """
    check_dim("rastrigin", dim)
    return Problem(
        "rastrigin", _rastrigin, repeated((-2.7, 1.8), dim), (0.0,) * dim, ((-5.12, 5.12),) * dim,
        minimum_value=0.0,
        formula="f(x) = sum_i x_i^2 + 10 (1 - cos(2 pi x_i))",
        source="L. A. Rastrigin (1974), Systems of Extremal Control, Nauka, Moscow; for any dimension: H. Mühlenbein, "
        "M. Schomisch & J. Born (1991), The parallel genetic algorithm as function optimizer, Parallel Computing 17",
    )  # fmt: skip


def _ackley(p: Tensor) -> Tensor:
    share = 1 / p.shape[-1]
    radius = root(share * (p * p).sum(-1))
    return 20 - 20 * torch.exp(-0.2 * radius) + (math.e - torch.exp(share * torch.cos(2 * math.pi * p).sum(-1)))


def ackley(dim: int = 2) -> Problem:
    """A funnel with ripples on a nearly flat plain. Its minimum is the tip of a cone; the gradient there is given as 0.

    f(x) = 20 - 20 exp(-0.2 sqrt(mean x_i^2)) + e - exp(mean cos 2 pi x_i); minimum 0 at the origin.
    """
    check_dim("ackley", dim)
    return Problem(
        "ackley", _ackley, repeated((-4.3, 3.2), dim), (0.0,) * dim, ((-32.768, 32.768),) * dim,
        minimum_value=0.0,
        formula="f(x) = 20 - 20 exp(-0.2 sqrt(mean_i x_i^2)) + e - exp(mean_i cos(2 pi x_i))",
        source="D. H. Ackley (1987), A Connectionist Machine for Genetic Hillclimbing, Kluwer",
    )  # fmt: skip


def _griewank(p: Tensor) -> Tensor:
    # A chain of products, since torch.prod looks at the data to find zeros and so waits for an accelerator.
    waves = coordinates(torch.cos(p / index(p).sqrt()))
    return 1 + (p * p).sum(-1) / 4000 - functools.reduce(operator.mul, waves)


def griewank(dim: int = 2) -> Problem:
    """A wide bowl with shallow ripples, which fade beside the bowl as the dimension grows.

    f(x) = 1 + sum_i x_i^2 / 4000 - prod_i cos(x_i / sqrt i); minimum 0 at the origin.
    """
    check_dim("griewank", dim)
    return Problem(
        "griewank", _griewank, repeated((-180.0, 120.0), dim), (0.0,) * dim, ((-600.0, 600.0),) * dim,
        minimum_value=0.0,
        formula="f(x) = 1 + sum_i x_i^2 / 4000 - prod_i cos(x_i / sqrt(i))",
        source="A. O. Griewank (1981), Generalized descent for global optimization, J. Optimization Theory and "
        "Applications 34(1):11-39",
    )  # fmt: skip


def _levy(p: Tensor) -> Tensor:
    w = 1 + 0.25 * (p - 1)
    first = torch.sin(math.pi * w[..., 0])
    last = w[..., -1] - 1
    wave = torch.sin(2 * math.pi * w[..., -1])
    ends = first * first + last * last * (1 + wave * wave)
    if p.shape[-1] == 1:
        return ends
    head = w[..., :-1]
    ripple = torch.sin(math.pi * head + 1)
    head = head - 1
    return ends + (head * head * (1 + 10 * (ripple * ripple))).sum(-1)


def levy(dim: int = 2) -> Problem:
    """A bowl cut by parallel ripples.

    f(x) = sin^2(pi w_1) + sum_{i<dim} (w_i - 1)^2 (1 + 10 sin^2(pi w_i + 1)) + (w_dim - 1)^2 (1 + sin^2(2 pi w_dim))
    with w_i = 1 + (x_i - 1) / 4; minimum 0 at (1, …, 1).
    """
    check_dim("levy", dim)
    return Problem(
        "levy", _levy, repeated((-7.0, 5.5), dim), (1.0,) * dim, ((-10.0, 10.0),) * dim,
        minimum_value=0.0,
        formula="f(x) = sin^2(pi w_1) + sum_{i<dim} (w_i - 1)^2 (1 + 10 sin^2(pi w_i + 1)) "
        "+ (w_dim - 1)^2 (1 + sin^2(2 pi w_dim)), w_i = 1 + (x_i - 1) / 4",
        source="A. V. Levy & A. Montalvo (1985), The tunneling algorithm for the global minimization of functions, "
        "SIAM J. Scientific and Statistical Computing 6(1):15-29; in the form of M. Laguna & R. Martí (2005)",
    )  # fmt: skip


def _schwefel(p: Tensor) -> Tensor:
    return 418.9829 * p.shape[-1] - (p * torch.sin(root(p.abs()))).sum(-1)


def schwefel(dim: int = 2) -> Problem:
    """Waves that grow towards the edges: the best minimum is far from the second best, next to the boundary.

    f(x) = 418.9829 dim - sum_i x_i sin sqrt|x_i|; minimum 1.2727…e-5 dim at x_i = 420.9687…, within the bounds only:
    outside, the waves grow on without bound. The constant is the published one, four digits of 418.98288727….
    """
    check_dim("schwefel", dim)
    return Problem(
        "schwefel", _schwefel, repeated((-100.0, 350.0), dim), (420.96874635998203,) * dim, ((-500.0, 500.0),) * dim,
        minimum_value=1.2727566293725214e-05 * dim,
        formula="f(x) = 418.9829 dim - sum_i x_i sin(sqrt(|x_i|))",
        source="H.-P. Schwefel (1981), Numerical Optimization of Computer Models, Wiley",
    )  # fmt: skip


def _michalewicz(p: Tensor) -> Tensor:
    wave = torch.sin(index(p) * (p * p) / math.pi)
    power = wave * wave
    power = power * power
    power = power * power * power * power * power
    return -(torch.sin(p) * power).sum(-1)


def _michalewicz_valley(i: int) -> tuple[float, float]:
    """The least value of -sin(x) sin^20(i x^2 / pi) over 0 <= x <= pi and where it is: one Newton search a peak."""
    k = np.arange(i)
    peak = math.pi * np.sqrt((k + 0.5) / i)
    x = peak.copy()
    for _ in range(50):
        # Newton on the derivative of log sin(x) + 20 log|sin(u)|, which is concave between the zeros of the waves.
        u, du = i * x * x / math.pi, 2 * i * x / math.pi
        slope = 1 / np.tan(x) + 20 * du / np.tan(u)
        curvature = -1 / np.sin(x) ** 2 + 40 * i / math.pi / np.tan(u) - 20 * (du / np.sin(u)) ** 2
        x = x - slope / curvature
    value = -np.sin(x) * np.sin(i * x * x / math.pi) ** 20
    best = int(value.argmin())
    return float(x[best]), float(value[best])


def michalewicz(dim: int = 2) -> Problem:
    """Flat plates with steep, narrow valleys at right angles (steepness m = 10).

    f(x) = -sum_i sin(x_i) sin^20(i x_i^2 / pi). The sum is separable, so the minimum is that of each coordinate:
    -1.8013… at (2.2029…, pi / 2) in two dimensions, within the bounds [0, pi] only.
    """
    check_dim("michalewicz", dim)
    valleys = [_michalewicz_valley(i) for i in range(1, dim + 1)]
    return Problem(
        "michalewicz", _michalewicz, repeated((2.5, 1.9), dim), tuple(x for x, _ in valleys), ((0.0, math.pi),) * dim,
        minimum_value=math.fsum(value for _, value in valleys),
        formula="f(x) = -sum_i sin(x_i) sin^20(i x_i^2 / pi)",
        source="Z. Michalewicz (1992), Genetic Algorithms + Data Structures = Evolution Programs, Springer",
    )  # fmt: skip


def _easom(p: Tensor) -> Tensor:
    d = p - math.pi
    x, y = coordinates(torch.cos(p))
    return -(x * y * torch.exp(-(d * d).sum(-1)))


def easom() -> Problem:
    """One narrow hole in a plain so flat that its gradient underflows: random starts nearly always stay where they are.

    f(x, y) = -cos x cos y exp(-(x - pi)^2 - (y - pi)^2); minimum -1 at (pi, pi). The start is on the rim of the hole.
    """
    return Problem(
        "easom", _easom, (2.0, 4.2), (math.pi, math.pi), ((-100.0, 100.0),) * 2,
        minimum_value=-1.0,
        formula="f(x, y) = -cos(x) cos(y) exp(-(x - pi)^2 - (y - pi)^2)",
        source="E. E. Easom (1990), A survey of global optimization techniques, M.Eng. thesis, University of "
        "Louisville",
    )  # fmt: skip


def _drop_wave(p: Tensor) -> Tensor:
    square = (p * p).sum(-1)
    return -((1 + torch.cos(12 * root(square))) / (0.5 * square + 2))


def drop_wave() -> Problem:
    """Rings around a drop: every ring is a valley without a way in.

    f(x, y) = -(1 + cos(12 r)) / (r^2 / 2 + 2) with r^2 = x^2 + y^2; minimum -1 at the origin.
    """
    return Problem(
        "drop_wave", _drop_wave, (-1.3, 0.9), (0.0, 0.0), ((-5.12, 5.12),) * 2,
        minimum_value=-1.0,
        formula="f(x, y) = -(1 + cos(12 r)) / (r^2 / 2 + 2), r = sqrt(x^2 + y^2)",
        source="M. Molga & C. Smutnicki (2005), Test functions for optimization needs",
    )  # fmt: skip


def _eggholder(p: Tensor) -> Tensor:
    x, y = coordinates(p)
    b = y + 47
    return -(b * torch.sin(root((0.5 * x + b).abs())) + x * torch.sin(root((x - b).abs())))


def eggholder() -> Problem:
    """Tangled, cusped waves over a wide square; the minimum lies on its edge x = 512, where the loss still falls.

    f(x, y) = -(y + 47) sin sqrt|x / 2 + y + 47| - x sin sqrt|x - y - 47|; minimum -959.6406… at (512, 404.2318…),
    within the bounds only.
    """
    return Problem(
        "eggholder", _eggholder, (-200.0, 150.0), (512.0, 404.23180511375781), ((-512.0, 512.0),) * 2,
        minimum_value=-959.64066272085080,
        formula="f(x, y) = -(y + 47) sin(sqrt(|x / 2 + y + 47|)) - x sin(sqrt(|x - y - 47|))",
        source="D. Whitley, S. Rana, J. Dzubera & K. E. Mathias (1996), Evaluating evolutionary algorithms, Artificial "
        "Intelligence 85:245-276 (function F101)",
    )  # fmt: skip
