"""Watching a live optimizer: anatomy against the update rules, sharpness against a known Hessian, planes against truth."""

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.engine.anatomy import anatomy
from optiscope.engine.plane import loss_plane
from optiscope.engine.sharpness import largest_eigenvalue, sharpness

STEPS = 40


def vectors(frame, name):
    return frame[[f"{name}0", f"{name}1"]].to_numpy()


@pytest.mark.parametrize("optimizer", ["SGD", "Momentum", "RMSprop", "Adagrad", "Adam", "AdamW(weight_decay=0.0)"])
def test_a_step_is_rate_times_lever(bowl, optimizer):
    [run] = osc.grid(bowl, optimizer, lr=0.01, steps=STEPS)
    frame = anatomy(run)
    trace = osc.run(run, engine="single").trace
    assert frame["step"].tolist() == list(range(STEPS))
    assert np.allclose(vectors(frame, "x"), trace[["x0", "x1"]].to_numpy()[:-1])
    assert np.allclose(vectors(frame, "gradient"), vectors(frame, "x") * [2, 20])
    assert np.allclose(vectors(frame, "update"), np.diff(trace[["x0", "x1"]], axis=0))
    lever = vectors(frame, "gradient" if np.isnan(frame["momentum0"]).all() else "momentum")
    assert np.allclose(vectors(frame, "update"), -vectors(frame, "rate") * lever, rtol=1e-9)


def test_the_momentum_and_rates_of_adam_are_its_formula_s(bowl):
    frame = anatomy(osc.grid(bowl, "Adam", lr=0.01, steps=STEPS))
    gradients = vectors(frame, "gradient")
    m = v = np.zeros(2)
    for k in range(STEPS):
        m = 0.9 * m + 0.1 * gradients[k]
        v = 0.999 * v + 0.001 * gradients[k] ** 2
        rate = 0.01 / (1 - 0.9 ** (k + 1)) / (np.sqrt(v / (1 - 0.999 ** (k + 1))) + 1e-8)
        assert np.allclose(vectors(frame, "momentum")[k], m)
        assert np.allclose(vectors(frame, "rate")[k], rate)


def test_sgd_steps_straight_down_and_momentum_does_not(bowl):
    frame = anatomy(osc.grid(bowl, ["SGD", "Momentum"], lr=0.02, steps=STEPS))
    angles = {name: rows["angle"].to_numpy() for name, rows in frame.groupby("optimizer")}
    assert np.allclose(angles["SGD"], 0, atol=1e-5)
    assert angles["Momentum"][0] == pytest.approx(0, abs=1e-5)
    assert angles["Momentum"].max() > 90


def test_anatomy_of_what_diverges_ends_with_its_last_step(bowl):
    frame = anatomy(osc.grid(bowl, "SGD", lr=20.0, steps=500))
    assert 10 < len(frame) < 500
    assert np.isfinite(frame["loss"]).all()


@pytest.mark.parametrize(
    ("problem", "optimizer", "message"),
    [("digits-logistic", "SGD", "is a network"), ("beale", "LBFGS", "takes its gradients by itself")],
)
def test_what_has_no_anatomy(problem, optimizer, message):
    with pytest.raises(osc.InputError, match=message):
        anatomy(osc.grid(problem, optimizer, lr=0.1, steps=3))


@pytest.mark.parametrize("spectrum", [[1.0, 2.0, 5.0, 40.0], [-7.0, 1.0, 3.0], [2.0, 2.0], [0.5]])
def test_lanczos_finds_the_largest_eigenvalue(spectrum):
    torch.manual_seed(0)
    size = len(spectrum)
    turn, _ = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))
    hessian = turn @ torch.diag(torch.tensor(spectrum, dtype=torch.float64)) @ turn.T
    point = torch.randn(size, dtype=torch.float64, requires_grad=True)
    found, vector = largest_eigenvalue(
        lambda: 0.5 * point @ hessian @ point, [point], torch.randn(size, dtype=torch.float64), tolerance=1e-10
    )
    assert found == pytest.approx(max(spectrum), rel=1e-8)
    assert torch.allclose(hessian @ vector, found * vector, atol=1e-6)


def network(examples=60, inputs=3):
    generator = torch.Generator().manual_seed(1)
    some = torch.randn(examples, inputs, generator=generator)
    wanted = some @ torch.arange(1.0, inputs + 1)[:, None]
    data = torch.utils.data.TensorDataset(some, wanted)
    problem = osc.Problem.from_module(
        lambda: torch.nn.Linear(inputs, 1, bias=False), data, "MSELoss", name="line", batch_size=examples,
        validation=0.0, metrics={},
    )  # fmt: skip
    return problem, some


def test_the_sharpness_of_linear_regression_is_that_of_its_data():
    problem, some = network()
    exact = float(torch.linalg.eigvalsh(2 * some.T @ some / len(some)).max())
    runs = osc.grid(problem, ["SGD", "Momentum", "Adam"], lr=0.05, steps=21)
    frame = sharpness(runs, every=10)
    assert frame.groupby("run_id")["step"].apply(list).tolist() == [[0, 10, 20]] * 3
    assert np.allclose(frame["sharpness"], exact, rtol=1e-3)
    edges = frame.groupby("optimizer")["threshold"].first()
    assert edges["SGD"] == pytest.approx(40)
    assert edges["Momentum"] == pytest.approx(76)
    assert np.isnan(edges["Adam"])
    assert np.allclose(frame["loss"], osc.run(runs, engine="single").trace.query("step in (0, 10, 20)")["loss"])


def test_a_plane_through_paths_of_two_weights_holds_everything():
    problem, _ = network(inputs=2)
    runs = osc.grid(problem, ["SGD", "Adam"], lr=0.05, steps=15)
    plane = loss_plane(runs, every=5, resolution=(5, 4))
    assert sum(plane.explained) == pytest.approx(1)
    assert plane.paths.groupby("optimizer")["step"].apply(list).tolist() == [[0, 5, 10, 15]] * 2
    assert np.allclose(plane.paths["loss"], plane.paths["loss_projected"], rtol=1e-4)
    starts = plane.paths[plane.paths["step"] == 0]
    assert starts["x"].nunique() == starts["y"].nunique() == 1
    assert len(plane.landscape) == 20
    assert plane.landscape["x"].min() < plane.paths["x"].min()
    assert (plane.landscape["loss"] >= 0).all()


def test_off_the_plane_the_two_losses_part_and_random_directions_are_as_long_as_the_filters():
    problem, _ = network(inputs=6)
    runs = osc.grid(problem, ["SGD", "Adam"], lr=0.05, steps=15)
    assert sum(loss_plane(runs, every=5, resolution=(3, 3)).explained) < 1
    plane = loss_plane(runs, every=5, resolution=(3, 3), directions="random")
    assert np.isnan(plane.explained).all()
    last = plane.paths[(plane.paths["optimizer"] == "SGD") & (plane.paths["step"] == 15)]
    assert np.allclose(last[["x", "y"]], 0, atol=1e-6)  # the plane goes through the end of the first path
    assert np.allclose(last["loss"], last["loss_projected"], rtol=1e-4)
    assert not np.allclose(plane.paths["loss"], plane.paths["loss_projected"], rtol=1e-2)


@pytest.mark.parametrize(
    ("runs", "more", "message"),
    [
        ("two seeds", {}, "runs of one network from one seed"),
        ("beale", {}, "runs of one network from one seed"),
        ("one", {"directions": "pcs"}, "directions must be one of pca, random, got 'pcs', did you mean 'pca'?"),
        ("one", {"every": 0}, "must be >= 1"),
    ],
)
def test_what_has_no_plane(runs, more, message):
    chosen = {
        "two seeds": lambda: osc.grid(network()[0], "SGD", lr=0.1, seed=[0, 1], steps=2),
        "beale": lambda: osc.grid("beale", "SGD", lr=0.1, steps=2),
        "one": lambda: osc.grid(network()[0], "SGD", lr=0.1, steps=2),
    }[runs]()
    with pytest.raises(osc.InputError, match=message.replace("?", "[?]")):
        loss_plane(chosen, **more)
