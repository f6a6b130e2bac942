import pytest
import torch

import optiscope as osc


def test_grid_is_the_product_of_its_axes_each_once():
    runs = osc.grid(
        problem="rosenbrock", optimizer=["SGD", "SGD(momentum=0.9)", "Adam"], schedule=["constant", "CosineAnnealingLR"],
        lr=[1e-3, 1e-2], seed=range(8), steps=500,
    )  # fmt: skip
    assert len(runs) == 3 * 2 * 2 * 8
    assert len({run.run_id for run in runs}) == len(runs)
    assert osc.grid("beale", ["SGD", "SGD"], lr=[0.1, 0.1]) == osc.grid("beale", "SGD", lr=0.1)


def test_names_calls_and_specs_mix(bowl):
    mine = osc.OptimizerSpec("mine", "torch.optim.SGD", {"momentum": 0.5})
    runs = osc.grid([bowl, "beale"], [mine, "Adam", "torch.optim.RMSprop(alpha=0.9)"], steps=3)
    assert [run.optimizer.name for run in runs[:3]] == ["mine", "Adam", "torch.optim.RMSprop(alpha=0.9)"]
    assert osc.run(runs).runs["status"].eq("max_steps").all()


def test_default_rate_is_the_class_s_own():
    rates = {run.optimizer.name: run.lr for run in osc.grid("beale", ["SGD", "Adam", "Adadelta", "LBFGS"])}
    assert rates == {"SGD": 1e-3, "Adam": 1e-3, "Adadelta": 1.0, "LBFGS": 1.0}


def test_a_point_is_one_start(bowl):
    assert [run.start for run in osc.grid(bowl, "SGD", start=(1.0, 2.0))] == [(1.0, 2.0)]
    assert len(osc.grid(bowl, "SGD", start=[(1.0, 2.0), "random", "canonical"])) == 3


def test_networks_start_from_the_seed():
    assert {run.start for run in osc.grid("digits-cnn", "SGD", start=["canonical", "random"])} == {"random"}
    assert {run.dtype for run in osc.grid("digits-cnn", "SGD")} == {"float32"}


BAD = [
    ({"problem": "rosenbrok"}, r"unknown problem 'rosenbrok', did you mean 'rosenbrock'\?"),
    ({"optimizer": "Adm"}, r"unknown optimizer 'Adm', did you mean 'Adam'\?"),
    ({"schedule": "CosineAnealing"}, r"unknown schedule 'CosineAnealing', did you mean 'CosineAnnealingLR'\?"),
    ({"optimizer": "SGD(momentm=1)"}, r"did you mean 'momentum'\?"),
    ({"optimizer": "SGD(momentum=-1)"}, "cannot be built: Invalid momentum value: -1"),
    ({"optimizer": "SGD(nesterov=True)"}, "Nesterov momentum requires a momentum"),
    ({"optimizer": "torch.nn.Linear"}, "is not a torch.optim.Optimizer class"),
    ({"optimizer": "torch.optim.Nothing"}, "has no 'Nothing'"),
    ({"problem": 3}, "a problem is a name, call syntax or an optiscope.Problem, got 3"),
    ({"optimizer": 3}, "an optimizer is a name, call syntax or an optiscope.OptimizerSpec, got 3"),
    ({"schedule": 3}, "a schedule is a name, call syntax or an optiscope.ScheduleSpec, got 3"),
    ({"schedule": "StepLR(gama=1)"}, r"did you mean 'gamma'\?"),
    ({"schedule": "StepLR(step_size=0)"}, "step_size must be a whole number >= 1, got 0"),
    ({"schedule": "ExponentialLR(per='day')"}, 'per must be "step" or "epoch"'),
    ({"lr": -0.1}, "lr must be > 0, got -0.1"),
    ({"lr": 0.0}, "lr must be > 0"),
    ({"lr": float("nan")}, "lr must be > 0"),
    ({"lr": "fast"}, "lr must be a number > 0"),
    ({"lr": []}, "axis of the grid is empty"),
    ({"seed": -1}, "seed must be a whole number >= 0, got -1"),
    ({"steps": 0}, "steps must be a whole number >= 1, got 0"),
    ({"steps": 1.5}, "steps must be a whole number"),
    ({"start": "middle"}, 'start must be "canonical", "random" or a point of 2 numbers'),
    ({"start": (1.0,)}, "a point of 2 numbers"),
    ({"dtype": "float8"}, "dtype must be one of"),
    ({"horizon": "open"}, 'horizon must be "run" or "free"'),
    ({"problem": "rosenbrock(dims=3)"}, r"did you mean 'dim'\?"),
    ({"problem": "digits-cnn", "start": (1.0, 2.0)}, "its start is drawn from the seed"),
    ({"problem": "digits-cnn(batch_size=5000)"}, "batch_size must be at most the"),
    ({"problem": "demo-cnn(image_size=5)"}, "image_size must be a whole number >= 10"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_one_clear_line(arguments, message):
    values = {"problem": "beale", "optimizer": "SGD", "schedule": "constant", "lr": 0.1, "steps": 5} | arguments
    with pytest.raises(osc.InputError, match=message) as caught:
        osc.grid(**values)
    assert "\n" not in str(caught.value)


def test_a_random_start_needs_bounds():
    free = osc.Problem("free", lambda x: (x**2).sum(-1), start=(1.0,))
    with pytest.raises(osc.InputError, match="no bounds"):
        osc.grid(free, "SGD", start="random")


def test_problem_by_import_path():
    from optiscope.catalogues.problems.learning import digits_cnn

    [run] = osc.grid("optiscope.catalogues.problems.learning.digits_cnn(batch_size=32)", "SGD", steps=1)
    assert run.problem.task.batch_size == 32
    assert digits_cnn().name == "digits-cnn"
    with pytest.raises(osc.InputError, match="makes none"):
        osc.grid("optiscope.provenance.cpu_name", "SGD")


def test_two_things_of_one_name_are_refused_not_merged():
    def bowl(factor):
        return osc.Problem("bowl", lambda x: factor * (x**2).sum(-1), start=(1.0, 1.0))

    assert len(osc.grid([bowl(1), bowl(1)], "SGD", steps=2)) == 1
    with pytest.raises(osc.InputError, match="two different problems are called 'bowl'"):
        osc.grid([bowl(1), bowl(2)], "SGD", steps=2)
    schedules = [osc.ScheduleSpec("mine", lambda o, s, k=k: torch.optim.lr_scheduler.StepLR(o, k)) for k in (2, 5)]
    with pytest.raises(osc.InputError, match="two different schedules are called 'mine'"):
        osc.grid("beale", "SGD", schedules, steps=9)
    optimizers = [osc.OptimizerSpec("mine", cls) for cls in (torch.optim.SGD, torch.optim.Adam)]
    with pytest.raises(osc.InputError, match="two different optimizers are called 'mine': rename one"):
        osc.grid("beale", optimizers, steps=2)
    plain = osc.OptimizerSpec("AdamW", "torch.optim.AdamW")
    without_decay = osc.OptimizerSpec("AdamW", "torch.optim.AdamW", groups={"bias": {"weight_decay": 0.0}})
    with pytest.raises(osc.InputError, match="two different optimizers are called 'AdamW': rename one"):
        osc.grid("digits-cnn", [plain, without_decay], steps=2)


@pytest.mark.parametrize("name", list(osc.problems()))
def test_the_same_name_twice_is_one_problem(name):
    assert len(osc.grid([name, name], "SGD", lr=1e-9, steps=1)) == 1


def test_a_class_is_an_optimizer():
    [run] = osc.grid("beale", torch.optim.Adagrad, steps=2)
    assert (run.optimizer.name, run.lr) == ("Adagrad", 0.01)


ENDS = [
    ("torch.optim.lr_scheduler.CosineAnnealingLR(T_max=5)", "ends after 5 steps, the run after 20"),
    ("torch.optim.lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=5)", "ends after 5 steps"),
    (osc.ScheduleSpec("mine", lambda o, s: torch.optim.lr_scheduler.PolynomialLR(o, 7)), "mine ends after 7 steps"),
    (osc.ScheduleSpec("mine", lambda o, s: torch.optim.lr_scheduler.ReduceLROnPlateau(o)), 'give it kind="adaptive"'),
    ("StepLR(step_size=5, gamma='x')", "StepLR.* refuses"),
    ("MultiStepLR(milestones=['a'])", "milestones must be a whole number >= 1, got 'a'"),
    ("ReduceLROnPlateau(patience=-1)", "patience must be a whole number >= 0, got -1"),
    ("SequentialLR(schedulers=[])", "schedulers must be a list of schedules"),
    ("ChainedScheduler(schedulers='StepLR')", "schedulers must be a list of schedules"),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "message"), ENDS)
def test_schedules_are_tried_before_anything_runs(schedule, message):
    with pytest.raises(osc.InputError, match=message):
        osc.grid("beale", "SGD", schedule, lr=1e-3, steps=20)


def test_plateau_by_import_path_looks_at_the_loss():
    run = osc.grid(
        "beale", "SGD", "torch.optim.lr_scheduler.ReduceLROnPlateau(patience=0, threshold=1.0)", lr=1e-3, steps=9
    )
    assert osc.run(run).trace["lr_t"].nunique() > 1


LOSSES = [
    (lambda x: 1 / 0, "its loss fails at its start: division by zero"),
    (lambda x: x, r"got shape \(2,\) from \(2,\)"),
    (lambda x: 3.0, "got 3.0"),
    (lambda x: (x.detach() ** 2).sum(-1), "its loss has no gradient"),
]


@pytest.mark.parametrize(("loss", "message"), LOSSES)
def test_a_loss_that_is_none_is_refused(loss, message):
    with pytest.raises(osc.InputError, match=message):
        osc.run(osc.grid(osc.Problem("odd", loss, start=(1.0, 2.0)), "SGD", steps=2))
