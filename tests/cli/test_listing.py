"""`optiscope list`: tables that fit 80 columns, and a card for every entry that holds what a user looks for."""

import re
import shlex

import pytest
import torch

import optiscope as osc
from optiscope.cli import exit_code
from optiscope.cli.listing import listing

CATALOGUES = ["problems", "optimizers", "schedules", "losses"]
ENTRIES = [(catalogue, name) for catalogue in CATALOGUES for name in getattr(osc, catalogue)()]


def row(card: str, label: str) -> str:
    """What stands behind a label, on one line."""
    match = re.search(rf"^{label} +(.*(?:\n {{12}}.*)*)", card, re.MULTILINE)
    return re.sub(r"\n +", " ", match.group(1)) if match else ""


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_a_table_fits_80_columns_and_tells_something_of_each(catalogue):
    head, *lines = listing(catalogue).splitlines()
    assert max(map(len, [head, *lines])) <= 80
    last = head.index(head.split("  ")[-1].strip())
    assert all(line[last:].strip() for line in lines)


@pytest.mark.parametrize(("catalogue", "name"), ENTRIES)
def test_a_card_of_each_entry_fits_too(catalogue, name):
    card = listing(catalogue, name)
    assert card.startswith(name)
    assert max(map(len, card.splitlines())) <= 80
    assert row(card, "example")
    assert row(card, "arguments")
    assert catalogue != "problems" or row(card, "source")
    assert catalogue != "problems" or row(card, "start")


@pytest.mark.parametrize("name", osc.optimizers())
def test_the_example_of_an_optimizer_can_run(name):
    words = shlex.split(row(listing("optimizers", name), "example"))
    assert words[:2] == ["optiscope", "gif"]
    [run] = osc.grid(words[2], words[words.index("--optimizer") + 1], steps=2)
    assert osc.run(run).runs["status"].tolist() == ["max_steps"]


def test_an_example_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(row(listing("problems", "rosenbrock(noise=0.1, layout='matrix')"), "example"))
    assert (
        exit_code([*words[1:], "--optimizer", "SGD", "--steps", "3", "--frames", "2", "--lr", "1e-3", "-o", "a.png"])
        == 0
    )
    assert (tmp_path / "a.png").exists()


def test_rosenbrock():
    card = listing("problems", "rosenbrock")
    assert card.splitlines()[0] == "rosenbrock: the curved valley"
    assert "f(x) = sum_i 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; minimum 0 at" in card
    assert {label: row(card, label) for label in ("dimensions", "domain", "start", "minimum", "arguments")} == {
        "dimensions": "2", "domain": "[-2, 2] × [-1, 3]", "start": "(-1.2, 1)", "minimum": "0 at (1, 1)",
        "arguments": "dim=2",
    }  # fmt: skip
    assert "doi:10.1093/comjnl/3.3.175" in row(card, "source")
    assert "noise=0.0 (standard deviation" in row(card, "takes also")
    assert row(card, "example") == "optiscope gif rosenbrock"


def test_a_call_shows_what_it_makes():
    card = listing("problems", "rosenbrock(dim=12, noise=0.1)")
    assert row(card, "dimensions") == "12"
    assert row(card, "start") == "(-1.2, 1, -1.2, 1, …, 1)"
    assert row(card, "minimum") == "0 at (1, …, 1)"
    assert row(card, "noise").startswith("0.1 on each")
    four = row(listing("problems", "himmelblau"), "minimum")
    assert four == "0 at (3, 2), (-2.80512, 3.13131), (-3.77931, -3.28319) and (3.58443, -1.84813)"


def test_a_network():
    card = listing("problems", "digits-cnn(batch_size=100)")
    # 20 % of 1,797 images are kept apart, and 1,438 make 15 batches of 100, the last one smaller.
    assert row(card, "data") == "1438 training examples, 359 for validation; an input is 1×8×8"
    assert (row(card, "batch"), row(card, "epoch")) == ("100", "15 steps")
    assert row(card, "metrics") == "val_loss, accuracy"
    assert row(card, "steps") == "460 by default"
    assert row(card, "arguments") == "batch_size=64, validation=0.2, loss='CrossEntropyLoss'"
    assert row(card, "weights") == "6,090"
    assert row(listing("problems", "demo-cnn"), "weights") == "47,841,317"


def test_an_optimizer_has_torch_s_defaults():
    card = listing("optimizers", "Adam(betas=(0.9, 0.99))")
    assert row(card, "class") == "torch.optim.Adam"
    assert row(card, "default lr") == "0.001"
    assert row(card, "sets") == "betas=(0.9, 0.99)"
    assert row(card, "arguments").startswith("betas=(0.9, 0.999), eps=1e-08, weight_decay=0, amsgrad=False")
    assert "arXiv:1412.6980" in row(card, "source")
    assert row(listing("optimizers", "Nesterov"), "sets") == "momentum=0.9, nesterov=True"
    assert row(listing("optimizers", "torch.optim.AdamW"), "default lr") == "0.001"


def test_a_schedule_shows_its_rates():
    card = listing("schedules", "StepLR")
    assert row(card, "kind").startswith("fixed")
    assert row(card, "steps") == "once a step; per='epoch' for once an epoch"
    assert row(card, "arguments").startswith("step_size=None, gamma=0.1, per='step'")
    # A third of 500 is 167 steps: one fall before 250, two before 375.
    assert row(card, "rates").endswith(": 1 at 0, 1 at 125, 0.1 at 250, 0.01 at 375, 0.01 at 499")
    assert row(card, "source") == "torch.optim.lr_scheduler.StepLR"
    own_end = listing("schedules", "CosineAnnealingLR(T_max=50)")
    assert row(own_end, "rates").startswith("of lr, in a run of 50 steps: 1 at 0, ")
    assert row(own_end, "example").endswith("--horizon free")
    plateau = listing("schedules", "ReduceLROnPlateau")
    assert row(plateau, "rates") == "depend on the loss"
    assert "monitor='loss'" in row(plateau, "arguments")
    assert "arXiv:2404.06395" in row(listing("schedules", "wsd"), "source")


def test_a_loss_is_built_as_its_example_says():
    card = listing("losses", "HuberLoss(delta=0.5)")
    assert row(card, "arguments") == "reduction='mean', delta=1.0"
    assert row(card, "target") == "real numbers, float, shape (*)"
    built = eval(row(card, "example"), {"osc": osc})
    # Beyond delta the loss is delta (|x - y| - delta / 2).
    assert built(torch.tensor(3.0), torch.tensor(0.0)).item() == 0.5 * (3 - 0.25)


BAD = [
    ("problems", "rosenbrok", "unknown problem 'rosenbrok', did you mean 'rosenbrock'?"),
    ("problems", "rosenbrock(dims=3)", "did you mean 'dim'?"),
    ("optimizers", "Adm", "unknown optimizer 'Adm', did you mean 'Adam'?"),
    ("optimizers", "SGD(momentum=-1)", "Invalid momentum value: -1"),
    ("schedules", "CosineAnealing", "unknown schedule 'CosineAnealing', did you mean 'CosineAnnealingLR'?"),
    ("schedules", "StepLR(gama=1)", "StepLR takes no argument 'gama', did you mean 'gamma'? allowed: step_size, gamma, per"),
    ("schedules", "StepLR(steps=1)", "StepLR takes no argument 'steps'"),
    ("schedules", "StepLR(step_size=0)", "step_size must be a whole number >= 1, got 0"),
    ("losses", "MSLoss", "unknown loss 'MSLoss', did you mean 'MSELoss'?"),
    ("losses", "nothing", "(`optiscope list losses` shows all)"),
    ("losses", "MSELoss(size=1)", "MSELoss takes no argument 'size'"),
    ("loss", "MSELoss", "unknown catalogue 'loss', did you mean 'losses'?"),
]  # fmt: skip


@pytest.mark.parametrize(("catalogue", "name", "message"), BAD)
def test_an_unknown_entry_is_one_line(catalogue, name, message, capsys):
    assert exit_code(["list", catalogue, name]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_groups_as_a_table(capsys):
    adamw = "AdamW(weight_decay=0.1, groups={'bias, norm': {'weight_decay': 0.0}, '0': {'frozen_until': 30}})"
    assert exit_code(["groups", "digits-cnn", "--optimizer", adamw, "--lr", "0.01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["GROUP", "WEIGHTS", "LR", "MOMENTUM", "DECAY", "STATE", "BYTES", "FROZEN", "UNTIL"]
    assert lines[1].split() == ["all", "others", "5,888", "0.01", "0.9", "0.1", "47,112", "-"]
    assert lines[3].split() == ["bias,", "norm", "58", "0.01", "0.9", "0", "476", "-"]
    assert lines[5].split()[-2:] == ["step", "30"]
    assert lines[6].strip() == "0.weight 16×1×3×3"
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digits-cnn", "--optimizer", "SGD(groups={'7.wieght': {}})"], "did you mean '7.weight'?"),
        (["digits-cnn", "--optimizer", "SGD", "--lr", "fast"], "--lr must be 'default' or a rate > 0, got 'fast'"),
        (["sphere", "--optimizer", "SGD"], "sphere is a test function: it has one parameter, and no groups"),
        (["digit-cnn", "--optimizer", "SGD"], "did you mean 'digits-cnn'?"),
    ],
)
def test_groups_of_nothing(words, message, capsys):
    assert exit_code(["groups", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_learning_problem_shows_its_switches():
    told = row(listing("problems", "digits-cnn"), "takes also")
    assert "clip_norm=None (greatest norm of the gradient)" in told
    assert "accumulate=1" in told


def test_an_optimizer_with_groups_shows_them():
    assert "groups={'bias': {'weight_decay': 0.0}}" in row(
        listing("optimizers", "AdamW(groups={'bias': {'weight_decay': 0.0}})"), "sets"
    )
