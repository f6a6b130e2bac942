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


class LateClip(torch.optim.Optimizer):
    """Weighs in a norm over the whole tensor from step `late` on; it calls the same functions at every step."""

    def __init__(self, params, lr, late=100):
        super().__init__(params, {"lr": lr, "late": late})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["count"] = state.get("count", 0) + 1
                weight = float(state["count"] > group["late"])
                normalised = p.grad / (p.grad.norm() + 1e-6)
                p.add_(p.grad * (1 - weight) + weight * normalised, alpha=-group["lr"])


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


class SmoothSGD(torch.optim.SGD):
    """So is its softplus, in place of the absolute value."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.grad /= torch.nn.functional.softplus(p.grad, 50)
        return super().step(closure)


class MixedSGD(torch.optim.SGD):
    """Divides a float32 average by a float64 one, as some that were written for half precision do."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                short = p.data.float()
                short.addcdiv_(p.grad.float(), p.grad.abs() + 1, value=-group["lr"])
                p.data.copy_(short)


class KeepingSGD(torch.optim.SGD):
    """Steps by the ratio of the group's rate to one that it keeps for itself, as AdaBound does."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.kept = [group["lr"] for group in self.param_groups]

    def step(self, closure=None):
        for group, kept in zip(self.param_groups, self.kept, strict=True):
            for p in group["params"]:
                p.data.add_(p.grad, alpha=-1e-3 * group["lr"] / kept)


class ReplacingSGD(torch.optim.SGD):
    """Puts a new tensor in the place of a parameter's data; the norm keeps it out of the stacked tier."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data = p.data - group["lr"] * p.grad / p.grad.norm()


@pytest.mark.parametrize(
    ("cls", "tier"),
    [
        (LateSGD, "grouped"),
        (LateCoupling, "single"),
        (ClippingSGD, "single"),
        (DrawingSGD, "single"),
        (CubeRootSGD, "stacked"),
    ],
)
def test_what_only_shows_late_or_beside_others_is_found(cls, tier):
    runs = osc.grid(
        "beale", osc.OptimizerSpec(cls.__name__, cls), lr=[1e-4, 1e-3], seed=range(3), start=(2.5, 0.3), steps=100
    )
    equal_in(runs, tier)


@pytest.mark.parametrize("cls", [CubeRootSGD, SmoothSGD])
@pytest.mark.parametrize(("dim", "tier"), [(2, "stacked"), (3, "stacked"), (40, "grouped")])
def test_lanes_of_few_numbers_are_rounded_as_few(cls, dim, tier):
    spec = osc.OptimizerSpec(cls.__name__, cls)
    equal_in(osc.grid(f"rosenbrock(dim={dim})", spec, lr=[1e-4, 1e-3], seed=range(30), start="random", steps=60), tier)


def test_a_rate_works_in_the_widest_format_of_a_call():
    spec = osc.OptimizerSpec("Half", MixedSGD)
    equal_in(osc.grid("beale", spec, lr=[0.0011, 0.0007], seed=range(10), start="random", steps=60), "stacked")


def test_a_rate_kept_at_construction_is_each_lane_s_own():
    spec = osc.OptimizerSpec("Keeping", KeepingSGD)
    equal_in(osc.grid("beale", spec, lr=[0.0011, 0.0007], seed=range(10), start="random", steps=60), "stacked")


def test_a_parameter_s_data_may_be_replaced():
    spec = osc.OptimizerSpec("Replacing", ReplacingSGD)
    equal_in(osc.grid("beale", spec, lr=[0.0011, 0.0007], seed=range(10), start="random", steps=60), "grouped")


def equal_in(runs, tier):
    """The tier that `auto` takes, and every traced loss equal to the plain loop's."""
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


@pytest.mark.parametrize("problem", ["sphere", "rosenbrock"])
def test_what_begins_late_and_calls_nothing_new_is_found(problem):
    spec = osc.OptimizerSpec("LateClip", LateClip)
    equal_in(osc.grid(problem, spec, lr=[1e-4, 1e-3], seed=range(4), start="random", steps=150), "grouped")


@pytest.mark.parametrize(("late", "steps"), [(100, 150), (30, 90)])
def test_a_verdict_is_none_on_what_it_did_not_compare(late, steps, tmp_path):
    # Proved at 90 steps, where nothing shows; then more steps, or an argument under which it shows earlier.
    for own, horizon, tier in ((100, 90, "stacked"), (late, steps, "grouped")):
        spec = osc.OptimizerSpec("LateClip", LateClip, {"late": own})
        runs = osc.grid("sphere", spec, lr=[1e-4, 1e-3], seed=range(4), start="random", steps=horizon)
        assert set(osc.run(runs, store=tmp_path).runs["engine"]) == {tier}
