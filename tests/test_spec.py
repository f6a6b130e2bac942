import math
import subprocess
import sys

import pytest

import optiscope as osc
from optiscope.signatures import check_arguments


def test_problem_from_the_contract(bowl):
    import torch

    assert bowl.loss(torch.tensor([1.0, 1.0])) == 11
    assert bowl.loss(torch.ones(4, 5, 2)).shape == (4, 5)
    assert bowl.start == (3.0, 2.0)
    assert bowl.minimum == (0.0, 0.0)
    assert bowl.bounds == ((-4.0, 4.0), (-3.0, 3.0))
    assert bowl.floor == 0
    assert bowl.dtype == "float64"


def test_floor_is_nan_where_no_minimum_is_known(line):
    assert math.isnan(line.floor)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": ()}, "needs a start"),
        ({"start": (1.0,), "bounds": ((0, 1), (0, 1))}, "1 coordinates but 2 bounds"),
        ({"start": (1.0,), "bounds": ((1, 0),)}, "low < high"),
        ({"start": (1.0,), "minimum": (1.0, 2.0)}, "another number"),
        ({"start": (1.0,), "noise": -1.0}, "noise must be >= 0, got -1.0"),
    ],
)
def test_problem_that_does_not_fit(arguments, message):
    with pytest.raises(osc.InputError, match=message):
        osc.Problem("p", lambda x: x.sum(-1), **arguments)


def test_lr_is_an_axis():
    with pytest.raises(osc.InputError, match="lr is an axis"):
        osc.OptimizerSpec("x", "torch.optim.SGD", {"lr": 1})


def test_specs_compare_by_what_they_say():
    a = osc.OptimizerSpec("M", "torch.optim.SGD", {"momentum": 0.9})
    b = osc.OptimizerSpec("M", "torch.optim.SGD", {"momentum": 0.9})
    assert a == b
    assert hash(a) == hash(b)
    assert a != osc.OptimizerSpec("M", "torch.optim.SGD", {"momentum": 0.8})
    assert a != osc.OptimizerSpec("M", "torch.optim.SGD", {"momentum": 0.9}, version=2)


def run_of(bowl, **changes):
    values = {
        "problem": bowl, "optimizer": osc.optimizers()["SGD"], "schedule": osc.schedules()["constant"], "lr": 0.1,
        "seed": 0, "start": "canonical", "steps": 5, "dtype": "float64",
    }  # fmt: skip
    return osc.Run(**(values | changes))


def test_run_id_tells_everything_that_defines_a_run(bowl):
    import dataclasses

    changes = [
        {}, {"problem": dataclasses.replace(bowl, version=2)}, {"problem": dataclasses.replace(bowl, name="b2")},
        {"problem": dataclasses.replace(bowl, noise=0.1)},
        {"optimizer": osc.optimizers()["Adam"]}, {"schedule": osc.schedules()["StepLR"]},
        {"lr": 0.2}, {"seed": 1}, {"start": "random"}, {"start": (1.0, 2.0)}, {"steps": 6}, {"dtype": "float32"},
    ]  # fmt: skip
    ids = [run_of(bowl, **change).run_id for change in changes]
    assert len(set(ids)) == len(ids)
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in ids)


def test_the_order_of_arguments_means_nothing(bowl):
    def run_id(optimizer, schedule, problem="beale"):
        return osc.grid(problem, optimizer, schedule, lr=0.1, steps=9)[0].run_id

    assert run_id("SGD(momentum=0.9, nesterov=True)", "StepLR(step_size=3, gamma=0.5)") == run_id(
        "SGD( nesterov=True,momentum=0.9 )", "StepLR(gamma=0.5,step_size=3)"
    )
    assert run_id("SGD", "constant", "ackley(dim=3, noise=0.1)") == run_id(
        "SGD", "constant", "ackley(noise=0.1, dim=3)"
    )
    steps = [
        "torch.optim.lr_scheduler.StepLR(step_size=3, gamma=0.5)",
        "torch.optim.lr_scheduler.StepLR(gamma=0.5, step_size=3)",
    ]
    assert len(osc.grid(bowl, "SGD", steps, steps=9)) == 1


def test_run_id_is_the_same_in_another_process():
    code = "import optiscope as osc; print(osc.grid('rosenbrock(dim=3)', 'Adam(betas=(0.8, 0.9))', 'StepLR', 0.1)[0].run_id)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == osc.grid("rosenbrock(dim=3)", "Adam(betas=(0.8, 0.9))", "StepLR", 0.1)[0].run_id


def test_check_arguments_names_the_nearest():
    with pytest.raises(osc.InputError, match=r"takes no argument 'momentm', did you mean 'momentum'\?"):
        check_arguments("SGD", osc.optimizers()["SGD"].resolved, {"momentm": 1})
