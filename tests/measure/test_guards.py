"""Each guard against a fake that it must catch."""

import pytest
import torch

from optiscope import GuardError
from optiscope.measure import StepCase, StepGuard, Stepper, check_ceiling, parameter_set
from optiscope.measure.guards import check_gradients, steps_in_state

TINY = parameter_set("many-tiny", 4)


def optimizer_of(cls=torch.optim.Adam, **arguments):
    optimizer = cls(TINY.make()[:5], lr=1e-3, **arguments)
    optimizer.step()
    return optimizer


class DoesNothing(torch.optim.SGD):
    def step(self, closure=None):
        pass


class MovesOnlyTheFirst(torch.optim.SGD):
    def step(self, closure=None):
        with torch.no_grad():
            self.param_groups[0]["params"][0].add_(1.0)


class StepsTwice(torch.optim.Adam):
    def step(self, closure=None):
        super().step()
        super().step()


class Explodes(torch.optim.SGD):
    def step(self, closure=None):
        with torch.no_grad():
            for parameter in self.param_groups[0]["params"]:
                parameter.fill_(float("nan"))


@pytest.mark.parametrize("cls", [torch.optim.SGD, torch.optim.Adam, torch.optim.Rprop])
def test_a_real_step_passes(cls):
    optimizer = optimizer_of(cls)
    guard = StepGuard(optimizer)
    for _ in range(3):
        optimizer.step()
    guard.check(3)


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (DoesNothing, "changed nothing in 5 of 5 tensors"),
        (MovesOnlyTheFirst, "changed nothing in 4 of 5 tensors"),
        (StepsTwice, "1 steps were stated, and the optimizer took 2"),
        (Explodes, "not finite"),
    ],
)
def test_a_fake_step_is_caught(cls, text):
    optimizer = optimizer_of(cls)
    guard = StepGuard(optimizer)
    optimizer.step()
    with pytest.raises(GuardError, match=text):
        guard.check(1)


def test_too_few_steps_are_caught_with_and_without_a_count_in_the_state():
    for cls in (torch.optim.Adam, torch.optim.SGD):
        optimizer = optimizer_of(cls)
        guard = StepGuard(optimizer)
        optimizer.step()
        with pytest.raises(GuardError, match="4 steps were stated, and the optimizer took 1"):
            guard.check(4)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda parameter: setattr(parameter, "grad", None), r"1 of 5 parameters lack a gradient.*\(16,\) has none"),
        (lambda parameter: parameter.grad.zero_(), "has one of zeros"),
        (lambda parameter: setattr(parameter, "grad", torch.zeros_like(parameter).to_sparse()), "without rows"),
    ],
)
def test_a_missing_gradient_is_caught_before_and_after(spoil, text):
    optimizer = optimizer_of()
    guard = StepGuard(optimizer)
    spoil(optimizer.param_groups[0]["params"][3])
    with pytest.raises(GuardError, match=text):
        StepGuard(optimizer)
    with pytest.raises(GuardError, match=text):
        guard.check(0)


def test_some_of_a_network_may_be_dead_and_not_most_of_it():
    parameters = TINY.make()[:4]
    parameters[0].grad = parameters[1].grad = None
    check_gradients(parameters, least=0.5)
    parameters[2].grad = None
    with pytest.raises(GuardError, match="3 of 4"):
        check_gradients(parameters, least=0.5)
    with pytest.raises(GuardError, match="no parameters"):
        check_gradients([])


def test_parameters_stepped_unequally_are_caught():
    optimizer = optimizer_of()
    first = optimizer.param_groups[0]["params"][0]
    optimizer.state[first]["step"] += 1
    with pytest.raises(GuardError, match="unequally: 1, 2 times"):
        steps_in_state(optimizer)


def test_a_figure_above_the_ceiling_is_refused(memory):
    check_ceiling(13.0, memory.ceiling(1e9), 1e9)
    with pytest.raises(GuardError, match=r"20\.0 GB/s over 1e\+03 MB is above the 12\.5 GB/s"):
        check_ceiling(20.0, memory.ceiling(1e9), 1e9)
    check_ceiling(20.0, memory.ceiling(1e7), 1e7)  # it fits a cache
    with pytest.raises(GuardError, match="above"):
        check_ceiling(120.0, memory.ceiling(1e7), 1e7)


def test_a_stepper_refuses_a_time_that_no_memory_gives(memory):
    stepper = Stepper(StepCase("SGD", "foreach", TINY))
    count = TINY.count
    assert stepper.figures(12 * count / 50e9, memory)["gb_per_s"] == pytest.approx(50)
    with pytest.raises(GuardError):
        stepper.figures(12 * count / 200e9, memory)
    assert stepper.figures(12 * count / 200e9, memory, ceiling=190.0)["ceiling_gb_per_s"] == 190.0


def test_a_scheduler_that_stands_still_or_skips_is_caught():
    from optiscope.measure.schedulers import SchedulerStepper

    stepper = SchedulerStepper("CosineAnnealingLR", 20)
    for _ in range(5):
        stepper.step()
    stepper.check(5)
    with pytest.raises(GuardError, match="after the 6 steps that were stated"):
        stepper.check(6)
    with pytest.raises(GuardError, match="never changes in 20 steps"):
        SchedulerStepper("ConstantLR(factor=1.0)", 20).check(3)
