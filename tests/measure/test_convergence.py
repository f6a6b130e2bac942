"""Convergence at a tuned rate: what is recorded is what the runs did."""

import numpy as np
import pytest

from optiscope.measure.convergence import ConvergenceCase, plain_loop, reached
from optiscope.tuning.rates import LrRange


def test_sgd_on_a_sphere_reaches_each_target_when_its_formula_says():
    case = ConvergenceCase("sphere", "SGD", "constant", steps=60, seeds=4)
    runs = case.runs(0.25)
    assert [one.seed for one in runs] == [0, 1, 2, 3]
    found = reached(runs, seconds_a_step=1e-3)
    assert [one["target"] for one in found] == [1e0, 1e-2, 1e-4, 1e-6, 1e-8]
    # f(x) = |x|^2, so that x halves at each step and f falls to a quarter: a hundredth takes 3.32 steps.
    steps = np.array([one["steps"] for one in found])
    assert ((np.diff(steps[1:], axis=0) >= 3) & (np.diff(steps[1:], axis=0) <= 4)).all()
    for one in found:
        assert one["success_rate"] == 1.0
        assert one["median_s"] == pytest.approx(1e-3 * one["median_steps"])


def test_a_miss_is_none_and_half_of_them_have_no_median():
    found = reached(ConvergenceCase("sphere", "SGD", "constant", steps=10, seeds=3).runs(1e-6), 1.0)[-1]
    assert found["steps"] == [None, None, None]
    assert (found["median_steps"], found["median_s"], found["success_rate"]) == (None, None, 0.0)


def test_rates_are_searched_on_other_seeds():
    case = ConvergenceCase("sphere", "SGD", "constant", steps=20, seeds=2)
    tuned = case.tuned(LrRange(1e-2, 1.0), seeds=2)
    assert tuned.lr == 0.316
    assert tuned.trials >= 10
    assert plain_loop(case.runs(tuned.lr)[0]) > 0
