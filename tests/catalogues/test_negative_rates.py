"""A schedule that turns a rate negative makes a run climb: it is refused before anything runs."""

import pytest
from torch.optim.lr_scheduler import LambdaLR

import optiscope as osc


@pytest.mark.parametrize("text", [
    "StepLR(gamma=-0.1)", "StepLR(step_size=400, gamma=-0.1)", "MultiStepLR(gamma=-2)", "ExponentialLR(gamma=-0.9)",
    "CyclicLR(mode='exp_range', gamma=-1.0)", "ReduceLROnPlateau(factor=-0.5)",
])  # fmt: skip
@pytest.mark.parametrize("steps", [10, 500])
def test_a_negative_factor_is_refused(text, steps):
    name = "factor" if "Plateau" in text else "gamma"
    with pytest.raises(osc.InputError, match=rf"^{name} must be a number >= 0, got -\d"):
        osc.grid("beale", "SGD", text, lr=0.1, steps=steps)


def test_a_negative_rate_is_refused():
    falling = osc.ScheduleSpec("falling", lambda optimizer, steps: LambdaLR(optimizer, lambda k: 1 - k / 2))
    with pytest.raises(osc.InputError) as error:
        osc.grid("beale", "SGD", falling, lr=0.5, steps=10)
    assert str(error.value) == "schedule falling makes the rate negative: -0.25 from 0.5"


def test_a_rate_of_nought_is_fine():
    for text in ("StepLR(gamma=0.0)", "ExponentialLR(gamma=0)", "wsd", "CosineAnnealingLR"):
        assert osc.grid("beale", "SGD", text, lr=0.1, steps=400)
