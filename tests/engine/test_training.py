"""The switches of a training step against plain torch loops, laws and listed numbers."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import optiscope as osc
from optiscope.engine.instance import NetworkInstance
from optiscope.engine.training import gradient_noise

COUNT = 22
DRAW = torch.Generator().manual_seed(3)
INPUTS, LABELS = torch.randn(COUNT, 4, generator=DRAW), torch.randint(3, (COUNT,), generator=DRAW)


class Pairs(Dataset):
    """No TensorDataset: it takes the loader's way."""

    def __len__(self):
        return COUNT

    def __getitem__(self, i):
        return INPUTS[i], LABELS[i]


def plain_net():
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))


def norm_net():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))


def accuracy(output, target):
    return (output.argmax(1) == target).double().mean()


def small(batch_size=5, net=plain_net, data=None, loss=nn.functional.cross_entropy, **switches) -> osc.Problem:
    sets = osc.Data(TensorDataset(INPUTS, LABELS) if data is None else data, TensorDataset(INPUTS[:9], LABELS[:9]))
    task = osc.Task(
        net, lambda seed: sets, loss, batch_size, batch_metrics={"accuracy": accuracy},
        validation_metrics={"val_loss": nn.functional.cross_entropy},
    )  # fmt: skip
    problem = osc.Problem(
        f"small{batch_size}", task=task, steps_per_epoch=math.ceil(COUNT / batch_size), metrics=("accuracy", "val_loss")
    )
    return osc.trained(problem, **switches) if switches else problem


def run(problem, optimizer="SGD", lr=0.2, steps=9, **more):
    [one] = osc.grid(problem, optimizer, lr=lr, steps=steps, dtype=more.pop("dtype", "float64"), **more)
    found = osc.run(one)
    assert found.runs["error"].iloc[0] == ""
    return found


def by_hand(problem, steps, step, seed=0):
    """The network of a run after `step(module, batch, k)` was called for each of its batches."""
    [one] = osc.grid(problem, "SGD", lr=0.2, seed=seed, dtype="float64")
    instance = NetworkInstance(one, "cpu")
    for k in range(steps):
        step(instance.module, instance.batch(k), k)
    return instance.module


def summed(output, target):
    return nn.functional.cross_entropy(output, target, reduction="sum")


class Summed(nn.Module):
    def forward(self, output, target):
        return summed(output, target)


def test_a_loss_that_is_neither_mean_nor_sum_is_not_accumulated():
    spread = small(5, loss=lambda o, t: nn.functional.cross_entropy(o, t) * len(o) ** 2, accumulate=3)
    with pytest.raises(osc.InputError, match="a mean or a sum over the examples; of a batch twice, it is 4 times"):
        osc.run(osc.grid(spread, "SGD", lr=0.1, steps=2))


@pytest.mark.parametrize("data", [None, Pairs()], ids=["tensors", "loader"])
@pytest.mark.parametrize(
    "loss",
    [nn.functional.cross_entropy, nn.CrossEntropyLoss(reduction="sum"), summed, Summed()],
    ids=["mean", "sum", "own", "object"],
)
def test_accumulated_batches_are_one_batch_as_many_times_as_large(data, loss):
    # 22 examples: 5 batches of 5, the last of 2; with accumulate=3 an epoch has steps of 15 and of 7 = 5 + 2.
    parts = run(small(5, data=data, loss=loss, accumulate=3), "Adam")
    whole = run(small(15, data=data, loss=loss), "Adam")
    for column in ("loss", "grad_norm", "update_norm", "accuracy", "val_loss"):
        np.testing.assert_allclose(parts.trace[column], whole.trace[column], rtol=1e-12)


def test_accumulated_gradients_in_float32():
    parts, whole = (run(problem, dtype="float32").trace for problem in (small(5, accumulate=3), small(15)))
    np.testing.assert_allclose(parts["grad_norm"], whole["grad_norm"], rtol=2e-6)


def test_epochs_follow_accumulation():
    assert [small(5, accumulate=n).steps_per_epoch for n in (1, 2, 3, 4, 5)] == [5, 3, 2, 2, 1]
    clipped = osc.trained(small(5, accumulate=3), clip_norm=1.0)
    assert (clipped.steps_per_epoch, clipped.name) == (2, "small5(accumulate=3, clip_norm=1.0)")
    with pytest.raises(osc.InputError, match="accumulates already: set accumulate once"):
        osc.trained(clipped, accumulate=2)
    full = run(small(5, accumulate=5), "SGD").trace
    np.testing.assert_allclose(full["loss"], run(small(22), "SGD").trace["loss"], rtol=1e-12)


def test_a_step_of_several_batches_is_one_evaluation():
    assert run(small(5, accumulate=3), steps=4).runs["grad_evals"].iloc[0] == 4


def test_sgd_that_never_clears_is_sgd_with_a_momentum_of_one():
    forgotten = run(small(zero_grad="never"), "SGD", lr=0.02)
    heavy = run(small(), "SGD(momentum=1.0)", lr=0.02)
    assert forgotten.trace["loss"].tolist() == heavy.trace["loss"].tolist()
    assert forgotten.trace["grad_norm"].tolist()[0] == heavy.trace["grad_norm"].tolist()[0]


@pytest.mark.parametrize("never", [False, True])
def test_clearing_against_a_plain_loop(never):
    losses = []

    def step(module, batch, k):
        optimizer = made.setdefault("adam", torch.optim.Adam(module.parameters(), lr=0.05))
        if not never:
            optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(batch[0]), batch[1])
        losses.append(loss.item())
        loss.backward()
        optimizer.step()

    made: dict = {}
    by_hand(small(), 9, step)
    switch = {"zero_grad": "never"} if never else {}
    assert run(small(**switch), "Adam", lr=0.05).trace["loss"].tolist()[:9] == losses


def test_clipping_by_norm_bounds_the_step_and_keeps_its_direction():
    bound = 0.05
    trace = run(small(clip_norm=bound), steps=6).trace
    free = run(small(), steps=6).trace
    assert trace["unclipped_norm"].iloc[0] == pytest.approx(free["grad_norm"].iloc[0], rel=1e-12)
    assert (trace["unclipped_norm"][:-1] > bound).all()
    np.testing.assert_allclose(trace["grad_norm"][:-1], bound, rtol=1e-4)  # torch adds 1e-6 to the norm it divides by
    np.testing.assert_allclose(trace["update_norm"][1:], 0.2 * bound, rtol=1e-4)
    assert math.isnan(trace["unclipped_norm"].iloc[-1])


def test_a_bound_that_is_never_reached_changes_nothing():
    for switch in ({"clip_norm": 1e6}, {"clip_value": 1e6}):
        assert run(small(**switch)).trace["loss"].tolist() == run(small()).trace["loss"].tolist()


@pytest.mark.parametrize(
    "switches", [{"clip_value": 0.01}, {"clip_norm": 0.1, "clip_value": 0.02}], ids=["value", "both"]
)
def test_clipping_against_a_plain_loop(switches):
    def step(module, batch, k):
        module.zero_grad()
        nn.functional.cross_entropy(module(batch[0]), batch[1]).backward()
        if "clip_norm" in switches:
            norm = math.sqrt(sum(float(p.grad.square().sum()) for p in module.parameters()))
            for parameter in module.parameters():
                parameter.grad *= min(1.0, 0.1 / (norm + 1e-6))
        with torch.no_grad():
            for parameter in module.parameters():
                parameter -= 0.2 * parameter.grad.clamp(-switches["clip_value"], switches["clip_value"])

    module = by_hand(small(), 6, step)
    last = nn.functional.cross_entropy(module(INPUTS[:9].double()), LABELS[:9]).detach()
    assert run(small(**switches), steps=6).trace["val_loss"].iloc[-1] == pytest.approx(float(last), rel=1e-12)


def test_lbfgs_is_clipped_in_each_of_its_closures():
    trace = run(small(clip_norm=1e-3, accumulate=2), "LBFGS(max_iter=3)", lr=1.0, steps=4).trace
    assert (trace["grad_norm"][:-1] <= 1e-3).all()


@pytest.mark.parametrize("net", [plain_net, norm_net], ids=["plain", "batch-norm"])
@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_averages_against_their_formula(kind, net):
    steps, decay, kept = 8, 0.7, []

    def step(module, batch, k):
        module.zero_grad()
        nn.functional.cross_entropy(module(batch[0]), batch[1]).backward()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter -= 0.2 * parameter.grad
        kept.append([parameter.detach().clone() for parameter in module.parameters()])

    module = by_hand(small(5, net), steps, step)
    if kind == "ema":
        weights = [decay ** (steps - 1), *((1 - decay) * decay ** (steps - 1 - k) for k in range(1, steps))]
        switches = {"average": "ema", "average_decay": decay}
    else:
        weights = [0.0] * 5 + [1 / 3] * 3  # from step ceil(0.6 × 8) = 5 on
        switches = {"average": "swa", "average_from": 0.6}
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(sum(weight * one[i] for weight, one in zip(weights, kept, strict=True)))
        if net is norm_net:
            # The statistics of the averaged weights: the mean over the batches of the training set, in its order.
            hidden = [module[0](batch) for batch in INPUTS.double().split(5)]
            module[1].running_mean.copy_(torch.stack([h.mean(0) for h in hidden]).mean(0))
            module[1].running_var.copy_(torch.stack([h.var(0) for h in hidden]).mean(0))
        module.eval()
        wanted = float(nn.functional.cross_entropy(module(INPUTS[:9].double()), LABELS[:9]))
    found = run(small(5, net, **switches), steps=steps)
    assert found.trace[f"{kind}_val_loss"].iloc[-1] == pytest.approx(wanted, rel=1e-10)
    assert found.runs[f"{kind}_val_loss_final"].iloc[0] == found.trace[f"{kind}_val_loss"].iloc[-1]
    # Nobody trains on the average: all else is as without it.
    plain = run(small(5, net), steps=steps).trace
    assert found.trace["loss"].tolist() == plain["loss"].tolist()
    np.testing.assert_array_equal(found.trace["val_loss"], plain["val_loss"])


def test_metrics_that_are_added_have_their_names():
    assert small(average="ema", noise_scale=2).metrics == (
        "accuracy", "val_loss", "ema_val_loss", "noise_scale", "grad_signal", "grad_noise"
    )  # fmt: skip
    found = run(small(average="ema"), schedule="ReduceLROnPlateau(monitor='ema_val_loss')")
    assert found.runs["status"].iloc[0] == "max_steps"


def test_autocast_lowers_the_matrices_and_nothing_else():
    seen = []

    class Watched(nn.Linear):
        def forward(self, some):
            output = super().forward(some)
            seen.append((self.weight.dtype, output.dtype, torch.is_grad_enabled()))
            return output

    found = run(small(net=lambda: Watched(4, 3), autocast="bfloat16"), dtype="float32")
    # Training is lowered, evaluation is not; the weights never are.
    assert {(weight, output) for weight, output, grad in seen if grad} == {(torch.float32, torch.bfloat16)}
    assert (torch.float32, torch.float32, False) in seen
    full = run(small(net=lambda: nn.Linear(4, 3)), dtype="float32").trace
    np.testing.assert_allclose(found.trace["loss"], full["loss"], rtol=3e-2)
    assert found.trace["loss"].tolist() != full["loss"].tolist()


def test_the_noise_scale_is_the_spread_of_gradients_over_their_mean():
    # The same by the textbook: batch size times the sample covariance's trace, and the mean less its own variance.
    gradients = np.random.default_rng(0).normal(1.0, 2.0, (6, 40))
    found = gradient_noise(torch.from_numpy(gradients), batch_size=8)
    spread = float(np.trace(np.cov(gradients.T)))
    mean = float((gradients.mean(0) ** 2).sum())
    assert found["grad_noise"] == pytest.approx(8 * spread, rel=1e-10)
    assert found["grad_signal"] == pytest.approx(mean - spread / 6, rel=1e-10)
    assert found["noise_scale"] == pytest.approx(8 * spread / (mean - spread / 6), rel=1e-10)
    assert math.isnan(gradient_noise(torch.tensor([[1.0], [-1.0]]), 4)["noise_scale"])


def test_the_noise_scale_finds_what_is_known_of_a_linear_model():
    # The loss is the mean of w·x: an example's gradient is x, with mean and covariance those of the data.
    def mean(output, target):
        return output[:, 0].mean()

    row = run(small(4, lambda: nn.Linear(4, 3, bias=False), loss=mean, noise_scale=4000), lr=1e-9, steps=1).runs.iloc[0]
    x = INPUTS.double().numpy()
    assert row["grad_signal_final"] == pytest.approx((x.mean(0) ** 2).sum(), abs=0.05)
    assert row["grad_noise_final"] == pytest.approx(np.trace(np.cov(x.T, bias=True)), rel=0.05)


def test_looking_at_the_noise_changes_nothing_that_is_run():
    def net():
        return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 3))

    for data in (None, Pairs()):
        watched, plain = (run(small(5, net, data, **more)).trace for more in ({"noise_scale": 3}, {}))
        assert watched["loss"].tolist() == plain["loss"].tolist()
        np.testing.assert_array_equal(watched["val_loss"], plain["val_loss"])


def test_switches_are_told_wherever_the_run_appears():
    one = osc.grid("digits-cnn(clip_norm=1.0, batch_size=256)", "SGD", lr=0.1, steps=2)[0]
    found = osc.run(one)
    row = found.runs.iloc[0]
    assert row["problem"] == "digits-cnn(batch_size=256, clip_norm=1.0)"
    assert {"step": 0, "kind": "training", "text": "gradients are clipped to norm 1.0"} in json.loads(row["events"])
    from optiscope.report import markdown_report

    text = markdown_report(title="clipped", runs=found.runs, trace=found.trace)
    assert "### Training step" in text
    assert "gradients are clipped to norm 1.0 (on digits-cnn(batch_size=256, clip_norm=1.0))" in text.replace("\\", "")


def test_switches_are_part_of_identity_and_none_is_none():
    calls = ["clip_norm=1.0", "clip_norm=2.0", "clip_value=1.0", "accumulate=2", "zero_grad='never'", "average='ema'"]
    ids = {osc.grid(f"digits-cnn({call})", "SGD", lr=0.1)[0].run_id for call in calls}
    assert len(ids) == len(calls)
    named = [
        osc.Problem("mine", task=osc.trained(small(), **more).task) for more in ({"clip_norm": 1.0}, {"accumulate": 2})
    ]
    assert named[0] != named[1]  # of one name
    assert "training" not in small().identity
    assert osc.trained(small(), clip_norm=None).task.training is None  # type: ignore[union-attr]
    assert osc.trained(small(), clip_norm=2.0).name == "small5(clip_norm=2.0)"


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("digits-cnn(clip_norm=-1.0)", "digits-cnn: clip_norm must be a finite number > 0, got -1.0"),
        ("digits-cnn(clip_value=0)", "clip_value must be a finite number > 0, got 0"),
        ("digits-cnn(average='emma')", "average must be one of 'ema', 'swa', got 'emma', did you mean 'ema'?"),
        ("digits-cnn(average='ema', average_decay=1.0)", "average_decay must be a number between 0 and 1, got 1.0"),
        ("digits-cnn(average_decay=0.9)", "average_decay belongs to average='ema', got average=None"),
        ("digits-cnn(average='swa', average_from=1)", "average_from is a share of the run, at least 0 and below 1"),
        ("digits-cnn(autocast='fp16')", "autocast must be one of 'bfloat16', 'float16', got 'fp16'"),
        ("digits-cnn(autocast='float16')", 'autocast="float16" trains on cuda'),
        ("digits-cnn(accumulate=24)", "accumulate must be at most the 23 batches of an epoch, got 24"),
        ("digits-cnn(accumulate=0)", "accumulate must be a whole number >= 1, got 0"),
        ("demo-cnn(image_size=12, batch_size=2, accumulate=2)", "at most the 1 batch of an epoch, got 2"),
        ("demo-cnn(image_size=12, batch_size=2, average='ema')", "average needs validation metrics"),
        ("digits-cnn(zero_grad='nevr')", "zero_grad must be one of 'step', 'never', got 'nevr', did you mean 'never'?"),
        ("digits-cnn(noise_scale=1)", "noise_scale must be a whole number >= 2, got 1"),
        ("sphere(clip_norm=1.0)", "sphere is a test function, and clip_norm is a switch of learning problems"),
        ("digits-cnn(clip_nrm=1.0)", "digits-cnn takes no argument 'clip_nrm', did you mean 'clip_norm'?"),
    ],
)
def test_bad_switches(problem, message):
    with pytest.raises(osc.InputError) as caught:
        osc.run(osc.grid(problem, "SGD", lr=0.1, steps=1))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class Curved(torch.optim.Optimizer):
    """Takes the gradient of its gradient, as second-order methods do."""

    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    def step(self, closure=None):
        moved = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        bent = torch.autograd.grad(sum(p.grad.sum() for p in moved), moved)
        with torch.no_grad():
            for parameter, curvature in zip(moved, bent, strict=True):
                parameter -= 0.1 * parameter.grad / (1 + curvature.abs())


@pytest.mark.parametrize("switch", [{"accumulate": 2}, {"zero_grad": "never"}, {"clip_norm": 1.0}])
def test_a_gradient_that_is_differentiated_again_is_left_alone(switch):
    with pytest.raises(osc.Refused, match=f"differentiates its gradient again: {next(iter(switch))} cannot be used"):
        run(small(**switch), osc.OptimizerSpec("Curved", Curved))


def test_such_an_optimizer_can_have_frozen_groups_and_averages():
    curved = osc.OptimizerSpec("Curved", Curved, groups={"0": {"frozen_until": 4}})
    trace = run(small(average="ema"), curved).trace
    assert np.isnan(trace["lr_group1"]).sum() == 4
    assert trace["loss"].iloc[-1] < trace["loss"].iloc[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_float16_on_cuda_is_scaled_and_comes_close():
    runs = osc.grid([small(autocast="float16", clip_norm=0.5), small(clip_norm=0.5)], "Adam", lr=0.02, steps=30)
    scaled, full = (osc.run(one, device="cuda") for one in runs)
    assert scaled.runs["status"].iloc[0] == "max_steps"
    assert scaled.trace["loss"].iloc[-1] == pytest.approx(full.trace["loss"].iloc[-1], rel=0.1)
    # What is clipped is the gradient itself, and not as many times it as the scaler's scale.
    assert (scaled.trace["grad_norm"].dropna() <= 0.5001).all()


def test_switches_that_do_not_go_together():
    with pytest.raises(osc.InputError, match="autocast lowers float32 only, and the run's dtype is float64"):
        run(small(autocast="bfloat16"))
    with pytest.raises(osc.InputError, match="cannot be left with zero_grad"):
        osc.Training(autocast="float16", zero_grad="never")
    with pytest.raises(osc.InputError, match="sphere is a test function: clip_norm is for learning problems"):
        osc.trained(osc.problems()["sphere"], clip_norm=1.0)
