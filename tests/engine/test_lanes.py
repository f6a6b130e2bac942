"""Lanes equal the plain loop: every optimizer, every schedule, and optimizers that mix what they must not."""

import math
import warnings

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.engine.lane_float import LaneFloat, LaneMode, LanesDisagree

STACKED = [n for n in osc.optimizers() if n not in ("LBFGS", "Muon", "SparseAdam", "Adafactor")]
GROUPED = [*STACKED, "Adafactor", "Muon"]
DROP = ["wall_s", "engine", "provenance_id"]


def same(lanes: osc.Results, plain: osc.Results) -> None:
    """To the bit, in both frames."""
    left, right = lanes.runs.drop(columns=DROP), plain.runs.drop(columns=DROP)
    for name in left:
        assert left[name].equals(right[name]), name
    keys = ["run_id", "step"]
    left, right = (one.trace.sort_values(keys, ignore_index=True) for one in (lanes, plain))
    for name in right:
        assert left[name].equals(right[name]), name


def sweep(optimizer, schedule="constant", problem="rosenbrock", steps=40, seeds=2):
    return osc.grid(problem, optimizer, schedule, lr=[1e-3, 3e-2, 1e3], seed=range(seeds), start="random", steps=steps)


@pytest.mark.parametrize("schedule", list(osc.schedules()))
@pytest.mark.parametrize("optimizer", STACKED)
def test_stacked_equals_the_plain_loop_to_the_bit(optimizer, schedule):
    runs = sweep(optimizer, schedule, steps=20, seeds=1)
    lanes = osc.run(runs, engine="stacked")
    assert set(lanes.runs["engine"]) == {"stacked"}
    same(lanes, osc.run(runs, engine="single"))


@pytest.mark.parametrize("optimizer", GROUPED)
def test_grouped_equals_the_plain_loop_to_the_bit(optimizer):
    problem = "sphere(dim=4, layout='matrix')" if optimizer == "Muon" else "rastrigin"
    runs = sweep(optimizer, ["OneCycleLR", "constant"], problem)
    same(osc.run(runs, engine="grouped"), osc.run(runs, engine="single"))


@pytest.mark.parametrize(
    "problem",
    ["beale(noise=0.5)", "ackley(dim=5)", "quadratic(rotation=3)", "goldstein_price", "sphere(dim=10, noise=0.1)",
     "quadratic(dim=10, condition=1e3, rotation=1)", "rosenbrock(dim=7)", "sphere(dim=3)"],
)  # fmt: skip
@pytest.mark.parametrize("optimizer", ["SGD", "Momentum", "Adam", "NAdam"])
def test_noise_dimensions_and_rotations(optimizer, problem):
    runs = sweep(optimizer, "CosineAnnealingLR", problem)
    same(osc.run(runs, engine="stacked"), osc.run(runs, engine="single"))


VARIED = {
    "SGD": ["SGD(momentum=0.5, weight_decay=0.1)", "SGD(momentum=0.9, weight_decay=0.2)", "SGD(momentum=0.3, weight_decay=1e-3)"],
    "dampening": ["SGD(momentum=0.5, dampening=0.1)", "SGD(momentum=0.9, dampening=0.2)"],
    "Adam": ["Adam(betas=(0.5, 0.9), eps=1e-6)", "Adam(betas=(0.9, 0.99))", "Adam(betas=(0.8, 0.999), eps=1e-4)"],
    "AdamW": ["AdamW(weight_decay=0.3)", "AdamW(weight_decay=0.01, betas=(0.5, 0.9))"],
    "RMSprop": ["RMSprop(alpha=0.9, momentum=0.5)", "RMSprop(alpha=0.5, momentum=0.1, eps=1e-4)"],
    "Adagrad": ["Adagrad(lr_decay=0.1, eps=1e-3)", "Adagrad(lr_decay=0.5)"],
    "Adadelta": ["Adadelta(rho=0.5, eps=1e-3)", "Adadelta(rho=0.9, eps=1e-4)"],
    "Adamax": ["Adamax(betas=(0.5, 0.9), eps=1e-3)", "Adamax(betas=(0.9, 0.99))"],
    "NAdam": ["NAdam(betas=(0.5, 0.9), momentum_decay=0.1)", "NAdam(betas=(0.9, 0.99), momentum_decay=0.01)"],
    "ASGD": ["ASGD(lambd=0.1, alpha=0.5)", "ASGD(lambd=0.2, alpha=0.9)"],
}  # fmt: skip


@pytest.mark.parametrize("family", VARIED)
def test_every_hyperparameter_may_vary_by_lane(family):
    runs = sweep(VARIED[family], ["constant", "OneCycleLR"])
    lanes = osc.run(runs, engine="stacked")
    same(lanes, osc.run(runs, engine="single"))


def test_a_lane_s_end_touches_no_other():
    # lr = 1e3 diverges on the stiff axis; its neighbours must not notice.
    runs = osc.grid("quadratic", "SGD", lr=[1e-3, 1e3, 1e-2, 1e-3], seed=range(3), start="random", steps=200)
    lanes = osc.run(runs, engine="stacked")
    same(lanes, osc.run(runs, engine="single"))
    ended = lanes.runs["status"] == "diverged"
    assert (ended == (lanes.runs["lr"] == 1e3)).all()
    assert (lanes.runs.loc[ended, "steps_done"] < 100).all()


def test_momentum_and_betas_cycle_with_the_schedule():
    for optimizer in ("Momentum", "Adam"):
        runs = sweep(optimizer, ["OneCycleLR", "CyclicLR", "constant"], steps=50)
        same(osc.run(runs, engine="stacked"), osc.run(runs, engine="single"))


def test_auto_says_which_tier_it_took_and_why(tmp_path):
    runs = sweep(["Adam", "Adafactor", "LBFGS(max_iter=3)"], steps=10)
    results = osc.run(runs, store=tmp_path)
    tiers = results.runs.groupby("optimizer")["engine"].unique().map(list).to_dict()
    assert tiers == {"Adam": ["stacked"], "Adafactor": ["grouped"], "LBFGS(max_iter=3)": ["single"]}
    same(results, osc.run(runs, engine="single"))
    verdicts = osc.Store(tmp_path).verdicts().values()
    assert sorted(verdict["tier"] for verdict in verdicts) == ["grouped", "stacked"]
    assert all("worst relative difference" in str(verdict["evidence"]) for verdict in verdicts)


class NormalisedSGD(torch.optim.SGD):
    """Takes the norm of the whole tensor: right for one run, and silently wrong for stacked lanes."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad /= p.grad.norm() + 1e-12
        return super().step(closure)


class CouplingSGD(torch.optim.SGD):
    """Takes a norm over all groups: wrong for grouped lanes, too."""

    def step(self, closure=None):
        grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        total = torch.stack([grad.norm() for grad in grads]).norm()
        for grad in grads:
            grad /= total + 1e-12
        return super().step(closure)


class LeakySGD(torch.optim.SGD):
    """Reads the rate through C code, as `math.sqrt` does."""

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.add_(p.grad, alpha=-math.sqrt(group["lr"]))


class BrokenSGD(torch.optim.SGD):
    """Cannot take two lanes, nor two groups."""

    def step(self, closure=None):
        [group] = self.param_groups
        [p] = group["params"]
        if p.dim() != 1:
            raise ValueError("one vector, please")
        return super().step(closure)


@pytest.mark.parametrize(
    ("cls", "tier"),
    [(NormalisedSGD, "grouped"), (CouplingSGD, "single"), (LeakySGD, "grouped"), (BrokenSGD, "single")],
)
def test_an_optimizer_never_seen_is_fast_or_exact_never_fast_and_wrong(cls, tier):
    runs = osc.grid(
        "beale", osc.OptimizerSpec(cls.__name__, cls), lr=[1e-3, 1e-2, 3e-2], seed=range(3), start="random", steps=40
    )
    auto = osc.run(runs)
    assert set(auto.runs["engine"]) == {tier}
    same(auto, osc.run(runs, engine="single"))


def test_a_tier_that_cannot_is_refused_when_asked_for():
    with pytest.raises(osc.InputError, match=r"engine='stacked' runs dense problems .* LBFGS on beale"):
        osc.run(sweep("LBFGS", problem="beale", steps=2), engine="stacked")
    with pytest.raises(osc.InputError, match=r"engine='grouped' runs dense problems .* SparseAdam on beale"):
        osc.run(sweep("SparseAdam", problem="beale(layout='sparse')", steps=2), engine="grouped")


def test_small_batches_change_nothing(tmp_path):
    # 1 MB holds some 150 of these lanes.
    runs = osc.grid("rosenbrock", "Adam", lr=[1e-2, 1e-1], seed=range(200), start="random", steps=30)
    whole = osc.run(runs, engine="stacked", memory_mb=512)
    same(osc.run(runs, engine="stacked", memory_mb=1), whole)


@pytest.mark.parametrize("problem", ["sphere(dim=100)", "quadratic(dim=10, condition=1e3, rotation=1)"])
def test_many_dimensions_are_summed_as_alone(problem):
    runs = osc.grid(problem, "Adam", lr=[1e-2, 1e-1], seed=range(5), start="random", steps=30)
    auto = osc.run(runs)
    assert set(auto.runs["engine"]) == {"stacked"}
    same(auto, osc.run(runs, engine="single"))


def test_summaries_over_many_blocks_equal_the_trace():
    runs = osc.grid("rastrigin", "Adam", lr=[1e-2, 1e-1, 1.0], seed=range(4), start="random", steps=300)
    without, traced = osc.run(runs, engine="stacked", trace="none"), osc.run(runs, engine="stacked")
    assert without.runs.drop(columns=DROP).equals(traced.runs.drop(columns=DROP))
    for row in without.runs.itertuples():
        own = traced.trace[traced.trace["run_id"] == row.run_id]["loss"].to_numpy()
        assert (row.loss_best, row.step_best, row.loss_final) == (own.min(), own.argmin(), own[-1])


# -- the lane float itself ---------------------------------------------------------------------------------------------

INDEX = np.array([0, 1, 1, 0, 2])


@pytest.mark.parametrize(
    "expression",
    ["x + 2", "2 + x", "x - 2", "2 - x", "x * y", "x / y", "2 / x", "x ** 2", "0.9 ** x", "x ** y", "x ** 0.5", "-x",
     "+x", "abs(-x)", "1 - x * (3 - y) / (x + 1)", "x + z", "z * x"],
)  # fmt: skip
def test_arithmetic_is_python_s_lane_by_lane(expression):
    x, y = LaneFloat(np.array([0.1, 1.5, 3.0]), INDEX), LaneFloat(np.array([2.0, 0.25, 7.0]), INDEX)
    z = LaneFloat(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))  # a value of its own a lane
    got = eval(expression, {"x": x, "y": y, "z": z, "abs": abs})
    for lane in range(5):
        own = {"x": float(x.by_lane()[lane]), "y": float(y.by_lane()[lane]), "z": float(z.by_lane()[lane]), "abs": abs}
        assert got.by_lane()[lane] == eval(expression, own)


def test_what_c_code_reads_is_nan():
    x = LaneFloat(np.array([0.1, 0.2]))
    assert math.isnan(math.sqrt(x))
    assert math.isnan(float(x))
    assert isinstance(x, float)


def test_comparisons_agree_or_raise():
    x = LaneFloat(np.array([0.1, 0.2]))
    assert x > 0
    assert not x < 0
    assert x != 0
    with pytest.raises(LanesDisagree):
        bool(x > 0.15)
    with pytest.raises(LanesDisagree):
        bool(LaneFloat(np.array([0.0, 0.2])))


def _in_old_order(method, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method(*args)


CALLS = {
    "add_": lambda p, g, v: p.add_(g, alpha=v),
    "sub_": lambda p, g, v: p.sub_(g, alpha=v),
    "add": lambda p, g, v: p.add(g, alpha=v),
    "torch.add": lambda p, g, v: torch.add(p, g, alpha=-v),
    "mul_": lambda p, g, v: p.mul_(1 - v),
    "mul": lambda p, g, v: p * v + v * p,
    "div": lambda p, g, v: p / v + v / p,
    "rsub": lambda p, g, v: v - p - v,
    "pow": lambda p, g, v: p.abs() ** v + v**p,
    "lerp_": lambda p, g, v: p.lerp_(g, 1 - v),
    "addcmul_": lambda p, g, v: p.addcmul_(g, g, value=v),
    "addcdiv_": lambda p, g, v: p.addcdiv_(g, g.abs() + 1, value=-v),
    "addcdiv": lambda p, g, v: torch.addcdiv(p, g, g.abs() + 1, value=-v),
    "clamp_": lambda p, g, v: p.clamp_(min=-v, max=v),
    "full_like": lambda p, g, v: torch.full_like(p, v),
    "fill_": lambda p, g, v: p.fill_(v),
    "as_tensor": lambda p, g, v: p * torch.as_tensor(v, dtype=p.dtype),
    "state scalar": lambda p, g, v: p * torch.ones((), dtype=p.dtype).mul_(v).item(),
    "add_ in the old order": lambda p, g, v: _in_old_order(p.add_, v, g),
    "addcdiv_ in the old order": lambda p, g, v: _in_old_order(p.addcdiv_, -v, g, g.abs() + 1),
    "maximum": lambda p, g, v: torch.maximum(p, p * v),
}


@pytest.mark.parametrize("name", CALLS)
def test_rewritten_calls_equal_scalar_calls_lane_by_lane(name):
    generator = torch.Generator().manual_seed(0)
    p, g = (torch.randn(5, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    values = LaneFloat(np.array([0.1, 0.7, 1.3]), INDEX)
    with LaneMode(5):
        got = CALLS[name](p.clone(), g, values)
    for lane in range(5):
        expected = CALLS[name](p[lane].clone(), g[lane], float(values.by_lane()[lane]))
        assert torch.equal(got[lane], expected)


def test_a_proof_on_one_problem_is_none_on_another(bowl, tmp_path):
    # The second problem mixes its lanes: what was proved on the first must not be believed of it.
    mixing = osc.Problem(
        "mixing", lambda x: (x**2).sum(-1) * (1 + x.detach().abs().max()), (1.0, 2.0), bounds=((-3.0, 3.0),) * 2
    )
    for problem in (bowl, mixing):
        runs = osc.grid(problem, "Adam", lr=[0.01, 0.1], seed=range(3), start="random", steps=20)
        auto = osc.run(runs, store=tmp_path)
        same(auto, osc.run(runs, engine="single"))
    assert set(auto.runs["engine"]) == {"single"}


@pytest.mark.parametrize("schedule", list(osc.schedules()))
def test_auto_stacks_under_every_schedule(schedule):
    runs = osc.grid("rosenbrock", "Adam", schedule, lr=[1e-3, 1e-2, 0.1], seed=[0, 1], start="random", steps=60)
    assert set(osc.run(runs, trace="none").runs["engine"]) == {"stacked"}
