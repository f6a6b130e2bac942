"""The frame of a landscape, and the rectangle worth drawing."""

import numpy as np
import pytest
import torch

from optiscope.catalogues.problems import FUNCTIONS, landscape, view_bounds
from optiscope.errors import InputError
from optiscope.spec import Problem
from optiscope.task import Task

FAMILIES = {family.name: family for family in FUNCTIONS}
PLANE = [family.name for family in FUNCTIONS if family.name != "powell"]


def network():
    return Problem("net", task=Task(torch.nn.Identity, lambda seed: None, torch.nn.MSELoss(), batch_size=1))


def inside(points, box):
    low, high = np.array(box).T
    return bool((np.asarray(points) >= low).all() and (np.asarray(points) <= high).all())


def test_rows_run_along_x_first():
    bowl = Problem("bowl", lambda p: p[..., 0] + 10 * p[..., 1], (1.0, 1.0), bounds=((0, 2), (0, 1)))
    frame = landscape(bowl, resolution=(3, 2))
    assert list(frame.columns) == ["x", "y", "loss"]
    assert frame.x.tolist() == [0, 1, 2, 0, 1, 2]
    assert frame.y.tolist() == [0, 0, 0, 1, 1, 1]
    assert frame.loss.tolist() == [0, 1, 2, 10, 11, 12]
    assert set(frame.dtypes.astype(str)) == {"float64"}


@pytest.mark.parametrize("name", PLANE)
def test_covers_the_bounds_and_holds_the_loss(name):
    problem = FAMILIES[name].build({})
    frame = landscape(problem, resolution=(21, 11))
    assert len(frame) == 231
    assert ((frame.x.min(), frame.x.max()), (frame.y.min(), frame.y.max())) == problem.bounds
    row = frame.iloc[137]
    assert float(problem.loss(torch.tensor([row.x, row.y]))) == row.loss
    assert frame.loss.min() >= problem.minimum_value - 1e-12


def test_other_bounds_on_request():
    frame = landscape(FAMILIES["beale"].build({}), ((0, 1), (-1.0, 2.0)), (2, 4))
    assert frame.y.unique().tolist() == [-1, 0, 1, 2]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: landscape(FAMILIES["powell"].build({})), "needs a function of 2 coordinates, and powell has 4"),
        (lambda: landscape(network()), "a landscape needs a function of 2 coordinates, and net is a network"),
        (lambda: view_bounds(network()), "a landscape needs a function of 2 coordinates, and net is a network"),
        (lambda: view_bounds(FAMILIES["sphere"].build({"dim": 3})), "sphere(dim=3) has 3"),
        (lambda: view_bounds(FAMILIES["sphere"].build({}), [[1, 2, 3]]), "points must have shape (..., 2), got (1, 3)"),
        (lambda: landscape(FAMILIES["beale"].build({}), ((1, 1), (0, 1))), "finite, low < high, got ((1, 1), (0, 1))"),
        (lambda: landscape(FAMILIES["beale"].build({}), ((0, 1),)), "bounds must be ((x_low, x_high), (y_low"),
        (lambda: landscape(FAMILIES["beale"].build({}), (0, 1)), "bounds must be ((x_low, x_high), (y_low, y_high))"),
        (lambda: landscape(FAMILIES["beale"].build({}), ((0, np.inf), (0, 1))), "finite, low < high"),
        (lambda: landscape(FAMILIES["beale"].build({}), resolution=(1, 5)), "two integers >= 2, got (1, 5)"),
        (lambda: landscape(FAMILIES["beale"].build({}), resolution=(5, 5.0)), "two integers >= 2, got (5, 5.0)"),
        (lambda: landscape(Problem("bare", lambda p: p.sum(-1), (0, 0))), "bare has no bounds: give bounds="),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(call, said):
    with pytest.raises(InputError) as caught:
        call()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PLANE)
def test_the_view_holds_trajectory_start_and_nearest_minimum_with_room_around(name):
    problem = FAMILIES[name].build({})
    start = np.array(problem.start)
    target = min(problem.minima, key=lambda m: np.linalg.norm(start - m))
    path = start + np.linspace(0, 1, 50)[:, None] * (np.array(target) - start)
    box = view_bounds(problem, path)
    extent = path.max(axis=0) - path.min(axis=0)
    assert inside(path, np.array(box) + np.outer(extent, (0.079, -0.079)))
    side = np.diff(box).ravel() / np.diff(problem.bounds).ravel()
    assert side.max() <= 2 * side.min() * (1 + 1e-12)


def test_every_minimum_that_a_run_came_near_is_in_view():
    problem = FAMILIES["himmelblau"].build({})
    near_first = [problem.start, (2.9, 2.1)]
    near_two = [*near_first, (-3.7, -3.2)]
    assert not inside([problem.minima[2]], view_bounds(problem, near_first))
    assert inside([problem.minima[0], problem.minima[2]], view_bounds(problem, near_two))


def test_a_run_that_flew_off_does_not_shrink_the_others():
    problem = FAMILIES["rosenbrock"].build({})
    calm = [(-1.2, 1.0), (0.5, 0.2)]
    box = view_bounds(problem, [*calm, (1e9, -1e12), (np.nan, 0.0), (np.inf, 1.0)])
    assert inside(calm, box)
    side = np.diff(box).ravel() / np.diff(problem.bounds).ravel()
    assert side.max() < 2
    assert view_bounds(problem, [*calm, (np.nan, 50.0)]) == view_bounds(problem, calm)


def test_without_points_the_start_and_its_minimum_are_the_view():
    problem = FAMILIES["rosenbrock"].build({})
    (x_low, x_high), (y_low, y_high) = view_bounds(problem)
    assert (x_low, x_high) == pytest.approx((-1.2 - 0.08 * 2.2, 1 + 0.08 * 2.2))
    assert y_low < 1 < y_high


def test_points_may_come_in_lanes():
    problem = FAMILIES["beale"].build({})
    points = np.random.default_rng(0).uniform(-3, 3, (4, 5, 2))
    assert view_bounds(problem, points) == view_bounds(problem, points.reshape(20, 2))


def test_a_function_without_bounds_or_minimum_has_a_view_too():
    bare = Problem("bare", lambda p: p.sum(-1), (2.0, 3.0))
    box = view_bounds(bare, [(2.5, 3.0), (1e9, 3.0)])
    assert inside([(2.0, 3.0), (2.5, 3.0)], box)
    assert np.diff(box).max() < 10
    (x_low, x_high), _ = view_bounds(bare)
    assert x_low < 2 < x_high


def test_easoms_hole_fills_the_picture_though_its_bounds_are_wide():
    box = view_bounds(FAMILIES["easom"].build({}))
    assert np.diff(box).max() <= 10.0001


def test_a_few_points_far_out_do_not_stretch_the_map():
    problem = FAMILIES["quadratic"].build({"condition": 50.0})
    calm = np.linspace(problem.start, problem.minimum, 500)
    box = view_bounds(problem, calm)
    (x_low, _), (y_low, _) = view_bounds(problem, [*calm, (-7.0, -7.0), (-6.0, -6.0)])
    assert x_low > -6.0
    assert y_low == pytest.approx(box[1][0], rel=0.2, abs=0.2)
    # Where many points are, the map goes: a run that ends far out is shown.
    assert inside([(-7.0, -7.0)], view_bounds(problem, [*calm, *[(-7.0, -7.0)] * 50]))
