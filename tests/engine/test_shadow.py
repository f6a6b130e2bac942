"""Networks on lanes whose optimizer changes its way after the steps in which losses are compared."""

import numpy as np
import pytest
import torch
from torch import nn

import optiscope as osc
from optiscope.engine.lane_table import LaneTable
from optiscope.engine.shadow import Shadow, calm_lanes, lowest_to_highest

INPUTS = torch.sin(torch.arange(180.0).reshape(30, 6))


def bowl(steps_per_epoch=5):
    data = osc.Data(torch.utils.data.TensorDataset(INPUTS, INPUTS.sum(1, keepdim=True)))
    return osc.Problem(
        "bowl",
        task=osc.Task(
            module=lambda: nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1)),
            data=lambda seed: data,
            criterion=nn.functional.mse_loss,
            batch_size=6,
        ),
        steps_per_epoch=steps_per_epoch,
    )


class LateClip(torch.optim.Optimizer):
    """Weighs in a norm over the whole tensor from step `late` on; it calls the same functions at every step."""

    def __init__(self, params, lr, late=40):
        super().__init__(params, {"lr": lr, "late": late})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["count"] = state.get("count", 0) + 1
                weight = float(state["count"] > group["late"])
                normalised = torch.nan_to_num(p.grad / (p.grad.norm() + 1e-6))
                p.add_(p.grad * (1 - weight) + weight * normalised, alpha=-group["lr"])


class LateNorm(torch.optim.SGD):
    """The same by a function that was not called before."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        if self.count > 40:
            for p in [p for group in self.param_groups for p in group["params"]]:
                p.grad /= torch.linalg.vector_norm(p.grad) + 1e-12
        return super().step(closure)


class LateCoupling(torch.optim.SGD):
    """Shares a norm over all groups late: grouped lanes are wrong, too."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        if self.count > 40:
            grads = [p.grad for group in self.param_groups for p in group["params"]]
            total = torch.stack([grad.norm() for grad in grads]).norm()
            for grad in grads:
                grad /= total + 1e-12
        return super().step(closure)


class NewWay(torch.optim.SGD):
    """Calls something new late that mixes no lanes."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        if self.count > 40:
            for p in [p for group in self.param_groups for p in group["params"]]:
                p.grad = torch.tanh(p.grad)
        return super().step(closure)


@pytest.fixture
def many(monkeypatch):
    """Calibration says that eight lanes together are best, however short the sweep is."""
    monkeypatch.setattr("optiscope.engine.chooser.lanes_together", lambda runs, fit, device: min(8, fit))


def tier_of(cls, store=None, steps=60, lr=(1e-3, 1e-2), **arguments):
    """The tier of `auto`, and that its losses are the plain loop's over the steps that rounding leaves them."""
    spec = osc.OptimizerSpec(cls.__name__, cls, arguments)
    runs = osc.grid(bowl(), spec, lr=list(lr), seed=[0, 1], steps=steps, dtype="float64")
    auto, plain = osc.run(runs, store=store), osc.run(runs, engine="single")
    keys = ["run_id", "step"]
    losses = [one.trace.sort_values(keys)["loss"].to_numpy() for one in (auto, plain)]
    np.testing.assert_allclose(*losses, rtol=1e-6)
    [tier] = set(auto.runs["engine"])
    return tier


@pytest.mark.parametrize(
    ("cls", "tier"),
    [(LateClip, "grouped"), (LateNorm, "grouped"), (LateCoupling, "single"), (NewWay, "stacked")],
)
def test_what_begins_after_the_losses_are_compared_is_found(many, cls, tier):
    assert tier_of(cls) == tier


def test_a_verdict_is_none_on_what_its_shadows_did_not_see(many, tmp_path):
    assert tier_of(LateClip, tmp_path, steps=30) == "stacked"
    assert tier_of(LateClip, tmp_path, steps=60) == "grouped"
    # Another argument under the same verdict, and a rate beyond those that were compared.
    for first, second in (({"late": 50}, {"late": 25}), ({}, {"lr": (1e-3, 3e-2), "late": 25})):
        store = tmp_path / str(first)
        assert tier_of(LateClip, store, steps=45, **first) in ("stacked", "grouped")
        assert tier_of(LateClip, store, steps=45, **second) == "grouped"


def test_the_evidence_says_how_many_updates_were_compared(many, tmp_path):
    assert tier_of(torch.optim.Adam, tmp_path) == "stacked"
    [verdict] = osc.Store(tmp_path).verdicts().values()
    assert "in the updates of 3 over 60 and 60 and 60 steps" in verdict["evidence"]["stacked"]
    assert verdict["steps"] == 60


def test_losses_are_compared_up_to_the_middle_rate_and_updates_at_the_highest_too():
    runs = osc.grid("digits-logistic", "SGD", lr=[1e-1, 1e-3, 10.0, 1e-2, 1.0], steps=5)
    assert calm_lanes(runs, range(5)) == [0, 1, 3]
    assert calm_lanes(runs, [2, 4]) == [0, 1]
    assert lowest_to_highest(runs) == [1, 0, 2]
    assert lowest_to_highest(runs[:1]) == calm_lanes(runs[:1], [0]) == [0]


def shadowed(scale, steps=5, dtype="float32", lost=None):
    """A shadow of plain SGD beside a lane that steps `scale` times as far; not finite from step `lost` on."""
    run = osc.grid("beale", "SGD", lr=0.5, start="random", steps=steps, dtype=dtype)[0]
    shadow, table = Shadow(run, 1), LaneTable([run, run])
    stack = torch.full((2, 3), 1.0, dtype=getattr(torch, dtype))
    for step in range(steps):
        stack.grad = torch.full_like(stack, 0.01)
        shadow.before([stack], table)
        stack -= scale * 0.5 * stack.grad
        if step == lost:
            stack[1, 0] = torch.nan
        shadow.after([stack])
    return shadow


@pytest.mark.parametrize(("dtype", "digits"), [("float32", 7), ("float64", 15)])
def test_an_update_is_compared_to_half_of_its_digits(dtype, digits):
    exact, near, far = (
        shadowed(1 + error, dtype=dtype) for error in (0.0, 10.0 ** -(digits - 1), 10.0 ** -(digits // 2 - 1))
    )
    assert exact.worst == 0
    assert exact.right
    assert near.right
    assert not far.right
    assert 0.5 < far.worst / 10.0 ** -(digits // 2 - 1) < 1.5


def test_a_lane_alone_that_is_not_finite_is_wrong():
    lost = shadowed(1.0, lost=3)
    assert lost.steps == 3
    assert lost.worst == np.inf
    assert not lost.right
