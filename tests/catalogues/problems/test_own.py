"""Problem.from_module: five lines for a network of one's own, and one line for what does not fit."""

import functools
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import optiscope as osc
from optiscope.catalogues.problems import PROBLEMS
from optiscope.naming import as_problem
from optiscope.streams import derived_seed
from optiscope.study import Study

INPUTS = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
CLASSES = (INPUTS[:, 0] > 0).long()
DATA = TensorDataset(INPUTS, CLASSES)


class Net(nn.Sequential):
    def __init__(self, width=8, dropout=0.0):
        super().__init__(
            nn.Linear(6, width), nn.BatchNorm1d(width), nn.Dropout(dropout), nn.ReLU(), nn.Linear(width, 2)
        )


class Focal(nn.Module):
    """A loss with a buffer, which takes the dtype of the run."""

    def __init__(self, gamma=2.0):
        super().__init__()
        self.register_buffer("gamma", torch.tensor(gamma))

    def extra_repr(self):
        return f"gamma={self.gamma.item()}"

    def forward(self, output, target):
        each = nn.functional.cross_entropy(output, target, reduction="none")
        return ((1 - (-each).exp()) ** self.gamma * each).mean()


class Smooth(nn.CrossEntropyLoss):
    pass


class Plain:
    def __call__(self, output, target):
        return nn.functional.cross_entropy(output, target) * 2


class Items(Dataset):
    """Examples one at a time, as people write them."""

    def __init__(self, count=100):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return INPUTS[i].numpy(), int(CLASSES[i])


def test_all_that_is_needed():
    problem = osc.Problem.from_module(Net, DATA, "CrossEntropyLoss")
    assert (problem.name, problem.metrics, problem.steps_per_epoch) == (
        "Net(loss='CrossEntropyLoss')", ("val_loss", "accuracy"), 3,
    )  # fmt: skip
    assert problem.default_steps == 30
    results = osc.run(osc.grid(problem, "Adam", lr=1e-2, seed=[0, 1], steps=30))
    assert results.runs["accuracy_final"].min() > 0.6
    assert results.trace["accuracy"].notna().groupby(results.trace["run_id"]).sum().tolist() == [11, 11]
    assert results.runs["val_loss_final"].nunique() == 2


def test_it_trains_as_a_plain_loop_does_to_the_bit():
    build = functools.partial(Net, dropout=0.5)
    held = TensorDataset(INPUTS[80:], CLASSES[80:])
    problem = osc.Problem.from_module(
        build, (TensorDataset(INPUTS[:80], CLASSES[:80]), held), nn.CrossEntropyLoss(), batch_size=32
    )
    results = osc.run(osc.grid(problem, "SGD", lr=0.1, seed=4, steps=7))
    shuffling = torch.Generator().manual_seed(derived_seed(4, "batches"))
    order = [chosen for _ in range(3) for chosen in torch.randperm(80, generator=shuffling).split(32)]
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(derived_seed(4, "initialisation"))
        module = build()
        torch.manual_seed(derived_seed(4, "run"))
        stock = torch.optim.SGD(module.parameters(), lr=0.1)
        for chosen in order[:7]:
            stock.zero_grad()
            loss = nn.functional.cross_entropy(module(INPUTS[chosen]), CLASSES[chosen])
            loss.backward()
            stock.step()
            losses.append(loss.item())
    assert results.trace["loss"].tolist()[:7] == losses
    module.eval()
    with torch.no_grad():
        expected = nn.functional.cross_entropy(module(INPUTS[80:]), CLASSES[80:]).item()
    assert results.runs["val_loss_final"].item() == expected


def test_items_one_at_a_time_are_the_same_data():
    runs = [
        osc.grid(osc.Problem.from_module(Net, data, "CrossEntropyLoss"), "SGD", lr=0.1, steps=6)[0]
        for data in (DATA, Items(), [*DATA])
    ]
    found = [osc.run(run).runs.iloc[0] for run in runs]
    assert len({row["val_loss_final"] for row in found[1:]}) == 1
    # The same share is kept apart; a loader draws another order of the batches.
    data = [run.problem.task.data(0) for run in runs]
    assert torch.equal(data[0].validation.tensors[1], torch.tensor([label for _, label in data[1].validation]))


def test_a_function_of_the_seed_gives_the_data():
    def drawn(seed):
        inputs = torch.randn(40, 6, generator=torch.Generator().manual_seed(seed))
        return TensorDataset(inputs, inputs[:, :2])

    problem = osc.Problem.from_module(Net, drawn, "MSELoss", name="drawn", validation=0.25, batch_size=10)
    assert (problem.name, problem.metrics, problem.steps_per_epoch) == ("drawn", ("val_loss",), 3)
    assert not torch.equal(problem.task.data(0).train.tensors[0], problem.task.data(1).train.tensors[0])
    uneven = osc.Problem.from_module(
        Net, lambda seed: TensorDataset(INPUTS[: 50 + seed], CLASSES[: 50 + seed]), "CrossEntropyLoss"
    )
    with pytest.raises(
        osc.InputError, match="every seed must have as many training examples: 40 for seed 0, 42 for seed 2"
    ):
        osc.run(osc.grid(uneven, "SGD", seed=2, steps=1))


def test_metrics_of_ones_own_and_no_validation():
    def spread(output, target):
        return output.std()

    problem = osc.Problem.from_module(Net, DATA, "CrossEntropyLoss", metrics={"spread": spread}, evaluate_every=2)
    row = osc.run(osc.grid(problem, "SGD", lr=0.1, steps=6))
    assert row.trace["spread"].notna().tolist() == [True, *[False] * 5, True]
    whole = osc.Problem.from_module(Net, DATA, "CrossEntropyLoss", validation=0, batch_size=100)
    assert (whole.metrics, whole.steps_per_epoch) == (("accuracy",), 1)
    assert osc.run(osc.grid(whole, "SGD", lr=0.1, steps=3)).trace["accuracy"].notna().all()


@pytest.mark.parametrize(
    ("loss", "label"),
    [
        (nn.CrossEntropyLoss(), "CrossEntropyLoss"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "CrossEntropyLoss(label_smoothing=0.1)"),
        (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]), ignore_index=1), "CrossEntropyLoss(ignore_index=1, weight=(1.0, 2.0))"),
        (nn.MultiMarginLoss(p=2), "MultiMarginLoss(p=2)"),
        (nn.CrossEntropyLoss, "CrossEntropyLoss"),
        (nn.functional.cross_entropy, "torch.nn.functional.cross_entropy"),
        (functools.partial(nn.functional.cross_entropy, label_smoothing=0.1), "torch.nn.functional.cross_entropy(label_smoothing=0.1)"),
        (functools.partial(nn.CrossEntropyLoss, label_smoothing=0.1), "CrossEntropyLoss(label_smoothing=0.1)"),
        (Focal(), f"{__name__}.Focal(gamma=2.0)"),
        (Smooth(label_smoothing=0.2), f"{__name__}.Smooth"),
        (Plain(), f"{__name__}.Plain"),
    ],
)  # fmt: skip
def test_a_loss_as_people_have_it(loss, label):
    problem = osc.Problem.from_module(Net, DATA, loss)
    assert problem.formula == f"{label} of Net"
    value = loss() if isinstance(loss, type) or getattr(loss, "func", None) is nn.CrossEntropyLoss else loss
    output = torch.randn(4, 2, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(problem.task.criterion(output, CLASSES[:4]), value(output, CLASSES[:4]))


def test_a_network_of_the_catalogue_is_told_by_the_code_of_a_loss_of_ones_own():
    [family] = [one for one in PROBLEMS if one.name == "digits-logistic"]
    made = [family(loss=lambda o, t, k=k: k * nn.functional.cross_entropy(o, t)) for k in (1, 2, 1)]
    assert made[0].name == made[1].name
    assert [one.identity == made[0].identity for one in made] == [True, False, True]
    assert family(loss="MSELoss").task.fingerprint == ""


def test_a_loss_object_is_told_by_what_it_holds_and_is_never_changed():
    soft, hard = Focal(2.0), Focal(5.0)
    made = [osc.Problem.from_module(Net, DATA, loss, name="focal") for loss in (soft, hard, Focal(2.0))]
    assert [one.identity == made[0].identity for one in made] == [True, False, True]
    smooth = [osc.Problem.from_module(Net, DATA, Smooth(label_smoothing=s), name="s") for s in (0.1, 0.2)]
    assert smooth[0].identity != smooth[1].identity
    rows = osc.run(osc.grid(made[0], "SGD", lr=0.1, steps=3, dtype="float64")).runs
    assert rows["status"].tolist() == ["max_steps"]
    assert soft.gamma.dtype == torch.float32


def test_problems_that_differ_are_told_apart():
    made = [
        osc.Problem.from_module(Net, DATA, loss, **arguments)
        for loss in ("CrossEntropyLoss", "MultiMarginLoss")
        for arguments in ({}, {"batch_size": 16}, {"validation": 0.5}, {"version": 2})
    ]
    assert len({one.identity for one in made}) == 8


def test_problems_of_one_name_that_differ_are_neither_merged_nor_taken_for_one_another(tmp_path):
    def scaled(factor):
        return lambda output, target: factor * nn.functional.cross_entropy(output, target)

    other = TensorDataset(INPUTS * 2, CLASSES)
    made = [
        osc.Problem.from_module(build, data, scaled(factor))
        for build, data, factor in [
            (lambda: nn.Linear(6, 2), DATA, 1.0), (lambda: nn.Linear(6, 2), DATA, 2.0),
            (lambda: nn.Linear(6, 2, bias=False), DATA, 1.0), (lambda: nn.Linear(6, 2), other, 1.0),
        ]
    ]  # fmt: skip
    assert len({one.name for one in made}) == 1
    losses = [
        osc.run(osc.grid(one, "SGD", lr=1e-2, steps=2), store=tmp_path / "store").runs["loss_final"].item()
        for one in made
    ]
    assert len(set(losses)) == 4
    with pytest.raises(osc.InputError, match="two different problems are called"):
        osc.grid(made[:2], "SGD")
    again = osc.Problem.from_module(lambda: nn.Linear(6, 2), DATA, scaled(1.0))
    assert again.identity == made[0].identity
    named = [
        osc.Problem.from_module(Net, DATA, scaled(f), name="a", batch_size=b) for f, b in [(1, 32), (2, 32), (1, 16)]
    ]
    assert len({one.identity for one in named}) == 3


CHANGES = {
    "plain": "", "defaults": "Net.__init__.__defaults__ = (9,)", "forward": "Net.forward = lambda self, x: self.a(x) * 2",
    "global": "FACTOR = 3.0", "layer": "Half.forward = lambda self, x: x / 3", "loss": "loss = lambda o, t: o.sum()",
    "metric": "measure = lambda o, t: t.sum()", "address": "filler = object()",
}  # fmt: skip
FRESH = """
import sys, torch, optiscope as osc

FACTOR = 2.0

class Half(torch.nn.Module):
    def forward(self, x):
        return x / 2

class Net(torch.nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.a, self.halved = torch.nn.Linear(3, 2), Half()
    def forward(self, x):
        return self.halved(self.a(x))

def loss(output, target, kinds=frozenset(("b", "a", "c"))):
    return FACTOR * torch.nn.functional.cross_entropy(output, target)

def measure(output, target):
    return output.mean()

exec(sys.argv[1])
data = [(torch.full((3,), float(i)), i % 2) for i in range(40)]
print(osc.Problem.from_module(Net, data, loss, metrics={"m": measure}, name="fresh").task.fingerprint)
"""


def test_the_fingerprint_is_the_same_in_every_process_and_follows_the_code(tmp_path):
    (tmp_path / "fresh.py").write_text(FRESH)

    each = "import runpy, sys\nfor one in sys.argv[2:]:\n    sys.argv[1] = one\n    runpy.run_path('fresh.py', None, '__main__')"

    def found(seed, *changes):
        told = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", each, "", *changes]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=told, cwd=tmp_path)
        return done.stdout.split()

    plain, layer = found("1", "", CHANGES["layer"])
    assert found("2", CHANGES["address"], "") == [plain, plain]
    assert layer != plain


def test_every_part_of_the_code_counts():
    digits = {}
    for what, change in CHANGES.items():
        # The module is "fresh" throughout; the values that the code names are looked up there.
        room = {"__name__": "fresh"}
        exec(FRESH.replace("exec(sys.argv[1])", change).replace("print(", "digits = ("), room)
        digits[what] = room["digits"]
    assert digits.pop("address") == digits["plain"]
    assert len(set(digits.values())) == len(digits)


def test_random_items_have_one_fingerprint_and_a_catalogue_s_name_is_taken():
    class Noisy(Items):
        def __getitem__(self, i):
            return torch.randn(6), i % 2

    one, two = (osc.Problem.from_module(Net, Noisy(), "CrossEntropyLoss") for _ in range(2))
    assert one.identity == two.identity
    assert one.identity != osc.Problem.from_module(Net, Noisy(80), "CrossEntropyLoss").identity
    with pytest.raises(osc.InputError, match="'digits-cnn' is a problem of the catalogue"):
        osc.Problem.from_module(Net, DATA, "CrossEntropyLoss", name="digits-cnn")


def test_making_one_draws_from_nobody_s_generator():
    legacy = np.random.mtrand._rand
    before = torch.get_rng_state(), legacy.get_state()[1].copy(), random.getstate()

    class Drawing(Items):
        def __getitem__(self, i):
            return torch.randn(6) * legacy.rand() * random.random(), i % 2

    osc.Problem.from_module(functools.partial(Net, dropout=0.5), Drawing(), "CrossEntropyLoss")
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == legacy.get_state()[1]).all()
    assert before[2] == random.getstate()


def with_targets(targets):
    return lambda: osc.Problem.from_module(Net, TensorDataset(INPUTS, targets), "CrossEntropyLoss")


def made(build=Net, dataset=DATA, loss="CrossEntropyLoss", **options):
    return lambda: osc.Problem.from_module(build, dataset, loss, **options)


class Silent(nn.Module):
    def forward(self, x):
        return None


class Failing(Items):
    def __getitem__(self, i):
        if i:
            raise KeyError("no picture")
        return super().__getitem__(i)


class Endless(Items):
    def __len__(self):
        raise NotImplementedError("it has no end")


def failing():
    raise FileNotFoundError("no such file")


def frozen():
    return Net().requires_grad_(False)


BAD = [
    (made(loss="MSELoss"), "Net: MSELoss: target must be real numbers, float, shape (*); got dtype int64"),
    (made(loss="CrossEntropyLos"), "unknown loss 'CrossEntropyLos', did you mean 'CrossEntropyLoss'?"),
    (made(loss=nn.Linear(2, 2)), "unknown loss 'Linear'"),
    (with_targets(CLASSES + 1), "Net: CrossEntropyLoss: target must be class indices from 0 to C - 1, but it has a class 2 where there are 2"),
    (with_targets(CLASSES.float()), "Net: CrossEntropyLoss: target must"),
    (made(dataset=TensorDataset(INPUTS, INPUTS[:, :1]), loss="MSELoss"), "MSELoss: target must have the shape of input, (32, 2), got (32, 1)"),
    (made(lambda: nn.Linear(6, 3), TensorDataset(INPUTS, INPUTS[:, :2]), nn.L1Loss()), "(output of shape (32, 3), target of shape (32, 2))"),
    (made(lambda: nn.Flatten(0), loss=nn.functional.cross_entropy), "the output must have one row an example: output of shape (192,), target of shape (32,)"),
    (made(lambda: nn.Linear(5, 2)), "network: the network refuses an input of shape (32, 6): mat1 and mat2 shapes cannot be multiplied"),
    (made(Silent), "Silent: the network must give a tensor, got NoneType"),
    (made(Net()), "Net: give what builds the network, its class or a function, not a network"),
    (made(nn.Linear), "Linear: it must be built without arguments: "),
    (made(lambda: 3), "must give a torch.nn.Module, got int"),
    (made(dataset=TensorDataset(INPUTS[:0], CLASSES[:0])), "Net: the dataset is empty"),
    (made(dataset=(DATA, [])), "Net: validation: the dataset is empty"),
    (made(dataset=[]), "Net: the dataset is empty"),
    (made(batch_size=81), "Net: batch_size must be at most the 80 training examples, got 81"),
    (made(batch_size=0), "Net: batch_size must be a whole number >= 1, got 0"),
    (made(validation=1.0), "Net: validation is a share of the data, from 0 to below 1, got 1.0"),
    (made(dataset=TensorDataset(INPUTS)), "Net: each item of the dataset must be a pair (input, target), got 1 things"),
    (made(dataset=[*range(100)]), "Net: each item of the dataset must be a pair (input, target), got int"),
    (made(dataset=[("a", 1)] * 100), "of tensors, arrays or numbers, got an input of"),
    (made(dataset=[(object(), 1)] * 100), "of tensors, arrays or numbers of one shape, got object and int"),
    (made(dataset=[(torch.zeros(i % 2 + 1), 1) for i in range(100)]), "of one shape, got Tensor and int"),
    (made(dataset=7), "Net: a dataset must have a length and items by number, got int"),
    (made(dataset=(DATA, DATA, DATA)), "Net: give one dataset, or two (training, validation), got 3"),
    (made(metrics={"loss": nn.functional.cross_entropy}), "a metric's name must be a word, and none of"),
    (made(metrics=["accuracy"]), "Net: metrics maps names to functions of (output, target), got ['accuracy']"),
    (made(name=3), "name must be a text, got 3"),
    (made(failing), "failing: building the network fails: no such file"),
    (made(dataset=Failing()), "Net: an item of the dataset fails: 'no picture'"),
    (made(dataset=Endless()), "Net: the dataset's length fails: it has no end"),
    (made(dataset=lambda seed: 1 / seed), "Net: its dataset(seed=0) fails: division by zero"),
    (made(lambda: nn.LazyLinear(2)), "network: weight has no shape yet: give lazy layers their sizes, or call the network once in build"),
    (made(frozen), "frozen: every parameter is frozen (requires_grad=False): there is nothing to train"),
    (made(nn.Identity), "Identity: the network has no parameters: there is nothing to train"),
    (made(lambda: nn.Linear(6, 1), TensorDataset(INPUTS, INPUTS[:, 0]), lambda o, t: ((o - t) ** 2).mean()), "the loss compares every output with every target: give them one shape (output of shape (32, 1), target of shape (32,))"),
    (made(dataset=(DATA, TensorDataset(INPUTS[:, :5], CLASSES))), "Net: validation: the network refuses an input of shape (32, 5): mat1 and mat2"),
    (made(dataset=(DATA, TensorDataset(INPUTS, CLASSES + 1))), "Net: validation: CrossEntropyLoss: target must be class indices from 0 to C - 1, but it has a class 2"),
    (made(dataset=TensorDataset(INPUTS, torch.where(torch.arange(100) == 99, 5, CLASSES))), "CrossEntropyLoss: target must be class indices from 0 to C - 1, but it has a class 5 where there are 2"),
    (made(dataset=TensorDataset(INPUTS[:33], CLASSES[:33]), validation=0), "Net: the last batch of an epoch, of 1 example: the network refuses it: Expected more than 1 value per channel"),
    (made(validation=0.9999), "Net: validation=0.9999 of 100 examples leaves none to train on"),
    (made(metrics={"all": lambda output, target: output}), "Net: metric 'all' must give one number"),
]  # fmt: skip


def test_a_loss_of_ones_own_may_reshape_and_a_frozen_part_is_no_fault():
    data = TensorDataset(INPUTS, INPUTS[:, 0])
    for loss in (lambda o, t: ((o[:, 0] - t) ** 2).mean(), lambda o, t: ((o.reshape(-1) - t) ** 2).mean()):
        osc.Problem.from_module(lambda: nn.Linear(6, 1), data, loss)

    def partly():
        net = Net()
        net[0].requires_grad_(False)
        return net

    assert osc.Problem.from_module(partly, DATA, "CrossEntropyLoss").name.startswith("partly")


@pytest.mark.parametrize(("make", "message"), BAD)
def test_what_does_not_fit_is_one_clear_line(make, message):
    with pytest.raises(osc.InputError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


MODULE = """
import torch
from torch.utils.data import TensorDataset
import optiscope as osc

data = TensorDataset(torch.linspace(-1, 1, 120).reshape(40, 3), torch.arange(40) % 2)
fixed = osc.Problem.from_module(lambda: torch.nn.Linear(3, 2), data, "CrossEntropyLoss", name="fixed")


def wide(width=4):
    return osc.Problem.from_module(
        lambda: torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.Linear(width, 2)), data, "CrossEntropyLoss",
        name=f"wide({width})",
    )


def plain(width=4, fail=False):
    if fail:
        raise KeyError("no such width")
    return osc.Problem.from_module(
        lambda: torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.Linear(width, 2)), data, "CrossEntropyLoss"
    )


loose = osc.Problem.from_module(lambda: torch.nn.Linear(3, 2), data, "CrossEntropyLoss")
"""


@pytest.fixture
def of_mine(tmp_path, monkeypatch):
    (tmp_path / "of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "of_mine", raising=False)


def test_a_family_of_ones_own_is_named_by_its_calls_and_takes_switches(of_mine):
    names = [
        "of_mine.plain(width=1)", "of_mine.plain(width=8)", "of_mine.loose", "of_mine.loose(clip_norm=1.0)",
        "of_mine.plain(clip_norm=1.0, width=3)",
    ]  # fmt: skip
    text = f'name = "mine"\nproblems = {names}\noptimizers = ["SGD"]\nlr = 0.1\nseeds = 1\nsteps = 3\n'
    [block] = Study.parse(text.replace("'", '"')).blocks
    assert [problem.name for problem in block.problems] == names
    assert [problem.task.training and problem.task.training.set for problem in block.problems] == [
        None, None, None, {"clip_norm": 1.0}, {"clip_norm": 1.0},
    ]  # fmt: skip
    assert as_problem("of_mine.fixed(clip_norm=1.0)").name == "fixed(clip_norm=1.0)"
    assert as_problem(names[0]).identity == as_problem(names[0]).identity


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("of_mine.plain(fail=True)", "of_mine.plain(fail=True) cannot be made: 'no such width'"),
        ("of_mine.plain(widht=3)", "of_mine.plain(widht=3) cannot be made: "),
        ("of_mine.fixed(clipnorm=1)", "of_mine.fixed is a Problem already and takes no argument 'clipnorm', did you mean 'clip_norm'?"),
        ("of_mine.plain(clip_norm=-1)", "clip_norm must be a finite number > 0"),
    ],
)  # fmt: skip
def test_what_an_import_path_cannot_do_is_one_clear_line(of_mine, text, message):
    with pytest.raises(osc.InputError) as error:
        as_problem(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_switches_of_no_problem_or_no_switch_are_told():
    problem = osc.Problem.from_module(Net, DATA, "CrossEntropyLoss")
    with pytest.raises(osc.InputError, match="has no switch 'clipnorm', did you mean 'clip_norm'"):
        osc.trained(problem, clipnorm=1)
    with pytest.raises(osc.InputError, match=r"trained takes an optiscope\.Problem, got 'digits-cnn'"):
        osc.trained("digits-cnn", clip_norm=1.0)


def test_a_study_file_names_one_by_its_import_path(of_mine):
    assert as_problem("of_mine.fixed").name == "fixed"
    text = """
name = "mine"
problems = ["of_mine.fixed", "of_mine.wide(width=5)"]
optimizers = ["SGD"]
lr = 0.1
seeds = 2
steps = 3
"""
    [block] = Study.parse(text).blocks
    assert [problem.name for problem in block.problems] == ["fixed", "wide(5)"]
    runs = osc.run(osc.grid(list(block.problems), "SGD", lr=0.1, seed=[0, 1], steps=3)).runs
    assert runs["status"].tolist() == ["max_steps"] * 4
