"""Bytes a parameter, from the literature; the shapes of real networks, from their papers."""

import pytest
import torch

from optiscope import InputError, UnknownName
from optiscope.measure import SETS, ParameterSet, StepCase, Stepper, parameter_set, state_bytes, traffic_of
from optiscope.measure.sets import single

MATRIX = ParameterSet("matrix", ((64, 32),))
# fp32 bytes that a step must move a parameter: METHOD, rule 15, and 8 for each further number of state.
MOVED = {
    "SGD": 12, "Momentum": 20, "Nesterov": 20, "Adagrad": 20, "RMSprop": 20, "Muon": 20, "ASGD": 20,
    "Adam": 28, "AdamW": 28, "Adamax": 28, "NAdam": 28, "RAdam": 28, "Adadelta": 28, "Rprop": 28,
    "AMSGrad": 36, "RMSprop(momentum=0.9, centered=True)": 36,
}  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_bytes_moved_a_parameter(name):
    traffic = traffic_of(Stepper(StepCase(name, "for-loop", MATRIX)).optimizer)
    assert traffic.a_parameter == MOVED[name]
    assert traffic.bytes == MOVED[name] * 64 * 32


def test_half_precision_moves_half():
    stepper = Stepper(StepCase("AdamW", "foreach", MATRIX, dtype="bfloat16"))
    assert traffic_of(stepper.optimizer).a_parameter == 14


def test_a_factored_state_is_counted_as_stored():
    traffic = traffic_of(Stepper(StepCase("Adafactor", "for-loop", MATRIX)).optimizer)
    assert traffic.state == 4 * (64 + 32)  # a row and a column


def test_a_sparse_gradient_counts_by_its_rows():
    traffic = traffic_of(Stepper(StepCase("SparseAdam", "for-loop", MATRIX)).optimizer)
    rows = 4  # of 64, one in 16
    assert traffic.parameters == rows * 32 * 4
    assert traffic.state == 2 * rows * 32 * 4
    assert traffic.gradients == rows * 32 * 4 + rows * 8


def test_lbfgs_has_no_count():
    assert traffic_of(Stepper(StepCase("LBFGS(history_size=3)", "for-loop", MATRIX)).optimizer) is None


@pytest.mark.parametrize(("name", "numbers"), [("SGD", 0), ("Momentum", 1), ("AMSGrad", 3)])
def test_state_bytes(name, numbers):
    optimizer = Stepper(StepCase(name, "for-loop", MATRIX)).optimizer
    step_count = 4 if numbers == 3 else 0
    assert state_bytes(optimizer) == numbers * 4 * 64 * 32 + step_count


@pytest.mark.parametrize(
    ("name", "parameters", "tensors"),
    [("demo-cnn", 47_841_317, 10), ("resnet50", 25_557_032, 161), ("gpt2-small", 124_439_808, 148),
     ("many-tiny", 64_000, 1000), ("one-huge", 2**26, 1)],
)  # fmt: skip
def test_the_sets_have_the_sizes_of_their_networks(name, parameters, tensors):
    one = parameter_set(name)
    assert (one.count, len(one.shapes)) == (parameters, tensors)


@pytest.mark.parametrize("name", SETS)
def test_a_trimmed_set_keeps_its_tensors_and_says_so(name):
    one = parameter_set(name, 8)
    assert str(one) == f"{name}/8"
    assert len(one.shapes) == len(parameter_set(name).shapes)
    assert [shape[1:] for shape in one.shapes] == [shape[1:] for shape in parameter_set(name).shapes]
    assert one.count < parameter_set(name).count / 7.9 + 2000 * len(one.shapes)
    assert one.trimmed(2).divisor == 16


def test_a_set_is_fitted_to_the_room_there_is():
    small = parameter_set("one-huge").fitted(1e8, 16)
    assert small.count * 16 <= 1e8 < small.count * 32
    assert str(small) == "one-huge/16"
    assert parameter_set("one-huge").fitted(1e12, 16).divisor == 1


def test_muon_gets_matrices():
    assert {len(shape) for shape in parameter_set("gpt2-small").matrices().shapes} == {2}
    with pytest.raises(InputError, match="no matrices"):
        parameter_set("many-tiny").matrices()


@pytest.mark.parametrize(("count", "shape"), [(1000, (10, 100)), (10**8, (10**4, 10**4))])
def test_single(count, shape):
    assert single(count).shapes == (shape,)
    assert str(single(count)) == f"single-1e{len(str(count)) - 1}"


def test_made_the_same_each_time_with_gradients():
    one, other = (MATRIX.make(seed=3)[0] for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(one.grad, other.grad)
    assert 0.018 < one.std() < 0.022
    assert 0.9 < one.grad.std() < 1.1


def test_bad_names_are_told():
    with pytest.raises(UnknownName, match="did you mean 'resnet50'"):
        parameter_set("resnet-50")
    with pytest.raises(InputError, match="divisor >= 1, got 0"):
        MATRIX.trimmed(0)
