"""The catalogue of test functions: laws that every member obeys, listed numbers, SciPy and NumPy as oracles."""

import math
import pickle
import re

import numpy as np
import pytest
import torch
from scipy import optimize

from optiscope.catalogues.problems import FUNCTIONS
from optiscope.errors import InputError

FAMILIES = {family.name: family for family in FUNCTIONS}


def _x(p, first=0):
    return np.moveaxis(np.asarray(p, dtype=np.float64), -1, 0)[first:]


def _goldstein_price(p):
    x, y = _x(p)
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return first * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def _levy(p):
    w = 1 + (_x(p) - 1) / 4
    middle = sum((v - 1) ** 2 * (1 + 10 * np.sin(np.pi * v + 1) ** 2) for v in w[:-1])
    return np.sin(np.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)


def _zakharov(p):
    s = sum(0.5 * i * v for i, v in enumerate(_x(p), 1))
    return sum(v**2 for v in _x(p)) + s**2 + s**4


def _ackley(p):
    mean = np.mean(_x(p) ** 2, axis=0)
    return -20 * np.exp(-0.2 * np.sqrt(mean)) - np.exp(np.mean(np.cos(2 * np.pi * _x(p)), axis=0)) + 20 + np.e


def _powell(p):
    x = _x(p)
    return sum(
        (x[k] + 10 * x[k + 1]) ** 2
        + 5 * (x[k + 2] - x[k + 3]) ** 2
        + (x[k + 1] - 2 * x[k + 2]) ** 4
        + 10 * (x[k] - x[k + 3]) ** 4
        for k in range(0, len(x), 4)
    )


def _plane(function):
    return lambda p: function(*_x(p))


# Written from the published formulas, in NumPy, apart from the code under test.
ORACLE = {
    "sphere": lambda p: np.sum(_x(p) ** 2, axis=0),
    "quadratic": lambda p: sum(0.5 * 100 ** (i / (len(_x(p)) - 1)) * v**2 for i, v in enumerate(_x(p))),
    "booth": _plane(lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2),
    "matyas": _plane(lambda x, y: 0.26 * (x**2 + y**2) - 0.48 * x * y),
    "zakharov": _zakharov,
    "rosenbrock": lambda p: optimize.rosen(_x(p)),
    "beale": _plane(lambda x, y: sum((c - x * (1 - y**k)) ** 2 for c, k in [(1.5, 1), (2.25, 2), (2.625, 3)])),
    "dixon_price": lambda p: (
        (_x(p)[0] - 1) ** 2
        + sum(i * (2 * b**2 - a) ** 2 for i, (a, b) in enumerate(zip(_x(p), _x(p, 1), strict=False), 2))
    ),
    "powell": _powell,
    "goldstein_price": _goldstein_price,
    "saddle": _plane(lambda x, y: x**2 - y**2 + y**4 / 4),
    "monkey_saddle": _plane(lambda x, y: x**3 - 3 * x * y**2 + (x**2 + y**2) ** 2 / 2),
    "himmelblau": _plane(lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2),
    "three_hump_camel": _plane(lambda x, y: 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2),
    "six_hump_camel": _plane(lambda x, y: (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (-4 + 4 * y**2) * y**2),
    "styblinski_tang": lambda p: np.sum(_x(p) ** 4 - 16 * _x(p) ** 2 + 5 * _x(p), axis=0) / 2,
    "branin": _plane(
        lambda x, y: (
            (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10
        )
    ),
    "mccormick": _plane(lambda x, y: np.sin(x + y) + (x - y) ** 2 - 1.5 * x + 2.5 * y + 1),
    "rastrigin": lambda p: 10 * len(_x(p)) + np.sum(_x(p) ** 2 - 10 * np.cos(2 * np.pi * _x(p)), axis=0),
    "ackley": _ackley,
    "griewank": lambda p: (
        np.sum(_x(p) ** 2, axis=0) / 4000 - math.prod(np.cos(v / np.sqrt(i)) for i, v in enumerate(_x(p), 1)) + 1
    ),
    "levy": _levy,
    "schwefel": lambda p: 418.9829 * len(_x(p)) - np.sum(_x(p) * np.sin(np.sqrt(np.abs(_x(p)))), axis=0),
    "michalewicz": lambda p: -sum(np.sin(v) * np.sin(i * v**2 / np.pi) ** 20 for i, v in enumerate(_x(p), 1)),
    "easom": _plane(lambda x, y: -np.cos(x) * np.cos(y) * np.exp(-((x - np.pi) ** 2 + (y - np.pi) ** 2))),
    "drop_wave": _plane(lambda x, y: -(1 + np.cos(12 * np.sqrt(x**2 + y**2))) / (0.5 * (x**2 + y**2) + 2)),
    "eggholder": _plane(
        lambda x, y: -(y + 47) * np.sin(np.sqrt(np.abs(y + x / 2 + 47))) - x * np.sin(np.sqrt(np.abs(x - (y + 47))))
    ),
}

ANY_DIM = [name for name, family in FAMILIES.items() if "dim" in family.__signature__.parameters]
PLANE = [name for name in FAMILIES if name != "powell"]
CASES = [(name, {}) for name in FAMILIES]
CASES += [(name, {"dim": dim}) for name in ANY_DIM if name != "powell" for dim in (3, 5, 10)] + [("powell", {"dim": 8})]


def every(cases):
    return pytest.mark.parametrize(("name", "arguments"), cases, ids=[_label(*case) for case in cases])


def _label(name, arguments):
    return name + "".join(f"-{value}" for value in arguments.values())


def drawn(problem, count, seed=0):
    """Points drawn evenly within the bounds."""
    low, high = np.array(problem.bounds).T
    return np.random.default_rng(seed).uniform(low, high, (count, problem.dim))


def value(problem, point):
    return float(problem.loss(torch.tensor(point, dtype=torch.float64)))


def value_and_gradient(problem, points):
    x = torch.as_tensor(points, dtype=torch.float64).clone().requires_grad_()
    loss = problem.loss(x)
    return loss.detach(), torch.autograd.grad(loss.sum(), x)[0]


def test_at_least_27_functions_with_names_of_their_own():
    names = [family.name for family in FUNCTIONS]
    assert len(names) == len(set(names)) >= 27
    assert set(names) == set(ORACLE)


@every(CASES)
def test_says_what_it_is(name, arguments):
    problem = FAMILIES[name].build(arguments)
    assert problem.name == (f"{name}(dim={problem.dim})" if arguments else name)
    assert problem.formula.startswith("f(")
    assert re.search(r"\((19|20)\d\d\)", problem.source)
    assert FAMILIES[name].note
    assert "f(" in FAMILIES[name].make.__doc__
    assert problem.dtype == "float64"
    assert len(problem.bounds) == problem.dim == arguments.get("dim", 4 if name == "powell" else 2)


@every(CASES)
def test_starts_inside_its_bounds_on_a_slope_and_above_the_minimum(name, arguments):
    problem = FAMILIES[name].build(arguments)
    assert all(low < v < high for v, (low, high) in zip(problem.start, problem.bounds, strict=True))
    loss, gradient = value_and_gradient(problem, problem.start)
    assert float(gradient.abs().max()) > 1e-2
    assert float(loss) > problem.minimum_value + 1e-2


@every(CASES)
def test_equals_the_published_formula(name, arguments):
    problem = FAMILIES[name].build(arguments)
    points = np.concatenate([[problem.start], problem.minima, drawn(problem, 200)])
    np.testing.assert_allclose(
        problem.loss(torch.from_numpy(points)).numpy(), ORACLE[name](points), rtol=1e-11, atol=1e-11 * problem.dim
    )


@every(CASES)
def test_gradient_equals_finite_differences(name, arguments):
    problem = FAMILIES[name].build(arguments)
    points = drawn(problem, 40, seed=1)
    h = 1e-4

    def along(offset):
        return problem.loss(torch.from_numpy(points[:, None, :] + offset * np.eye(problem.dim))).numpy()

    slopes = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    if name == "eggholder":  # beside a cusp there is no derivative to compare with
        x, y = points.T
        smooth = np.minimum(np.abs(x / 2 + y + 47), np.abs(x - y - 47)) > 1
        points, slopes = points[smooth], slopes[smooth]
    _, gradient = value_and_gradient(problem, points)
    np.testing.assert_allclose(gradient.numpy(), slopes, rtol=1e-7, atol=1e-9 * (1 + np.abs(slopes).max()))


@every(CASES)
def test_every_listed_minimum_has_the_listed_value_and_no_slope(name, arguments):
    problem = FAMILIES[name].build(arguments)
    assert problem.minima[0] == problem.minimum
    assert problem.floor == problem.minimum_value
    for minimum in problem.minima:
        assert all(low <= v <= high for v, (low, high) in zip(minimum, problem.bounds, strict=True))
        loss, gradient = value_and_gradient(problem, minimum)
        assert abs(float(loss) - problem.minimum_value) <= 1e-12 * problem.dim
        if name == "eggholder":  # on the edge x = 512: downhill is outside
            assert float(gradient[0]) == pytest.approx(-3.3855713372, abs=1e-9)
            gradient = gradient[1:]
        assert float(gradient.abs().max()) < 1e-10


def polished(function, start, bounds):
    """A local minimum near `start`, found without the code under test: its point and value."""
    found = optimize.minimize(function, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-16, "gtol": 1e-9})
    return found.x, float(found.fun)


@pytest.mark.parametrize("name", PLANE)
def test_a_search_of_the_whole_plane_finds_exactly_the_listed_minima(name):
    problem, oracle = FAMILIES[name].build({}), ORACLE[name]
    (x0, x1), (y0, y1) = problem.bounds
    n = 801
    grid = np.stack(np.meshgrid(np.linspace(x0, x1, n), np.linspace(y0, y1, n)), axis=-1)
    padded = np.pad(oracle(grid), 1, constant_values=np.inf)
    centre = padded[1:-1, 1:-1]
    shifts = [(i, j) for i in (0, 1, 2) for j in (0, 1, 2) if (i, j) != (1, 1)]
    hollow = np.logical_and.reduce([centre <= padded[i : i + n, j : j + n] for i, j in shifts])
    candidates = grid[hollow][np.argsort(centre[hollow])[:24]]
    found = [polished(oracle, start, problem.bounds) for start in candidates]
    lowest = min(value for _, value in found)
    assert lowest >= problem.minimum_value - 1e-9
    assert lowest == pytest.approx(problem.minimum_value, abs=1e-7)
    best = np.array([point for point, value in found if value < problem.minimum_value + 1e-6])
    minima = np.array(problem.minima)
    distance = np.abs(best[:, None] - minima).max(axis=-1)
    assert distance.min(axis=1).max() < 2e-2, "a minimum that is not listed"
    assert distance.min(axis=0).max() < 2e-2, "a listed minimum that was not found"


@every([(name, {"dim": dim}) for name in ANY_DIM for dim in ((4, 8) if name == "powell" else (3, 5))])
def test_a_search_in_more_dimensions_finds_nothing_lower(name, arguments):
    problem, oracle = FAMILIES[name].build(arguments), ORACLE[name]
    found = optimize.differential_evolution(
        lambda p: oracle(p.T), problem.bounds, rng=3, vectorized=True, updating="deferred", polish=False,
        maxiter=150, popsize=10, tol=1e-12,
    )  # fmt: skip
    _, lowest = polished(oracle, found.x, problem.bounds)
    assert lowest >= problem.minimum_value - 1e-9


@pytest.mark.parametrize("name", ["rastrigin", "styblinski_tang", "schwefel", "michalewicz"])
def test_separable_functions_are_lowest_coordinate_by_coordinate(name):
    problem = FAMILIES[name].build({"dim": 10})
    assert len(problem.minima) == 1
    for i, (low, high) in enumerate(problem.bounds):
        line = np.tile(problem.minimum, (100_001, 1))
        line[:, i] = np.linspace(low, high, len(line))
        losses = ORACLE[name](line)
        assert losses.min() >= problem.minimum_value - 1e-9
        assert abs(line[losses.argmin(), i] - problem.minimum[i]) <= (high - low) / 1e5


@pytest.mark.parametrize(
    ("dim", "published"), [(1, -0.8013034101), (2, -1.8013034101), (5, -4.6876581791), (10, -9.6601517156)]
)
def test_michalewicz_minimum_is_the_published_one(dim, published):
    assert FAMILIES["michalewicz"].build({"dim": dim}).minimum_value == pytest.approx(published, abs=1e-10)


@pytest.mark.parametrize("dim", [2, 3, 4, 5, 10])
def test_dixon_price_has_two_minima_apart_in_the_last_sign(dim):
    first, second = FAMILIES["dixon_price"].build({"dim": dim}).minima
    assert first[:-1] == second[:-1]
    assert first[-1] == -second[-1] > 0


@every(CASES)
def test_a_batch_of_lanes_equals_each_lane_alone_to_the_bit(name, arguments):
    problem = FAMILIES[name].build(arguments)
    points = torch.from_numpy(np.concatenate([problem.minima, [problem.start], drawn(problem, 256, seed=2)])[:257])
    alone = [value_and_gradient(problem, point) for point in points]
    losses, gradients = torch.stack([loss for loss, _ in alone]), torch.stack([gradient for _, gradient in alone])
    for lanes in range(1, 258) if not arguments else (1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 64, 100, 128, 255, 256, 257):
        loss, gradient = value_and_gradient(problem, points[:lanes])
        assert torch.equal(loss, losses[:lanes])
        assert torch.equal(gradient, gradients[:lanes])
    loss, gradient = value_and_gradient(problem, points[:30].reshape(5, 2, 3, problem.dim))
    assert torch.equal(loss.reshape(30), losses[:30])
    assert torch.equal(gradient.reshape(30, -1), gradients[:30])


@every(CASES)
def test_gradients_are_finite_at_the_origin_the_minima_and_the_corners(name, arguments):
    problem = FAMILIES[name].build(arguments)
    low, high = np.array(problem.bounds).T
    points = np.concatenate([[np.zeros(problem.dim), low, high], problem.minima])
    loss, gradient = value_and_gradient(problem, points)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(gradient).all()


@every(CASES)
def test_runs_in_single_precision_too(name, arguments):
    problem = FAMILIES[name].build(arguments)
    loss = problem.loss(torch.tensor([problem.start], dtype=torch.float32))
    assert loss.dtype == torch.float32
    assert loss.shape == (1,)
    assert float(loss) == pytest.approx(value(problem, problem.start), rel=1e-3)


@every(CASES)
def test_travels_to_another_process(name, arguments):
    problem = FAMILIES[name].build(arguments)
    copy = pickle.loads(pickle.dumps(problem))
    assert copy == problem
    assert value(copy, problem.start) == value(problem, problem.start)


@pytest.mark.parametrize("dim", [2, 3, 5, 10])
def test_rosenbrock_and_its_gradient_equal_scipys(dim):
    problem = FAMILIES["rosenbrock"].build({"dim": dim})
    for point in drawn(problem, 20):
        loss, gradient = value_and_gradient(problem, point)
        assert float(loss) == pytest.approx(optimize.rosen(point), rel=1e-13)
        np.testing.assert_allclose(gradient.numpy(), optimize.rosen_der(point), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("sphere", (3, -4), 25),
        ("quadratic", (1, 1), 50.5),
        ("booth", (0, 0), 74),
        ("matyas", (1, 1), 0.04),
        ("zakharov", (1, 1), 9.3125),
        ("rosenbrock", (-1.2, 1), 24.2),  # Rosenbrock's own start
        ("beale", (1, 1), 14.203125),  # Beale's own start
        ("dixon_price", (1, 1), 2),
        ("powell", (3, -1, 0, 1), 215),  # Powell's own start
        ("goldstein_price", (-0.6, -0.4), 30),  # the three local minima of the paper
        ("goldstein_price", (1.8, 0.2), 84),
        ("goldstein_price", (1.2, 0.8), 840),
        ("saddle", (0, 0), 0),
        ("saddle", (1, 1), 0.25),
        ("monkey_saddle", (1, 0), 1.5),
        ("monkey_saddle", (-1, 0), -0.5),
        ("himmelblau", (-0.270845, -0.923039), 181.61652152258),  # the hilltop
        ("three_hump_camel", (1.747552337, -0.873776168), 0.298638442236861),  # a local minimum
        ("six_hump_camel", (1, 1), 3.2333333333333333),
        ("styblinski_tang", (0, 0), 0),
        ("branin", (0, 0), 55.602112642270264),  # 36 + 20 - 10 / (8 pi)
        ("mccormick", (0, 0), 1),
        ("rastrigin", (1, 1), 2),
        ("rastrigin", (4.522993660, 4.522993660), 80.70658038767792),  # the highest point within the bounds
        ("ackley", (1, 1), 3.6253849384403627),  # 20 (1 - exp(-0.2))
        ("griewank", (math.pi, 0), 2.0024674011002723),  # 2 + pi^2 / 4000
        ("levy", (-3, -3), 9.080734182735712),  # 2 + 10 sin^2(1)
        ("schwefel", (0, 0), 837.9658),
        ("michalewicz", (math.pi / 2, math.pi / 2), -1.0009765625),  # 1 + 2^-10
        ("easom", (0, 0), -2.6752879910247833e-09),  # exp(-2 pi^2)
        ("drop_wave", (0, 1), -0.73754158349299693),  # (1 + cos 12) / 2.5
        ("eggholder", (0, 0), -25.460337185286313),  # 47 sin(sqrt 47)
    ],
)
def test_listed_numbers(name, point, expected):
    assert value(FAMILIES[name].build({}), point) == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_outside_its_bounds_mccormick_falls_by_pi_for_each_period():
    problem = FAMILIES["mccormick"].build({})
    x, y = problem.minimum
    assert value(problem, (x - math.pi, y - math.pi)) == pytest.approx(problem.minimum_value - math.pi, abs=1e-12)


@pytest.mark.parametrize("condition", [1, 10.0, 1e4])
def test_the_quadratic_has_the_condition_number_asked_for(condition):
    problem = FAMILIES["quadratic"].build({"dim": 5, "condition": condition})
    hessian = torch.autograd.functional.hessian(problem.loss, torch.tensor(problem.start, dtype=torch.float64))
    eigenvalues = torch.linalg.eigvalsh(hessian).numpy()
    np.testing.assert_allclose(eigenvalues, np.geomspace(1, condition, 5), rtol=1e-12)
    share = 0.5 * np.geomspace(1, condition, 5) * np.square(problem.start)
    np.testing.assert_allclose(share, 8, rtol=1e-4)


def test_a_loss_used_in_inference_mode_can_be_trained_on_afterwards():
    problem = FAMILIES["quadratic"].build({"condition": 7.5, "rotation": 11})
    with torch.inference_mode():
        problem.loss(torch.tensor(problem.start, dtype=torch.float64))
    assert torch.isfinite(value_and_gradient(problem, problem.start)[1]).all()


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("beale", {"dims": 3}, "beale takes no argument 'dims'; allowed: rotation, scale, noise, layout"),
        ("rosenbrock", {"dims": 3}, "takes no argument 'dims', did you mean 'dim'? allowed: dim, rotation, scale"),
        ("beale", {"dim": 3}, "beale takes no argument 'dim'; allowed: rotation, scale, noise, layout"),
        ("beale", {"rotatoin": 3}, "did you mean 'rotation'?"),
        ("rosenbrock", {"dim": 1}, "rosenbrock: dim must be an integer >= 2, got 1"),
        ("rosenbrock", {"dim": 2.0}, "rosenbrock: dim must be an integer >= 2, got 2.0"),
        ("sphere", {"dim": 0}, "sphere: dim must be an integer >= 1, got 0"),
        ("sphere", {"dim": True}, "sphere: dim must be an integer >= 1, got True"),
        ("sphere", {"dim": "3"}, "sphere: dim must be an integer >= 1, got '3'"),
        ("powell", {"dim": 6}, "powell: dim must be a multiple of 4, got 6"),
        ("powell", {"dim": 0}, "powell: dim must be a multiple of 4, got 0"),
        ("quadratic", {"condition": -3}, "quadratic: condition must be a finite number >= 1, got -3"),
        ("quadratic", {"condition": math.nan}, "quadratic: condition must be a finite number >= 1, got nan"),
        ("quadratic", {"condition": "10"}, "quadratic: condition must be a finite number >= 1, got '10'"),
    ],
)  # fmt: skip
def test_bad_arguments_get_one_clear_line(name, arguments, said):
    with pytest.raises(InputError) as caught:
        FAMILIES[name].build(arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted({*ANY_DIM} - {"rosenbrock", "quadratic", "dixon_price", "powell"}))
def test_one_dimension_works_where_it_means_something(name):
    problem = FAMILIES[name].build({"dim": 1})
    assert value(problem, problem.minimum) == pytest.approx(problem.minimum_value, abs=1e-12)
    assert value(problem, problem.start) == pytest.approx(float(ORACLE[name](np.array(problem.start))), rel=1e-12)
