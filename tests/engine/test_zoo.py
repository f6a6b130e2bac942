"""Every optimizer of `pytorch_optimizer` that a plain loop can run: lanes give what that loop gives."""

import inspect
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.engine.instance import start_points
from optiscope.seeding import OwnRandom

package = pytest.importorskip("pytorch_optimizer", reason="the zoo is not installed: pip install 'optiscope[zoo]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # other people's deprecations

from optiscope.catalogues.zoo import zoo  # noqa: E402
from optiscope.zoo import needs, zoo_runs  # noqa: E402

# They take a model, another optimizer, groups or an argument that only a user can give.
CANNOT_BE_BUILT = {
    "AdaGO", "AdaLOMO", "AdaMuon", "AdamMini", "BSAM", "DistributedMuon", "FriendlySAM", "GSAM", "LOMO", "LookSAM", "Lookahead",
    "Muon", "MuonClip", "NorMuon", "OrthoGrad", "PCGrad", "Ranger21", "SAM", "SafeFP16Optimizer", "ScheduleFreeWrapper", "TRAC",
    "WSAM", "DeMo",
}  # fmt: skip
NEED_MORE = {"AdaHessian", "SophiaH", "AliG", "LBFGS", "FAdam", "SpectralSphere"}
NAMES = [spec.name.rpartition(".")[2] for spec in zoo()]
PLAIN = [name for name in NAMES if name not in CANNOT_BE_BUILT | NEED_MORE]


def by_hand(run):
    """The plain loop: losses up to the last finite one."""
    with OwnRandom(run.seed, "run"):
        start = start_points(run.problem, np.array([run.seed]), run.start)[0]
        x = torch.nn.Parameter(torch.tensor(start, dtype=getattr(torch, run.dtype)))
        optimizer = run.optimizer.resolved([x], lr=run.lr)
        losses = []
        for _ in range(run.steps):
            optimizer.zero_grad()
            loss = run.problem.loss(x)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                return losses[:-1]
            loss.backward()
            optimizer.step()
        last = run.problem.loss(x).item()
        return [*losses, last] if math.isfinite(last) else losses


@pytest.mark.parametrize("name", PLAIN)
def test_lanes_give_the_plain_loop_s_result(name):
    """Here on Rosenbrock; `optiscope zoo` and the benchmark of conformance go further, and through Rastrigin as well."""
    spec = osc.OptimizerSpec(name, getattr(package, name))
    runs = [replace(one, steps=30) for one in zoo_runs(spec, "rosenbrock")]
    results = osc.run(runs)
    assert len(set(results.runs["engine"])) == 1
    traces = dict(list(results.trace.groupby("run_id")["loss"]))
    # Each rate, from one of its starts.
    for one, row in list(zip(runs, results.runs.itertuples(), strict=True))[::2]:
        expected = by_hand(one)
        assert traces[one.run_id].to_list() == expected, (one.lr, one.seed, row.engine)
        assert row.loss_final == expected[-1]


def test_none_is_forgotten():
    assert len(PLAIN) == 110
    assert set(NAMES) >= CANNOT_BE_BUILT | NEED_MORE
    assert [n for n in sorted(dir(package), key=str.lower) if inspect.isclass(getattr(package, n))
                     and issubclass(getattr(package, n), torch.optim.Optimizer)] == NAMES  # fmt: skip


@pytest.mark.parametrize("name", sorted(CANNOT_BE_BUILT))
def test_those_that_cannot_run_say_why_in_one_line(name):
    with pytest.raises(osc.InputError) as caught:
        osc.run(osc.grid("rosenbrock", f"pytorch_optimizer.{name}", lr=1e-2, steps=2))
    text = str(caught.value)
    assert text.startswith(f"pytorch_optimizer.{name} ")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "need"),
    [
        ("AdaHessian", "graph"),
        ("SophiaH", "graph"),
        ("AliG", "closure"),
        ("LBFGS", "closure"),
        ("FAdam", "float32"),
        ("SpectralSphere", "matrices"),
    ],
)
def test_what_an_optimizer_needs_beyond_a_plain_step(name, need):
    [spec] = [spec for spec in zoo() if spec.name == f"pytorch_optimizer.{name}"]
    assert need in needs(spec)


@pytest.mark.parametrize("name", ["AdaHessian", "SophiaH", "AliG", "LBFGS"])
def test_graphs_and_closures_are_given(name):
    rate = {"lr": 0.05}
    runs = osc.grid("sphere", f"pytorch_optimizer.{name}", **rate, seed=range(4), start="random", steps=40)
    rows = osc.run(runs).runs
    assert set(rows["engine"]) == {"single"}
    assert set(rows["status"]) == {"max_steps"}
    assert (rows["loss_final"] < rows["loss_start"]).all()


class SAM(package.SAM):
    """Sharpness-aware SGD: the gradient first, and once more at the perturbed point through the closure."""

    def __init__(self, params, lr):
        super().__init__(params, torch.optim.SGD, lr=lr, rho=0.05)


def test_sam_sees_the_gradient_at_the_perturbed_point():
    [one] = osc.grid("sphere", osc.OptimizerSpec("SAM", SAM), lr=0.1, start=(3.0, 4.0), steps=1)
    results = osc.run([one])
    # f = x² + y²: the gradient at x is 2x, at the point moved by rho along it 2 (x + 0.05 x/5).
    factor = 1 - 0.1 * 2 * (1 + 0.05 / 5)
    assert results.trace["x0"].iloc[1] == pytest.approx(3.0 * factor, rel=1e-9)
    assert results.trace["x1"].iloc[1] == pytest.approx(4.0 * factor, rel=1e-9)
    assert results.runs["grad_evals"].iloc[0] == 2


@pytest.mark.parametrize("name", ["Gravity", "Kron"])
def test_what_an_optimizer_draws_is_the_run_s_own(name):
    runs = osc.grid("rosenbrock", f"pytorch_optimizer.{name}", lr=1e-2, seed=range(5), start="random", steps=20)
    torch.manual_seed(1)
    first = osc.run(runs)
    before = torch.get_rng_state()
    second = osc.run(list(reversed(runs)))
    assert torch.equal(before, torch.get_rng_state())
    assert set(first.runs["engine"]) == {"single"}
    merged = first.trace.merge(second.trace, on=["run_id", "step"])
    assert (merged["loss_x"] == merged["loss_y"]).all()


def test_a_typo_gets_the_nearest_name():
    with pytest.raises(osc.InputError, match="did you mean 'Lion'"):
        osc.run(osc.grid("rosenbrock", "pytorch_optimizer.Lyon", lr=1e-2, steps=2))


def test_arguments_in_call_syntax():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = osc.grid("booth", ["pytorch_optimizer.Lion(betas=(0.5, 0.9))", "pytorch_optimizer.Ranger21(num_iterations=30)"],
                        lr=1e-2, seed=range(2), start="random", steps=30)  # fmt: skip
        assert set(osc.run(runs).runs["status"]) == {"max_steps"}
