"""The bytes that optimizers keep, worked out by hand from what each is written to keep."""

import pytest

import optiscope as osc
from optiscope.measure.footprint import Footprint, footprint

COUNT = 4  # bytes of a step count


def of(problem, optimizer, **more):
    [run] = osc.grid(problem, optimizer, lr=0.01, steps=1, **more)
    return footprint(run)


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [("SGD", 0), ("Momentum", 16), ("Adam", 2 * 16 + COUNT), ("AMSGrad", 3 * 16 + COUNT), ("Adagrad", 16 + COUNT)],
)
def test_a_point_of_two_numbers_in_double_precision(optimizer, state):
    assert of("beale", optimizer) == Footprint(state, 16)


def test_a_network_counts_every_tensor():
    weights = 64 * 10 + 10
    assert of("digits-logistic", "Adam") == Footprint(2 * 4 * weights + 2 * COUNT, 4 * weights)


def test_a_factored_state_is_smaller_than_the_parameters():
    found = of("digits-mlp", "torch.optim.Adafactor")
    assert found.state < 0.5 * found.parameters


def test_a_history_or_groups_have_no_one_figure():
    assert of("beale", "LBFGS") is None
    assert of("digits-logistic", "AdamW(groups={'bias': {'weight_decay': 0.0}})") is None
