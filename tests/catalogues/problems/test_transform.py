"""Rotation, scale, noise and layout: laws that hold for every function, whatever it computes."""

import math
import pickle

import numpy as np
import pytest
import torch

from optiscope.catalogues.problems import FUNCTIONS
from optiscope.catalogues.problems.transform import modify, rotation_matrix
from optiscope.errors import InputError
from optiscope.spec import Problem

FAMILIES = {family.name: family for family in FUNCTIONS}
SOME = [
    ("rosenbrock", {}),
    ("himmelblau", {}),
    ("branin", {}),
    ("ackley", {"dim": 3}),
    ("powell", {}),
    ("levy", {"dim": 10}),
]
MODIFIERS = [{"rotation": 3}, {"scale": 2.5}, {"rotation": 7, "scale": 0.3}]


def values(problem, points):
    return problem.loss(torch.as_tensor(np.asarray(points), dtype=torch.float64)).numpy()


def drawn(problem, count):
    low, high = np.array(problem.bounds).T
    return np.random.default_rng(5).uniform(low, high, (count, problem.dim))


def centre(problem):
    return np.array(problem.bounds).mean(axis=1)


@pytest.mark.parametrize("dim", [2, 3, 5, 10, 40])
@pytest.mark.parametrize("seed", [0, 1, 2, 12345])
def test_the_matrix_is_a_proper_rotation(dim, seed):
    matrix = rotation_matrix(dim, seed)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(dim), atol=1e-14)
    assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-12)
    assert np.array_equal(matrix, rotation_matrix(dim, seed))
    assert not np.allclose(matrix, rotation_matrix(dim, seed + 1))


def test_rotation_3_in_the_plane_is_this_angle():
    # Listed, because runs that are stored under `rotation=3` mean this very angle.
    matrix = rotation_matrix(2, 3)
    assert math.degrees(math.atan2(matrix[1, 0], matrix[0, 0])) == pytest.approx(46.9931752, abs=1e-6)


def test_angles_are_spread_evenly():
    angles = [math.atan2(*rotation_matrix(2, seed)[:, 0][::-1]) for seed in range(400)]
    quarter = np.histogram(angles, bins=4, range=(-math.pi, math.pi))[0]
    assert quarter.min() > 70


@pytest.mark.parametrize(("name", "arguments"), SOME, ids=[name for name, _ in SOME])
@pytest.mark.parametrize("modifiers", MODIFIERS, ids=str)
def test_start_and_minima_move_along_and_keep_their_values(name, arguments, modifiers):
    plain, changed = FAMILIES[name].build(arguments), FAMILIES[name].build({**arguments, **modifiers})
    assert len(changed.minima) == len(plain.minima)
    assert changed.minimum == changed.minima[0]
    assert changed.minimum_value == plain.minimum_value
    assert values(changed, changed.start) == pytest.approx(values(plain, plain.start), rel=1e-11)
    np.testing.assert_allclose(values(changed, changed.minima), plain.minimum_value, rtol=1e-11, atol=1e-11)
    factor = modifiers.get("scale", 1.0)
    np.testing.assert_allclose(changed.bounds, factor * np.array(plain.bounds), rtol=1e-15)


@pytest.mark.parametrize(("name", "arguments"), SOME, ids=[name for name, _ in SOME])
def test_rotation_turns_about_the_centre_of_the_bounds(name, arguments):
    plain, turned = FAMILIES[name].build(arguments), FAMILIES[name].build({**arguments, "rotation": 3})
    points, middle = drawn(plain, 50), centre(plain)
    mapped = middle + (points - middle) @ rotation_matrix(plain.dim, 3).T
    np.testing.assert_allclose(values(turned, points), values(plain, mapped), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(values(turned, middle), values(plain, middle), rtol=1e-12)
    distance = np.linalg.norm(np.array(turned.minima) - middle, axis=1)
    np.testing.assert_allclose(
        distance, np.linalg.norm(np.array(plain.minima) - middle, axis=1), rtol=1e-12, atol=1e-12
    )


def test_a_rotated_sphere_is_the_same_sphere():
    plain, turned = FAMILIES["sphere"].build({"dim": 5}), FAMILIES["sphere"].build({"dim": 5, "rotation": 9})
    points = drawn(plain, 50)
    np.testing.assert_allclose(values(turned, points), values(plain, points), rtol=1e-12)


@pytest.mark.parametrize(("name", "arguments"), SOME, ids=[name for name, _ in SOME])
def test_scale_stretches_the_axes(name, arguments):
    plain, wide = FAMILIES[name].build(arguments), FAMILIES[name].build({**arguments, "scale": 4})
    points = drawn(plain, 50)
    assert np.array_equal(values(wide, 4 * points), values(plain, points)), "a power of two divides exactly"
    assert wide.start == tuple(4 * v for v in plain.start)


def test_scales_multiply_and_scale_and_rotation_commute():
    plain = FAMILIES["beale"].build({})
    points = drawn(plain, 50)
    twice, once = modify(modify(plain, scale=2), scale=8), modify(plain, scale=16)
    assert np.array_equal(values(twice, points), values(once, points))
    one, other = modify(modify(plain, scale=2), rotation=1), modify(modify(plain, rotation=1), scale=2)
    np.testing.assert_allclose(values(one, points), values(other, points), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(one.start, other.start, rtol=1e-14)
    np.testing.assert_allclose(values(modify(plain, rotation=1, scale=2), points), values(one, points), rtol=0)


def test_the_gradient_turns_with_the_function():
    plain, turned = FAMILIES["rosenbrock"].build({"dim": 3}), FAMILIES["rosenbrock"].build({"dim": 3, "rotation": 2})
    x, y = (torch.tensor(problem.start, dtype=torch.float64, requires_grad=True) for problem in (plain, turned))
    (gradient,), (rotated,) = (torch.autograd.grad(p.loss(v), v) for p, v in ((plain, x), (turned, y)))
    np.testing.assert_allclose(rotated.numpy(), rotation_matrix(3, 2).T @ gradient.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim", [2, 3, 5, 10])
@pytest.mark.parametrize("modifiers", MODIFIERS, ids=str)
def test_a_batch_of_lanes_equals_each_lane_alone_to_the_bit(dim, modifiers):
    problem = FAMILIES["rosenbrock"].build({"dim": dim, **modifiers})

    def both(points):
        x = points.clone().requires_grad_()
        loss = problem.loss(x)
        return loss.detach(), torch.autograd.grad(loss.sum(), x)[0]

    points = torch.from_numpy(drawn(problem, 257))
    alone = [both(point) for point in points]
    losses, gradients = torch.stack([loss for loss, _ in alone]), torch.stack([gradient for _, gradient in alone])
    for lanes in range(1, 258) if dim == 2 else (1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 64, 100, 128, 255, 256, 257):
        loss, gradient = both(points[:lanes])
        assert torch.equal(loss, losses[:lanes])
        assert torch.equal(gradient, gradients[:lanes])


def test_noise_and_layout_are_left_to_the_engine():
    plain, changed = FAMILIES["beale"].build({}), FAMILIES["beale"].build({"noise": 0.1, "layout": "matrix"})
    assert (changed.noise, changed.layout) == (0.1, "matrix")
    assert changed.loss is plain.loss
    assert changed.start == plain.start


def test_the_name_is_the_call_with_arguments_in_one_order():
    assert FAMILIES["beale"].build({"scale": 2, "rotation": 3}).name == "beale(rotation=3, scale=2)"
    assert FAMILIES["beale"](noise=0.5).name == "beale(noise=0.5)"
    assert FAMILIES["beale"]().name == "beale"


def test_variants_are_told_apart_and_travel_to_another_process():
    variants = [{}, *MODIFIERS, {"rotation": 4}, {"noise": 0.1}, {"layout": "sparse"}]
    problems = [FAMILIES["beale"].build(arguments) for arguments in variants]
    assert len({problem.identity for problem in problems}) == len(variants)
    for problem in problems:
        copy = pickle.loads(pickle.dumps(problem))
        assert copy == problem
        assert values(copy, problem.start) == values(problem, problem.start)


def test_somebody_elses_function_can_be_modified_too():
    bowl = Problem("bowl", lambda x: x[..., 0] ** 2 + 10 * x[..., 1] ** 2, (3.0, 2.0), bounds=((-4, 4), (-3, 3)))
    turned = modify(bowl, rotation=1, scale=2)
    assert values(turned, turned.start) == pytest.approx(49.0, rel=1e-12)
    assert turned.minimum is None
    with pytest.raises(InputError, match="centre of the bounds, and bowl has none"):
        modify(Problem("bowl", bowl.loss, (3.0, 2.0)), rotation=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"noise": -0.1}, "noise must be a finite number >= 0, got -0.1"),
        ({"noise": math.nan}, "noise must be a finite number >= 0, got nan"),
        ({"noise": "much"}, "noise must be a finite number >= 0, got 'much'"),
        ({"scale": 0}, "scale must be a finite number > 0, got 0"),
        ({"scale": -2}, "scale must be a finite number > 0, got -2"),
        ({"scale": True}, "scale must be a finite number > 0, got True"),
        ({"scale": math.inf}, "scale must be a finite number > 0, got inf"),
        ({"rotation": 0.5}, "rotation must be the seed of a random rotation, an integer >= 0, got 0.5"),
        ({"rotation": -1}, "rotation must be the seed of a random rotation, an integer >= 0, got -1"),
        ({"rotation": True}, "rotation must be the seed of a random rotation, an integer >= 0, got True"),
        ({"rotation": 3, "dim": 1}, "rotation needs a function of 2 or more coordinates, sphere has 1"),
        (
            {"layout": "matrx"},
            "layout must be one of 'vector', 'matrix', 'sparse', got 'matrx', did you mean 'matrix'?",
        ),
    ],
    ids=str,
)
def test_bad_modifiers_get_one_clear_line(arguments, said):
    with pytest.raises(InputError) as caught:
        FAMILIES["sphere"].build(arguments)
    assert str(caught.value) == said
