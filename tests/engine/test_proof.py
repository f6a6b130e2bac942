"""The proof catches lanes that are right at first, or in good company, or by chance, and wrong later."""

import pytest
import torch

import optiscope as osc


class LateSGD(torch.optim.SGD):
    """Normalises over the whole tensor, but only from step 60 on: stacked lanes are right for 59 steps."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["count"] = state.get("count", 0) + 1
                if state["count"] >= 60:
                    p.grad /= torch.linalg.vector_norm(p.grad) + 1e-12
        return super().step(closure)


class LateCoupling(torch.optim.SGD):
    """Shares a norm over all groups from step 60 on: grouped lanes are right for 59 steps, stacked ones, too."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        if self.count >= 60:
            grads = [p.grad for group in self.param_groups for p in group["params"]]
            total = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(grad) for grad in grads]))
            for grad in grads:
                grad /= total + 1e-12
        return super().step(closure)


class ClippingSGD(torch.optim.SGD):
    """Clips at a norm over everything that calm lanes never reach: only a wild companion shows it."""

    def step(self, closure=None):
        grads = [p.grad for group in self.param_groups for p in group["params"]]
        total = torch.stack([grad.norm() for grad in grads]).norm()
        scale = torch.clamp(1e3 / total, max=1.0)
        for grad in grads:
            grad *= scale
        return super().step(closure)


class DrawingSGD(torch.optim.SGD):
    """Adds noise to the gradient from the global generator, at step 40 only."""

    count = 0

    def step(self, closure=None):
        self.count += 1
        if self.count == 40:
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad += torch.randn(2, dtype=p.dtype)
        return super().step(closure)


class CubeRootSGD(torch.optim.SGD):
    """Its power is not rounded alike for few numbers and for many."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = p.grad.sign() * p.grad.abs().pow(1 / 3)
        return super().step(closure)


@pytest.mark.parametrize(
    ("cls", "tier"),
    [
        (LateSGD, "grouped"),
        (LateCoupling, "single"),
        (ClippingSGD, "single"),
        (DrawingSGD, "single"),
        (CubeRootSGD, "grouped"),
    ],
)
def test_what_only_shows_late_or_beside_others_is_found(cls, tier):
    runs = osc.grid(
        "beale", osc.OptimizerSpec(cls.__name__, cls), lr=[1e-4, 1e-3], seed=range(3), start=(2.5, 0.3), steps=100
    )
    auto, plain = osc.run(runs), osc.run(runs, engine="single")
    assert set(auto.runs["engine"]) == {tier}
    keys = ["run_id", "step"]
    merged = auto.trace.merge(plain.trace, on=keys)
    assert len(merged) == len(plain.trace) == len(auto.trace)
    assert (merged["loss_x"] == merged["loss_y"]).all()


def test_a_verdict_on_a_short_run_is_none_on_a_long_one(tmp_path):
    for steps, tier in ((50, "stacked"), (100, "grouped")):
        runs = osc.grid(
            "beale", osc.OptimizerSpec("Late", LateSGD), lr=1e-3, seed=range(5), start=(2.5, 0.3), steps=steps
        )
        assert set(osc.run(runs, store=tmp_path).runs["engine"]) == {tier}
