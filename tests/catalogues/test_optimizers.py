"""Every optimizer of the catalogue goes through this suite."""

import dataclasses
import itertools
import math

import pytest
import torch

import optiscope as osc

NAMES = sorted(osc.optimizers())
SQUARE = osc.Problem(
    "square", lambda x: (x**2).sum(-1), start=(3.0, 2.0, -1.0, 1.5), minimum=(0.0,) * 4, bounds=((-4.0, 4.0),) * 4
)


def bowl_for(name: str) -> osc.Problem:
    layout = {"Muon": "matrix", "SparseAdam": "sparse"}.get(name, "vector")
    return dataclasses.replace(SQUARE, name=f"square-{layout}", layout=layout)


def test_every_class_of_torch_is_there():
    classes = {
        name for name, thing in vars(torch.optim).items()
        if isinstance(thing, type) and issubclass(thing, torch.optim.Optimizer) and thing is not torch.optim.Optimizer
    }  # fmt: skip
    assert classes <= set(NAMES)
    assert set(NAMES) - classes == {"Momentum", "Nesterov", "AMSGrad"}


@pytest.mark.parametrize("name", NAMES)
def test_lowers_a_bowl(name):
    lr = {"Adadelta": 10.0, "LBFGS": 1.0, "SGD": 0.1}.get(name, 0.05)
    [row] = osc.run(osc.grid(bowl_for(name), name, lr=lr, steps=200)).runs.to_dict("records")
    assert row["status"] == "max_steps"
    assert row["loss_final"] < 0.5 * row["loss_start"]
    assert row["loss_best"] <= row["loss_final"]


@pytest.mark.parametrize("name", NAMES)
def test_equals_a_hand_written_loop_to_the_bit(name):
    problem, steps = bowl_for(name), 60
    spec = osc.optimizers()[name]
    shape = (2, 2) if problem.layout == "matrix" else (4,)
    x = torch.nn.Parameter(torch.tensor(problem.start, dtype=torch.float64).reshape(shape))
    optimizer = spec.resolved([x], lr=0.02, **spec.arguments)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.99)
    losses, rates, points = [], [], [x.detach().flatten().tolist()]

    def closure():
        optimizer.zero_grad()
        loss = (x.reshape(-1) ** 2).sum(-1)
        loss.backward()
        if problem.layout == "sparse":
            x.grad = x.grad.to_sparse()
        return loss

    for _ in range(steps):
        losses.append(float((x.detach().reshape(-1) ** 2).sum(-1)))
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(closure)
        scheduler.step()
        points.append(x.detach().flatten().tolist())
    results = osc.run(osc.grid(problem, name, "ExponentialLR(gamma=0.99)", lr=0.02, steps=steps))
    trace = results.trace
    assert trace["loss"].tolist()[:-1] == losses
    assert trace["lr_t"].tolist()[:-1] == rates
    assert trace["update_norm"].tolist()[1:] == pytest.approx(
        [math.dist(a, b) for a, b in itertools.pairwise(points)], rel=1e-12
    )


def test_named_settings_are_what_they_say():
    catalogue = osc.optimizers()
    assert catalogue["Momentum"].arguments == {"momentum": 0.9}
    assert catalogue["Nesterov"].arguments == {"momentum": 0.9, "nesterov": True}
    assert catalogue["AMSGrad"].arguments == {"amsgrad": True}


def test_evaluations_of_lbfgs_are_counted():
    runs = osc.run(osc.grid("rosenbrock", ["LBFGS", "Adam"], lr=0.1, steps=10)).runs.set_index("optimizer")
    assert runs.loc["Adam", "grad_evals"] == 10
    assert runs.loc["LBFGS", "grad_evals"] > 50


def test_lbfgs_with_a_line_search_solves_rosenbrock():
    row = osc.run(osc.grid("rosenbrock", "LBFGS(line_search_fn='strong_wolfe')", lr=1.0, steps=10)).runs.iloc[0]
    assert row["loss_final"] < 1e-8


@pytest.mark.parametrize(
    ("optimizer", "problem", "reason"),
    [
        ("Muon", "rosenbrock", "Muon only supports 2D"),
        ("Muon", "digits-cnn", "Muon only supports 2D"),
        ("SparseAdam", "rosenbrock", "does not support dense gradients"),
        ("SparseAdam", "digits-cnn", "does not support dense gradients"),
        ("Adam", "sphere(dim=4, layout='sparse')", "does not support sparse gradients"),
    ],
)
def test_refuses_what_it_cannot_do_and_says_why(optimizer, problem, reason):
    with pytest.raises(osc.Refused, match=reason) as caught:
        osc.run(osc.grid([problem], optimizer, steps=1))
    assert str(caught.value).startswith(f"{optimizer} cannot run {problem}")
    assert "\n" not in str(caught.value)


def test_muon_runs_matrices_and_sparse_adam_sparse_gradients():
    runs = osc.run(
        osc.grid("sphere(dim=16, layout='matrix')", "Muon", steps=20)
        + osc.grid("sphere(dim=16, layout='sparse')", "SparseAdam", lr=0.1, steps=20)
    ).runs
    assert (runs["loss_final"] < runs["loss_start"]).all()
