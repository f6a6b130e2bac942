"""Every schedule: listed rates, closed forms, and the laws that all of them obey."""

import math

import pytest
import torch

import optiscope as osc
from optiscope.catalogues.schedules import SCHEDULES, schedule_from_text

NAMES = [family.name for family in SCHEDULES]
FIXED = [name for name in NAMES if schedule_from_text(name).kind != "adaptive"]


def rates(text: str, steps: int, lr: float = 1.0, optimizer: str = "SGD", ticks: int | None = None) -> list[float]:
    stock = osc.optimizers()[optimizer].build([torch.nn.Parameter(torch.zeros(1))], lr)
    scheduler = schedule_from_text(text).factory(stock, steps)
    seen = []
    for _ in range(ticks or steps):
        seen.append(stock.param_groups[0]["lr"])
        stock.step()
        if scheduler is not None:
            scheduler.step()
    return seen


LISTED = [
    ("constant", 3, [1, 1, 1]),
    ("StepLR(step_size=2, gamma=0.5)", 5, [1, 1, 0.5, 0.5, 0.25]),
    ("StepLR", 6, [1, 1, 0.1, 0.1, 0.01, 0.01]),
    ("MultiStepLR(milestones=[1, 3], gamma=0.1)", 5, [1, 0.1, 0.1, 0.01, 0.01]),
    ("MultiStepLR", 4, [1, 1, 0.1, 0.01]),
    ("ConstantLR(factor=0.5, total_iters=2)", 4, [0.5, 0.5, 1, 1]),
    ("LinearLR(start_factor=0.25, total_iters=3)", 5, [0.25, 0.5, 0.75, 1, 1]),
    ("LinearLR(start_factor=1.0, end_factor=0.0)", 4, [1, 0.75, 0.5, 0.25]),
    ("ExponentialLR(gamma=0.5)", 4, [1, 0.5, 0.25, 0.125]),
    ("PolynomialLR", 4, [1, 0.75, 0.5, 0.25]),
    ("PolynomialLR(power=2.0)", 4, [1, 0.5625, 0.25, 0.0625]),
    ("CosineAnnealingLR", 4, [1, 0.5 + math.sqrt(0.5) / 2, 0.5, 0.5 - math.sqrt(0.5) / 2]),
    ("CosineAnnealingLR(eta_min=0.5)", 2, [1, 0.75]),
    ("CosineAnnealingWarmRestarts(T_0=2)", 6, [1, 0.5, 1, 0.5, 1, 0.5]),
    ("CyclicLR(base_lr=0.0, step_size_up=2)", 6, [0, 0.5, 1, 0.5, 0, 0.5]),
    ("OneCycleLR(anneal_strategy='linear', pct_start=0.5, div_factor=2.0, final_div_factor=1.0)", 5, [0.5, 5 / 6, 0.9, 0.7, 0.5]),
    ("SequentialLR(schedulers=['ConstantLR(factor=0.5, total_iters=9)', 'constant'], milestones=[2])", 4, [0.5, 0.5, 1, 1]),
    ("ChainedScheduler(schedulers=['ExponentialLR(gamma=0.5)', 'StepLR(step_size=2, gamma=0.1)'])", 4, [1, 0.5, 0.025, 0.0125]),
    ("warmup_cosine(warmup=0.5, start_factor=0.5)", 4, [0.5, 0.75, 1, 0.5]),
    ("wsd(warmup=0.2, decay=0.4)", 10, [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "steps", "expected"), LISTED)
def test_listed_rates(text, steps, expected):
    assert rates(text, steps) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("steps", [10, 100, 501])
def test_closed_forms(steps):
    k = range(steps)
    assert rates("CosineAnnealingLR", steps, 0.3) == pytest.approx(
        [0.15 * (1 + math.cos(math.pi * i / steps)) for i in k], abs=1e-12
    )
    assert rates("ExponentialLR", steps, 0.3) == pytest.approx([0.3 * 0.01 ** (i / steps) for i in k])
    assert rates("MultiplicativeLR", steps, 0.3) == pytest.approx([0.3 * 0.01 ** (i / steps) for i in k])
    assert rates("LambdaLR", steps, 0.3) == pytest.approx([0.3 / math.sqrt(1 + 15 * i / steps) for i in k])
    assert rates("PolynomialLR(power=3.0)", steps, 0.3) == pytest.approx([0.3 * (1 - i / steps) ** 3 for i in k])


def test_every_class_of_torch_is_there():
    module = torch.optim.lr_scheduler
    classes = set(module.__all__) - {"LRScheduler"}
    assert classes <= set(NAMES)
    assert set(NAMES) - classes == {"constant", "warmup_cosine", "wsd"}


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 137])
@pytest.mark.parametrize("name", FIXED)
def test_the_run_s_rate_is_the_peak_at_any_horizon(name, steps):
    seen = rates(name, steps, 0.7)
    assert max(seen) <= 0.7 * (1 + 1e-9)
    assert min(seen) >= 0
    if steps >= 100:
        assert max(seen) == pytest.approx(0.7, rel=0.05)
        assert name == "constant" or min(seen) < 0.5 * 0.7


@pytest.mark.parametrize(
    "name", [n for n in FIXED if n not in ("constant", "OneCycleLR", "CosineAnnealingWarmRestarts")]
)
def test_defaults_scale_with_the_run(name):
    short, long = rates(name, 100), rates(name, 1000)
    assert [long[10 * k] for k in range(20, 100, 20)] == pytest.approx([short[k] for k in range(20, 100, 20)], abs=0.04)


KINDS = {"StepLR": "fixed", "CosineAnnealingLR": "fixed", "OneCycleLR": "fixed", "ReduceLROnPlateau": "adaptive",
         "LambdaLR": "custom", "MultiplicativeLR": "custom", "wsd": "custom"}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_each_carries_its_kind_and_interval(name):
    spec = osc.schedules()[name]
    assert spec.kind == KINDS[name]
    assert spec.interval == ("epoch" if name == "ReduceLROnPlateau" else "step")
    assert schedule_from_text(f"{name}(per='epoch')").interval == "epoch"


REFUSED = [
    ("CosineAnnealingLR(T_max=50)", "ends after 50 steps, the run after 500"),
    ("PolynomialLR(total_iters=50)", "ends after 50 steps"),
    ("OneCycleLR(total_steps=600)", "ends after 600 steps"),
    ("OneCycleLR(epochs=3, steps_per_epoch=10)", "ends after 30 steps"),
    ("LinearLR(start_factor=1.0, end_factor=0.0, total_iters=10)", "ends after 10 steps"),
    ("SequentialLR(schedulers=['LinearLR', 'CosineAnnealingLR(T_max=50)'], milestones=[100])", "ends after 150 steps"),
    ("SequentialLR(schedulers=['LinearLR', 'CosineAnnealingLR(T_max=60)'])", "ends after 110 steps"),
    ("SequentialLR(schedulers=['CosineAnnealingLR(T_max=9)'])", "ends after 9 steps"),
    ("SequentialLR(schedulers=['constant', 'constant', 'PolynomialLR(total_iters=9)'])", "ends after 342 steps"),
    ("ChainedScheduler(schedulers=['StepLR', 'CosineAnnealingLR(T_max=50)'])", "ends after 50 steps"),
    (
        "ChainedScheduler(schedulers=['CosineAnnealingLR(T_max=500)', 'PolynomialLR(total_iters=50)'])",
        "ends after 50 steps",
    ),
    ("CosineAnnealingWarmRestarts(T_0=501)", "ends after 501 steps"),
    ("LinearLR(total_iters=501)", "ends after 501 steps"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_an_end_that_is_not_the_run_s_is_refused_unless_meant(text, reason):
    with pytest.raises(osc.InputError, match=reason) as caught:
        osc.grid("beale", "SGD", text, steps=500)
    assert 'horizon="free"' in str(caught.value)
    if "epochs" not in text:
        assert len(osc.grid("beale", "SGD", text, steps=500, horizon="free")) == 1


def test_one_cycle_cannot_outlive_itself():
    with pytest.raises(osc.InputError, match="cannot go on"):
        osc.grid("beale", "SGD", "OneCycleLR(total_steps=50)", steps=500, horizon="free")


def test_same_end_is_fine():
    for text in ("CosineAnnealingLR(T_max=500)", "CosineAnnealingWarmRestarts(T_0=500)", "LinearLR(total_iters=500)",
                 "SequentialLR(schedulers=['LinearLR', 'CosineAnnealingLR(T_max=450)'])",
                 "SequentialLR(schedulers=['LinearLR', 'CosineAnnealingLR'])",
                 "ChainedScheduler(schedulers=['StepLR', 'CosineAnnealingLR(T_max=500)'])"):  # fmt: skip
        assert osc.grid("beale", "SGD", text, steps=500), text
    # 46 steps are 2 epochs of 23
    assert osc.grid("digits-cnn", "SGD", "CosineAnnealingLR(T_max=2, per='epoch')", steps=46)


def test_one_that_never_acts_is_noted_and_goes_ahead(bowl):
    import json

    row = osc.run(osc.grid(bowl, "SGD", "StepLR(step_size=50)", lr=0.01, steps=10)).runs.iloc[0]
    assert row["status"] == "max_steps"
    [note] = json.loads(row["events"])
    assert note["kind"] == "note"
    assert note["text"] == "StepLR(step_size=50) never acts within 10 steps: the rate stays 0.01"
    assert osc.run(osc.grid(bowl, "SGD", "constant", lr=0.01, steps=10)).runs.iloc[0]["events"] == "[]"


def test_plain_sgd_gets_no_momentum_from_a_cycle():
    for name in ("OneCycleLR", "CyclicLR"):
        plain = osc.optimizers()["SGD"].build([torch.nn.Parameter(torch.zeros(1))], 0.1)
        schedule_from_text(name).factory(plain, 10)
        assert plain.param_groups[0]["momentum"] == 0
        with_momentum = osc.optimizers()["Momentum"].build([torch.nn.Parameter(torch.zeros(1))], 0.1)
        schedule_from_text(name).factory(with_momentum, 10)
        assert with_momentum.param_groups[0]["momentum"] == {"OneCycleLR": 0.95, "CyclicLR": 0.9}[name]


# -- ReduceLROnPlateau: each argument, on the line f(x) = x, whose loss falls by lr a step ----------------------------

PLATEAU = [
    # arguments, lr, rates by step: the loss at step k is the start minus the rates so far, from x = 0
    ("mode='min', patience=0, threshold=0.0", 0.1, [0.1, 0.1, 0.1, 0.1]),
    ("mode='max', patience=0, factor=0.5, threshold=0.0", 0.1, [0.1, 0.1, 0.05, 0.025, 0.0125]),
    ("mode='max', patience=1, factor=0.5, threshold=0.0", 0.1, [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]),
    ("mode='max', patience=0, factor=0.5, threshold=0.0, min_lr=0.04", 0.1, [0.1, 0.1, 0.05, 0.04, 0.04]),
    ("mode='max', patience=0, factor=0.5, threshold=0.0, cooldown=2", 0.1, [0.1, 0.1, 0.05, 0.05, 0.05, 0.025]),
    ("mode='max', patience=0, factor=0.5, threshold=0.0, eps=0.03", 0.1, [0.1, 0.1, 0.05, 0.05]),
    ("mode='min', patience=0, factor=0.5, threshold=0.2, threshold_mode='abs'", 0.1, [0.1, 0.1, 0.05, 0.025]),
    ("mode='min', patience=0, factor=0.5, threshold=0.05, threshold_mode='abs'", 0.1, [0.1, 0.1, 0.1, 0.1]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "lr", "expected"), PLATEAU)
def test_every_argument_of_plateau(line, arguments, lr, expected):
    import json

    results = osc.run(osc.grid(line, "SGD", f"ReduceLROnPlateau({arguments})", lr=lr, steps=len(expected)))
    assert results.trace["lr_t"].tolist()[: len(expected)] == pytest.approx(expected)
    told = json.loads(results.runs["events"].iloc[0])
    events = [event for event in told if event["kind"] != "note"]
    assert bool(events) != ("never acts" in str(told))
    changes = [k for k in range(1, len(expected)) if expected[k] != expected[k - 1]]
    assert [event["step"] for event in events if event["step"] < len(expected)] == changes
    assert all(event["kind"] == "lr" and event["to"] < event["from"] for event in events)


def test_plateau_by_epoch_on_what_it_is_told_to_watch():
    runs = osc.grid(
        "digits-cnn(batch_size=512)", "Adam",
        ["ReduceLROnPlateau(mode='max', monitor='accuracy', patience=0)", "ReduceLROnPlateau(patience=0, threshold=0.9)"],
        lr=0.003, steps=18,
    )  # fmt: skip
    trace = osc.run(runs).trace
    for _, one in trace.groupby("run_id"):
        changes = one.loc[one["lr_t"].diff().fillna(0) != 0, "step"]
        assert (changes % 3 == 0).all()
    with pytest.raises(osc.InputError, match="monitors 'acc', but digits-cnn measures loss, val_loss, accuracy"):
        osc.run(osc.grid("digits-cnn", "SGD", "ReduceLROnPlateau(monitor='acc')", steps=1))


def test_a_factory_of_one_s_own(bowl):
    from torch.optim.lr_scheduler import LambdaLR

    mine = osc.ScheduleSpec("halve", lambda opt, steps: LambdaLR(opt, lambda k: 0.5**k))
    trace = osc.run(osc.grid(bowl, "SGD", mine, lr=0.08, steps=4)).trace
    assert trace["lr_t"].tolist() == pytest.approx([0.08, 0.04, 0.02, 0.01, 0.005])


def test_a_scheduler_class_by_import_path_gets_its_own_arguments(bowl):
    path = "torch.optim.lr_scheduler.ExponentialLR(gamma=0.5)"
    trace = osc.run(osc.grid(bowl, "SGD", path, lr=0.08, steps=3)).trace
    assert trace["lr_t"].tolist() == pytest.approx([0.08, 0.04, 0.02, 0.01])
    with pytest.raises(osc.InputError, match="torch.pi is no scheduler class"):
        osc.grid(bowl, "SGD", "torch.pi", steps=3)


def test_the_arguments_of_a_picture_are_whole():
    from optiscope.catalogues.schedule_curves import sample_schedules

    names = ("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler", "OneCycleLR")
    specs = [schedule_from_text(name) for name in names]
    told = dict(sample_schedules(specs, 300).groupby("schedule")["arguments"].first())
    assert told["LambdaLR"] == "lr_lambda=1 / sqrt(1 + 15 k / steps)"
    assert told["MultiplicativeLR"] == "lr_lambda=0.01 ** (1 / steps)"
    assert "StepLR(step_size=100, gamma=0.5)" in told["ChainedScheduler"]
    assert "LinearLR(start_factor=0.3333, end_factor=1, total_iters=30), ExponentialLR(gamma=" in told["SequentialLR"]
    assert told["OneCycleLR"].endswith("three_phase=False")
