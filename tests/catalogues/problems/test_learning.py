"""What every network must do: train as a plain loop does, the same each time, on data that is told apart."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import optiscope as osc
from optiscope.catalogues.problems import LEARNING
from optiscope.catalogues.problems.learning import networks, tokens
from optiscope.catalogues.problems.learning.physics import WAVES
from optiscope.catalogues.problems.learning.transformer import Transformer
from optiscope.naming import as_problem
from optiscope.streams import derived_seed

# The catalogue, as small as it gets, and once more with what draws while it trains.
SMALL = {
    "demo-cnn": "demo-cnn(image_size=12, batch_size=8)",
    "modular-addition": "modular-addition(modulus=7)",
    "char-transformer": "char-transformer(context=8, width=16)",
}
NETWORKS = [SMALL.get(family.name, family.name) for family in LEARNING]
ALL = [*NETWORKS, "digits-mlp(dropout=0.5)"]
STEPS = 5
RANGE = {"accuracy": (0, 1), "mse": (0, math.inf), "r2": (-math.inf, 1), "relative_error": (0, math.inf)}


def plain_loss(problem):
    """The default loss, as a lesson would write it."""
    if problem.name == "pinn":
        scale = 0.25 * (4 * math.pi) ** 2
        return lambda output, target: nn.functional.mse_loss(output[:, 1] / scale, target[:, 1] / scale)
    values = problem.metrics[-1] in ("mse", "r2")
    return nn.functional.mse_loss if values else nn.functional.cross_entropy


def plain_batches(problem, inputs, targets, seed):
    shuffling, size = torch.Generator().manual_seed(derived_seed(seed, "batches")), problem.task.batch_size
    while size == len(targets):
        yield inputs, targets
    while True:
        for chosen in torch.randperm(len(targets), generator=shuffling).split(size):
            yield inputs[chosen], targets[chosen]


def plain_training(problem, seed, steps, lr):
    """Losses, and the loss on the validation set at the end: torch's own generator, a module and a loop."""
    loss_of, data = plain_loss(problem), problem.task.data(seed)
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(seed, "initialisation"))
        module = problem.task.module()
        torch.manual_seed(derived_seed(seed, "run"))
        stock = torch.optim.SGD(module.parameters(), lr=lr)
        batches = plain_batches(problem, *data.train.tensors, seed)
        for _ in range(steps):
            inputs, targets = next(batches)
            stock.zero_grad()
            loss = loss_of(module(inputs), targets)
            loss.backward()
            stock.step()
            losses.append(loss.item())
    if data.validation is None:
        return losses, None
    module.eval()
    inputs, targets = data.validation.tensors
    with torch.no_grad():
        return losses, loss_of(module(inputs), targets).item()


@pytest.mark.parametrize("name", ALL)
def test_a_network_trains_as_a_plain_loop_does_to_the_bit(name):
    problem = as_problem(name)
    results = osc.run(osc.grid(problem, "SGD", lr=0.05, seed=3, steps=STEPS), engine="single")
    losses, validation = plain_training(problem, 3, STEPS, 0.05)
    assert results.trace["loss"].tolist()[:STEPS] == losses
    assert validation is None or results.runs["val_loss_final"].item() == validation


def losses_of(names):
    trace = osc.run([osc.grid(name, "Adam", lr=1e-3, seed=1, steps=3)[0] for name in names], engine="single").trace
    return [value.hex() for value in trace["loss"]]


def test_the_same_seed_gives_the_same_losses_again_and_in_another_process():
    here = losses_of(ALL)
    assert losses_of(ALL) == here
    code = f"""
import torch; torch.set_num_threads(1)
import optiscope as osc
runs = [osc.grid(name, "Adam", lr=1e-3, seed=1, steps=3)[0] for name in {ALL!r}]
print(*(value.hex() for value in osc.run(runs, engine="single").trace["loss"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.split() == here


@pytest.mark.parametrize("name", NETWORKS)
def test_the_loss_falls_and_the_metrics_stay_in_their_range(name):
    problem = as_problem(name)
    results = osc.run(osc.grid(problem, "Adam", lr=3e-2, seed=[0, 1], steps=40), engine="single")
    assert (results.runs["loss_final"] < 0.9 * results.runs["loss_start"]).all()
    assert results.runs["loss_start"].nunique() == 2
    low, high = RANGE[problem.metrics[-1]]
    assert results.trace[problem.metrics[-1]].dropna().between(low, high).all()
    for metric in problem.metrics:
        assert results.runs[f"{metric}_final"].notna().all()
        assert results.trace[metric].notna().sum() >= 4


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_has_a_gradient_and_a_length_of_its_own(name):
    problem = as_problem(name)
    torch.manual_seed(0)
    module, data = problem.task.module(), problem.task.data(0).train.tensors
    inputs, targets = (tensor[: problem.task.batch_size] for tensor in data)
    problem.task.criterion(module(inputs), targets).backward()
    assert [key for key, p in module.named_parameters() if p.grad is None or not (p.grad != 0).any()] == []
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert problem.default_steps >= 10
    assert problem.steps_per_epoch == math.ceil(len(data[1]) / problem.task.batch_size)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "digits-resnet"])
def test_a_network_can_be_stacked(name):
    task = as_problem(name).task
    torch.manual_seed(0)
    pair = [task.module() for _ in range(2)]
    parameters, buffers = torch.func.stack_module_state(pair)
    inputs, targets = (tensor[:8] for tensor in task.data(0).train.tensors)

    def loss(one, held):
        return task.criterion(torch.func.functional_call(pair[0], (one, held), (inputs,)), targets)

    both = torch.vmap(loss)(parameters, buffers)
    torch.testing.assert_close(both, torch.stack([task.criterion(one(inputs), targets) for one in pair]))


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith(("demo", "pinn", "char"))])
def test_a_seed_tells_training_from_validation(name):
    task = as_problem(name).task
    splits = [task.data(seed) for seed in (0, 0, 1)]
    rows = [
        [
            torch.cat([one.flatten(1), two.reshape(len(two), -1)], 1)
            for one, two in [part.tensors for part in (s.train, s.validation)]
        ]
        for s in splits
    ]
    assert torch.equal(rows[0][0], rows[1][0])
    assert not torch.equal(rows[0][0], rows[2][0])
    # Together they are the same examples, whatever the seed.
    together = [torch.cat(parts).double() @ torch.linspace(1, 2, parts[0].shape[1]).double() for parts in rows]
    torch.testing.assert_close(together[0].sort().values, together[2].sort().values)


def test_the_weights_are_as_many_as_told():
    counts = {
        "digits-logistic": 64 * 10 + 10,
        "digits-mlp": 64 * 64 + 64 + 64 * 64 + 64 + 640 + 10,
        "digits-cnn": 6090,
        "matrix-factorisation": (80 + 60) * 4,
        "deep-linear": 5 * 16 * 16,
        "pinn": 24 + 24 + 24 * 24 + 24 + 24,
    }
    for name, count in counts.items():
        assert sum(p.numel() for p in as_problem(name).task.module().parameters()) == count


def test_validation_of_a_normalised_network_uses_what_training_kept():
    torch.manual_seed(0)
    net = networks.resnet(4)
    before = [layer.running_mean.clone() for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    images = torch.rand(16, 1, 8, 8)
    net(images)
    after = [layer.running_mean for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    net.eval()
    torch.testing.assert_close(net(images)[:3], net(images[:3]))


def test_the_derivative_that_goes_forward_is_autograd_s():
    torch.manual_seed(0)
    net = networks.Differentiated(8, 2).double()
    x = torch.linspace(-1, 1, 21, dtype=torch.float64)[:, None].requires_grad_()
    both = net(x)
    [slope] = torch.autograd.grad(both[:, 0].sum(), x, create_graph=True)
    [curvature] = torch.autograd.grad(slope.sum(), x)
    torch.testing.assert_close(both[:, 1:], -curvature)
    assert both[[0, -1], 0].tolist() == [0, 0]


def test_the_exact_solution_solves_the_equation():
    [x, y] = as_problem("pinn").task.data(0).validation.tensors
    x, u = x[:, 0].double(), sum(a * torch.sin(k * math.pi * x[:, 0].double()) for k, a in WAVES.items())
    torch.testing.assert_close(y[:, 0].double(), u, atol=1e-5, rtol=0)
    # Central differences, whose error at this width is about h² u'''' / 12 = 0.6.
    h = 0.01
    assert (y[1:-1, 1].double() + (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2).abs().max() < 1.0


def test_lbfgs_gets_where_adam_does_not():
    runs = osc.run(osc.grid("pinn", ["Adam"], lr=1e-2, steps=150)).runs
    newton = osc.run(osc.grid("pinn", "LBFGS(line_search_fn='strong_wolfe')", lr=1.0, steps=30)).runs
    assert newton["loss_final"].item() < 0.1 * runs["loss_final"].item()


def test_sums_are_sums():
    data = as_problem("modular-addition(modulus=5, share=0.6)").task.data(0)
    assert (len(data.train), len(data.validation)) == (15, 10)
    terms, sums = data.train.tensors
    assert sums.tolist() == [(a + b) % 5 for a, b in terms.tolist()]


def test_a_place_sees_nothing_later():
    torch.manual_seed(0)
    net = Transformer(11, 6, 8, 4, 2)
    tokens_ = torch.arange(6)[None] + torch.tensor([[0], [0]])
    tokens_[1, 4] = 10
    scores = net(tokens_)
    assert scores.shape == (2, 11, 6)
    assert torch.equal(scores[0, :, :4], scores[1, :, :4])
    assert not torch.allclose(scores[0, :, 4:], scores[1, :, 4:])


def test_the_text_ships_and_a_piece_of_it_is_kept_apart():
    text = tokens.lecture()
    assert text.isascii()
    assert 10_000 < len(text) < 20_000
    letters = sorted(set(text))
    held, sizes = set(), set()
    for seed in range(12):
        data = as_problem("char-transformer").task.data(seed)
        sizes.add(len(data.train))
        inputs, targets = data.train.tensors
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        piece = "".join(letters[code] for row in data.validation.tensors[0] for code in row.tolist())
        assert piece in text
        shown = {"".join(letters[code] for code in row.tolist()) for row in inputs}
        assert not any(piece[i : i + 32] in shown for i in range(len(piece) - 32))
        held.add(piece)
    assert len(sizes) == 1
    assert len(held) > 3


def test_the_matrix_has_the_rank_that_is_told():
    data = as_problem("matrix-factorisation").task.data(0)
    pairs, values = (torch.cat([a, b]) for a, b in zip(data.train.tensors, data.validation.tensors, strict=True))
    assert len({tuple(pair) for pair in pairs.tolist()}) == len(pairs) == 2400
    assert pairs.amax(0).tolist() == [79, 59]
    # Its mean square: of a product of normal factors 1, of the noise 0.01.
    assert values.square().mean().item() == pytest.approx(1.0, rel=0.3)


def test_the_linear_map_has_the_singular_values_that_are_told():
    inputs, outputs = as_problem("deep-linear").task.data(0).train.tensors
    found = torch.linalg.svdvals(torch.linalg.lstsq(inputs.double(), outputs.double()).solution)
    np.testing.assert_allclose(found, np.geomspace(2, 0.1, 16), rtol=1e-4)


BAD = [
    ("digits-mlp(width=0)", "digits-mlp: width must be a whole number >= 1, got 0"),
    ("digits-mlp(dropout=1.0)", "digits-mlp: dropout must be a number from 0 to below 1, got 1.0"),
    ("digits-mlp(drop=0.5)", "digits-mlp takes no argument 'drop', did you mean 'dropout'?"),
    ("digits-resnet(batch_size=2000)", "digits-resnet: batch_size must be at most the 1438 training examples, got 2000"),
    ("digits-autoencoder(loss='CrossEntropyLoss')", "CrossEntropyLoss compares no output with a value"),
    ("digits-logistic(loss='CTCLoss')", "digits-logistic: CTCLoss compares no output with a class"),
    ("signal-1d(noise=-1)", "signal-1d: noise must be a number from 0 to below 10, got -1"),
    ("modular-addition(modulus=2)", "modular-addition: modulus must be a whole number >= 3, got 2"),
    ("modular-addition(share=1.0)", "modular-addition: share must be a number from 0.05 to below 0.95, got 1.0"),
    ("modular-addition(width=30)", "modular-addition: width must be a multiple of its 4 heads, got 30"),
    ("char-transformer(context=5000)", "char-transformer: context must be below 1145, a tenth of the text, got 5000"),
    ("pinn(points=1)", "pinn: points must be a whole number >= 2, got 1"),
    ("deep-linear(depth=True)", "deep-linear: depth must be a whole number >= 1, got True"),
    ("matrix-factorisation(rank=2.5)", "matrix-factorisation: rank must be a whole number >= 1, got 2.5"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD)
def test_a_wrong_argument_is_one_clear_line(call, message):
    with pytest.raises(osc.InputError) as error:
        as_problem(call)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
