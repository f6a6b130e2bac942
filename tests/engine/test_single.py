import functools
import itertools
import json
import math
import random

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import optiscope as osc
from optiscope.engine.instance import instantiate
from optiscope.record import RUNS_COLUMNS
from optiscope.streams import derived_seed, uniform


def test_every_step_has_a_row_and_the_row_is_the_state(line):
    # SGD on f(x) = x: x falls by lr each step, the gradient is 1.
    results = osc.run(osc.grid(line, "SGD", lr=0.5, steps=4))
    trace = results.trace
    assert trace["step"].tolist() == [0, 1, 2, 3, 4]
    assert trace["x0"].tolist() == [0, -0.5, -1, -1.5, -2]
    assert trace["loss"].tolist() == [0, -0.5, -1, -1.5, -2]
    assert trace["lr_t"].tolist() == [0.5] * 5
    assert trace["grad_norm"].tolist()[:4] == [1] * 4
    assert math.isnan(trace["grad_norm"].iloc[4])
    assert math.isnan(trace["update_norm"].iloc[0])
    assert trace["update_norm"].tolist()[1:] == [0.5] * 4
    row = results.runs.iloc[0]
    assert (row["loss_start"], row["loss_final"], row["loss_best"], row["step_best"]) == (0, -2, -2, 4)
    assert (row["steps_done"], row["grad_evals"], row["status"]) == (4, 4, "max_steps")


def test_the_runs_frame_has_the_contract_s_columns(bowl):
    row = osc.run(osc.grid(bowl, "SGD(momentum=0.9)", "StepLR(gamma=0.5)", lr=0.01, steps=3)).runs.iloc[0]
    assert list(row.index) == list(RUNS_COLUMNS)
    assert json.loads(row["hyperparameters"]) == {"optimizer": {"momentum": 0.9}, "schedule": {"gamma": 0.5}}
    assert (row["engine"], row["device"], row["dtype"], row["start"]) == ("single", "cpu", "float64", "canonical")
    assert row["wall_s"] > 0
    assert row["loss_floor"] == 0


def test_runs_come_back_in_the_order_given(bowl):
    runs = osc.grid(bowl, ["Adam", "SGD"], lr=[0.1, 0.01], seed=range(2), steps=2)
    assert osc.run(runs).runs["run_id"].tolist() == [run.run_id for run in runs]


def test_divergence_stops_early_with_its_step_and_trace(bowl):
    # x <- (1 - 20 lr) x on the stiff axis: lr = 1e3 multiplies by about 2e4 a step, squares overflow after 36.
    results = osc.run(osc.grid(bowl, "SGD", lr=1e3, steps=500))
    row, trace = results.runs.iloc[0], results.trace
    assert row["status"] == "diverged"
    assert row["steps_done"] == trace["step"].iloc[-1] < 60
    assert np.isfinite(trace["loss"]).all()
    assert row["loss_final"] == trace["loss"].iloc[-1] > 1e200
    assert row["loss_best"] == row["loss_start"] == 49
    [event] = json.loads(row["events"])
    assert event["kind"] == "diverged"
    assert event["step"] == row["steps_done"] + 1


def test_divergence_at_the_last_step_and_at_the_start():
    cliff = osc.Problem("cliff", lambda x: torch.log(x[..., 0]), start=(1.0,))
    row = osc.run(osc.grid(cliff, "SGD", lr=2.0, steps=1)).runs.iloc[0]
    assert (row["status"], row["steps_done"], row["loss_final"]) == ("diverged", 0, 0.0)
    row = osc.run(osc.grid(cliff, "SGD", lr=2.0, steps=3, start=(-1.0,))).runs.iloc[0]
    assert (row["status"], row["steps_done"]) == ("diverged", 0)
    assert math.isnan(row["loss_final"])


def test_an_exception_of_a_problem_is_a_status_and_ends_no_other_run(bowl):
    calls = []

    def fragile(x):
        calls.append(1)
        if len(calls) > 5:  # once it is tried before anything runs
            raise RuntimeError("out of\nbounds")
        return (x**2).sum(-1)

    broken = osc.Problem("broken", fragile, start=(1.0,))
    runs = osc.run(osc.grid([broken, bowl], "SGD", lr=0.01, steps=10)).runs
    assert runs["status"].tolist() == ["error", "max_steps"]
    assert runs["error"].tolist() == ["RuntimeError: out of bounds", ""]
    assert runs["steps_done"].iloc[0] == 3


def test_noise_is_in_the_gradient_and_not_in_the_loss():
    noisy = osc.grid("sphere(noise=0.1)", "SGD", lr=0.1, seed=range(3), steps=50)
    results = osc.run(noisy)
    trace = results.trace
    assert np.allclose(trace["loss"], trace["x0"] ** 2 + trace["x1"] ** 2, rtol=1e-12)
    assert results.runs["loss_final"].nunique() == 3
    assert osc.run(noisy).trace.equals(trace)
    # The noise is normal with the stated deviation: gradient minus exact gradient, over one long run.
    long = osc.run(osc.grid("sphere(dim=1, noise=0.5)", "SGD", lr=1e-9, steps=2000)).trace
    noise = long["update_norm"].to_numpy()[1:] / 1e-9 - 2 * abs(long["x0"].to_numpy()[:-1])
    assert np.std(noise) == pytest.approx(0.5, rel=0.1)


def test_starts():
    low, high = osc.problems()["rosenbrock"].bounds[0]
    runs = osc.run(osc.grid("rosenbrock", "SGD", lr=1e-9, seed=range(20), start="random", steps=1))
    starts = runs.trace.query("step == 0")
    assert starts["x0"].nunique() == 20
    assert starts["x0"].between(low, high).all()
    given = osc.run(osc.grid("rosenbrock", "SGD", lr=1e-9, start=(0.5, 0.25), steps=1)).trace
    assert given["loss"].iloc[0] == 0.25


def test_the_global_generator_is_neither_read_nor_set():
    legacy = np.random.mtrand._rand  # what np.random.seed() would seed
    before = torch.get_rng_state(), legacy.get_state()[1].copy()
    osc.run(osc.grid(["digits-cnn", "demo-cnn(image_size=12)", "beale(noise=1.0)"], "Adam", lr=1e-3, steps=2))
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == legacy.get_state()[1]).all()


def test_the_same_seed_gives_the_same_run_whatever_happened_before():
    runs = osc.grid("digits-cnn", "Adam", lr=1e-2, seed=[3], steps=12)
    first = osc.run(runs).trace
    torch.randn(10)
    assert osc.run(runs).trace.equals(first)
    others = osc.run(osc.grid("digits-cnn", "Adam", lr=1e-2, seed=[4], steps=12)).trace
    assert not np.allclose(others["loss"], first["loss"])


def plain_training(build, seed, batches, optimizer, schedule, steps):
    """What a lesson would write: torch's global generator, a module, a loop. Nothing of the engine."""
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed, "initialisation"))
        module = build()
    stock = optimizer(module.parameters())
    scheduler = schedule(stock)
    losses = []
    for _ in range(steps):
        inputs, targets = next(batches)
        stock.zero_grad()
        loss = nn.functional.cross_entropy(module(inputs), targets)
        loss.backward()
        stock.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def test_digits_equals_a_hand_written_loop_to_the_bit():
    seed, steps = 5, 30

    def build():
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
        )  # fmt: skip

    def batches():
        digits = load_digits()
        order = np.argsort(uniform(seed, "split", 0, 1797), kind="stable")[:1438]
        images = torch.tensor(digits.images[order] / 16, dtype=torch.float32)[:, None]
        labels = torch.tensor(digits.target[order])
        shuffling = torch.Generator().manual_seed(derived_seed(seed, "batches"))
        while True:
            for chosen in torch.randperm(1438, generator=shuffling).split(64):
                yield images[chosen], labels[chosen]

    plain = plain_training(
        build, seed, batches(), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda stock: torch.optim.lr_scheduler.CosineAnnealingLR(stock, steps), steps,
    )  # fmt: skip
    run = osc.grid("digits-cnn", "SGD(momentum=0.9)", "CosineAnnealingLR", lr=0.1, seed=seed, steps=steps)
    assert osc.run(run).trace["loss"].tolist()[:steps] == plain


def test_demo_cnn_equals_a_hand_written_loop_to_the_bit():
    def build():
        return nn.Sequential(
            nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 6 * 6, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 101),
        )  # fmt: skip

    images = torch.randn(32, 3, 32, 32, generator=torch.Generator().manual_seed(derived_seed(1, "images")))
    plain = plain_training(
        build, 1, itertools.repeat((images, torch.ones(32, dtype=torch.long))),
        lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, dampening=0.1),
        lambda stock: torch.optim.lr_scheduler.StepLR(stock, 4, 0.1), 10,
    )  # fmt: skip
    optimizer, schedule = "SGD(momentum=0.9, dampening=0.1)", "StepLR(step_size=4, gamma=0.1)"
    run = osc.grid("demo-cnn(image_size=32)", optimizer, schedule, lr=0.01, seed=1, steps=10)
    assert osc.run(run).trace["loss"].tolist()[:10] == plain


class Augmented(torch.utils.data.Dataset):
    """Examples with noise of their own, drawn as a lesson would: from torch's global generator."""

    def __len__(self):
        return 40

    def __getitem__(self, i):
        return torch.full((6,), i / 40) + 0.1 * torch.randn(6), i % 3


def drawing_problem(dropout=nn.Dropout, data=None):
    inputs = torch.linspace(-1, 1, 240).reshape(40, 6)
    plain = torch.utils.data.TensorDataset(inputs, torch.arange(40) % 3)
    return osc.Problem(
        "drawing",
        task=osc.Task(
            module=lambda: nn.Sequential(nn.Linear(6, 8), dropout(), nn.Linear(8, 3)),
            data=lambda seed: osc.Data(data or plain, plain),
            criterion=nn.functional.cross_entropy,
            batch_size=10,
            validation_metrics={"val_loss": nn.functional.cross_entropy},
        ),
        metrics=("val_loss",),
        steps_per_epoch=4,
    )


@pytest.mark.parametrize(
    "problem",
    [drawing_problem(), drawing_problem(nn.AlphaDropout), drawing_problem(nn.RReLU), drawing_problem(data=Augmented())],
)
def test_what_draws_while_training_draws_from_the_run_s_seed(problem):
    runs = osc.grid(problem, "Adam", lr=1e-2, seed=[0, 1], steps=12)
    before = torch.get_rng_state()
    first = osc.run(runs).trace
    assert torch.equal(before, torch.get_rng_state())
    torch.randn(10)
    assert (
        osc.run(runs[::-1])
        .trace.sort_values(["run_id", "step"], ignore_index=True)
        .equals(first.sort_values(["run_id", "step"], ignore_index=True))
    )
    steady = osc.run(osc.grid(drawing_problem(nn.Identity), "Adam", lr=1e-2, seed=0, steps=12)).trace
    assert not np.allclose(first["loss"][:13], steady["loss"])
    assert first["loss"][:13].nunique() == 13


def test_dropout_drops_its_share():
    problem = drawing_problem(functools.partial(nn.Dropout, 0.25))
    instance = instantiate(osc.grid(problem, "SGD")[0], "cpu")
    seen = []
    instance.module[1].register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    for step in range(200):
        instance.loss(step)
    inputs, outputs = (torch.cat(part) for part in zip(*seen, strict=True))
    kept = outputs != 0
    assert kept.double().mean().item() == pytest.approx(0.75, abs=0.02)  # 16,000 draws: five standard deviations
    torch.testing.assert_close(outputs[kept], inputs[kept] / 0.75)


class Jittered(torch.optim.SGD):
    """Adds noise to each step, from the global generator."""

    def step(self, closure=None):
        for p in self.param_groups[0]["params"]:
            p.grad.add_(torch.randn_like(p))
        return super().step(closure)


def test_an_optimizer_that_draws_draws_from_the_run_s_seed(bowl):
    runs = osc.grid(bowl, osc.OptimizerSpec("Jittered", Jittered), lr=1e-3, seed=range(6), steps=40)
    before = torch.get_rng_state()
    alone = osc.run(runs, engine="single").trace
    assert torch.equal(before, torch.get_rng_state())
    together = osc.run(runs)
    assert set(together.runs["engine"]) == {"single"}
    assert together.trace.equals(alone)
    assert alone.groupby("run_id")["loss"].last().nunique() == 6


def test_a_loss_that_draws_late_draws_from_the_run_s_seed():
    legacy = np.random.mtrand._rand

    def loss(x):
        return (x**2).sum(-1) + (torch.rand(()) + legacy.rand() + random.random() if x.sum() < 3.999 else 0.0)

    problem = osc.Problem("late", loss, start=(2.0, 2.0))
    runs = osc.grid(problem, "SGD", lr=1e-2, seed=range(5), steps=9)
    states = torch.get_rng_state(), random.getstate()
    first = osc.run(runs)
    assert torch.equal(states[0], torch.get_rng_state())
    assert states[1] == random.getstate()
    assert set(first.runs["engine"]) == {"single"}
    assert first.runs["loss_final"].nunique() == 5
    torch.rand(3), random.random(), legacy.rand()
    assert osc.run(runs).trace.equals(first.trace)


def test_each_epoch_sees_every_example_once():
    from optiscope.engine.instance import NetworkInstance

    [run] = osc.grid("digits-cnn", "SGD", steps=46)
    instance = NetworkInstance(run, "cpu")
    images = run.problem.task.data(0).train.tensors[0]
    keys = (images.flatten(1).double() @ torch.arange(64, dtype=torch.float64)).sort().values
    orders = []
    for epoch in range(2):
        seen = []
        for step in range(23 * epoch, 23 * epoch + 23):
            instance.loss(step)
            seen.append(instance.batch(step)[0])
        flat = torch.cat(seen).flatten(1).double() @ torch.arange(64, dtype=torch.float64)
        assert torch.equal(flat.sort().values, keys)
        orders.append(flat)
    assert not torch.equal(*orders)


def test_validation_metrics_at_a_fixed_cadence_off_the_clock():
    trace = osc.run(osc.grid("digits-cnn", "Adam", lr=1e-2, steps=50)).trace
    measured = trace.loc[trace["accuracy"].notna(), "step"].tolist()
    assert measured == [0, 23, 46, 50]
    assert trace["accuracy"].dropna().between(0, 1).all()
    assert trace["accuracy"].iloc[-1] > 0.8


def test_demo_cnn_reference_run_scaled_down():
    optimizer = "SGD(momentum=0.9, dampening=0.1)"
    run = osc.grid("demo-cnn(image_size=32)", optimizer, "StepLR(step_size=50, gamma=0.1)", lr=0.01, steps=20)
    results = osc.run(run)
    trace = results.trace
    assert trace["loss"].iloc[0] == pytest.approx(math.log(101), abs=0.2)
    assert trace["loss"].iloc[-1] < 0.1
    assert trace["accuracy"].iloc[0] < 0.5
    assert trace["accuracy"].iloc[-1] == 1
    assert "never acts" in results.runs["events"].iloc[0]


def test_demo_cnn_has_the_lesson_s_layers():
    with torch.device("meta"):
        shapes = [tuple(p.shape) for p in osc.problems()["demo-cnn"].task.module().parameters()]
    assert shapes == [
        (32, 3, 3, 3), (32,), (64, 32, 3, 3), (64,), (256, 64 * 54 * 54), (256,), (128, 256), (128,), (101, 128), (101,),
    ]  # fmt: skip
    assert round(sum(math.prod(shape) for shape in shapes) / 1e6, 1) == 47.8


@pytest.mark.parametrize("trace", ["all", "loss", 3, 100, "none", "best"])
def test_what_is_traced_changes_nothing_that_is_run(bowl, trace):
    runs = osc.grid(bowl, "Adam", lr=[0.1, 0.2, 1e-9], steps=10)
    full, results = osc.run(runs), osc.run(runs, trace=trace)
    drop = ["wall_s", "engine"]
    assert results.runs.drop(columns=drop).equals(full.runs.drop(columns=drop))
    steps = {"all": range(11), "loss": range(11), 3: (0, 3, 6, 9, 10), 100: (0, 10), "none": (), "best": range(11)}[
        trace
    ]
    kept = 1 if trace == "best" else 3 if trace != "none" else 0
    assert results.trace["step"].tolist() == list(steps) * kept
    if trace == "best":
        assert results.trace["run_id"].unique().tolist() == [full.runs.sort_values("loss_final")["run_id"].iloc[0]]
    columns = set(results.trace.columns)
    assert ("grad_norm" in columns) == (trace != "loss")
    merged = results.trace.merge(full.trace, on=["run_id", "step"], suffixes=("", "_full"))
    assert len(merged) == len(results.trace)
    for name in columns & {"loss", "x0", "grad_norm", "update_norm"}:
        assert merged[name].equals(merged[f"{name}_full"].rename(name))


def test_norms_of_a_network_against_a_plain_loop():
    trace = osc.run(osc.grid("digits-cnn", "SGD", lr=0.1, steps=6)).trace
    # SGD's update is lr times the gradient.
    assert trace["update_norm"].to_numpy()[1:] == pytest.approx(0.1 * trace["grad_norm"].to_numpy()[:-1], rel=1e-5)
    sparse = osc.run(osc.grid("digits-cnn", "SGD", lr=0.1, steps=6), trace=2).trace
    assert sparse["update_norm"].to_numpy()[1:] == pytest.approx(trace["update_norm"].to_numpy()[2::2], rel=1e-5)


def test_a_parameter_that_is_replaced_is_still_followed(line):
    class Replacing(torch.optim.SGD):
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data = p.data - group["lr"] * p.grad

    spec = osc.OptimizerSpec("replacing", Replacing)
    assert osc.run(osc.grid(line, spec, lr=0.5, steps=3)).trace["x0"].tolist() == [0, -0.5, -1, -1.5]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtypes(bowl, dtype):
    results = osc.run(osc.grid(bowl, "SGD", lr=0.01, steps=5, dtype=dtype))
    assert results.runs["dtype"].iloc[0] == dtype
    assert results.trace["x0"].iloc[1] == pytest.approx(3 - 0.06, rel=1e-2)


BAD = [
    ({"engine": "fast"}, "engine must be one of auto"),
    ({"device": "abacus"}, "device 'abacus' cannot be used here"),
    ({"jobs": 0}, "jobs must be a whole number >= 1, got 0"),
    ({"trace": "some"}, "trace must be one of all, loss, best, sample, ends, none"),
    ({"trace": 0}, "trace must be one of"),
]


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_bad_settings(bowl, settings, message):
    with pytest.raises(osc.InputError, match=message):
        osc.run(osc.grid(bowl, "SGD", steps=1), **settings)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_agrees_with_the_cpu(bowl):
    runs = osc.grid([bowl, "rosenbrock", "beale(noise=0.1)"], ["SGD", "Adam"], lr=1e-3, steps=100)
    cpu, gpu = osc.run(runs), osc.run(runs, device="cuda")
    assert np.allclose(cpu.trace["loss"], gpu.trace["loss"], rtol=1e-9)
    assert np.allclose(cpu.trace["x0"], gpu.trace["x0"], rtol=1e-9)
    diverging = osc.grid(bowl, "SGD", lr=1e3, steps=500)
    assert (
        osc.run(diverging).runs["steps_done"].tolist() == osc.run(diverging, device="cuda").runs["steps_done"].tolist()
    )
