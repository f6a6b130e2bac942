import math

import numpy as np
import pytest

import optiscope as osc
from optiscope.tuning import (
    HYPERPARAMETERS,
    Choice,
    LogUniform,
    NearOne,
    SearchPlan,
    Space,
    Uniform,
    default_space,
    plan_from,
)
from optiscope.tuning.written import space_from, written

CONSTANT = osc.schedules()["constant"]
DISTRIBUTIONS = [
    LogUniform(1e-4, 1.0), LogUniform(1e-6, 0.1, zero=0.5), LogUniform(2, 50, whole=True), Uniform(-1.0, 3.0),
    NearOne(0.0, 0.999), NearOne(0.9, 0.9999),
]  # fmt: skip


@pytest.mark.parametrize(
    ("distribution", "values"),
    [
        (LogUniform(1e-4, 1.0), {0.25: 1e-3, 0.5: 1e-2, 0.75: 0.1}),
        (LogUniform(1e-4, 1.0, zero=0.5), {0.1: 0.0, 0.49: 0.0, 0.75: 1e-2}),
        (LogUniform(1, 100, whole=True), {0.01: 1, 0.5: 10, 0.99: 95}),
        (Uniform(2.0, 4.0), {0.25: 2.5, 0.5: 3.0}),
        (NearOne(0.0, 0.999), {1 / 3: 0.9, 2 / 3: 0.99}),
        (NearOne(0.9, 0.9999), {1 / 3: 0.99, 2 / 3: 0.999}),
        (Choice(["a", "b", "c"]), {0.1: "a", 0.5: "b", 0.999: "c"}),
    ],
    ids=repr,
)
def test_values(distribution, values):
    for u, value in values.items():
        assert distribution.at(u) == (value if isinstance(value, str) else pytest.approx(value, rel=1e-5))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=repr)
def test_values_stay_within_and_grow(distribution):
    values = [distribution.at(u) for u in np.linspace(2**-54, 1 - 2**-53, 500)]
    assert values == sorted(values)
    inside = [value for value in values if value != 0 or not distribution.zero]
    assert min(inside) >= distribution.low
    assert max(inside) <= distribution.high
    assert values.count(0) == pytest.approx(500 * distribution.zero, abs=1)


def test_half_of_the_draws_lie_below_the_middle_of_the_scale():
    space = Space(
        {"lr": LogUniform(1e-4, 1.0), "momentum": NearOne(0.0, 0.99), "weight_decay": LogUniform(1e-6, 1e-2, zero=0.3)}
    )
    drawn = [space.draw(k) for k in range(2000)]
    assert np.mean([one["lr"] < 1e-2 for one in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([one["momentum"] < 0.9 for one in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([one["weight_decay"] == 0 for one in drawn]) == pytest.approx(0.3, abs=0.04)
    # Independent of each other: no pair of hyperparameters shares its numbers.
    logs = np.array([[math.log(one["lr"]), math.log(1 - one["momentum"])] for one in drawn])
    assert abs(np.corrcoef(logs.T)[0, 1]) < 0.07


def test_a_trial_is_a_function_of_seed_and_number():
    space = Space({"lr": LogUniform(1e-4, 1.0), "betas": (NearOne(0.0, 0.99), NearOne(0.9, 0.999))})
    assert [space.draw(k, 3) for k in (5, 2)] == [space.draw(k, 3) for k in (5, 2)]
    assert len({str(space.draw(k, seed)) for k in range(10) for seed in range(10)}) == 100


def test_what_else_is_searched_changes_no_number():
    small = Space({"lr": LogUniform(1e-4, 1.0)})
    large = Space({"eps": LogUniform(1e-9, 1e-3), "lr": LogUniform(1e-4, 1.0), "schedule": {"gamma": Uniform(0, 1)}})
    assert [small.draw(k)["lr"] for k in range(20)] == [large.draw(k)["lr"] for k in range(20)]


@pytest.mark.parametrize(
    ("distribution", "value", "edge"),
    [(LogUniform(1e-4, 1.0), 1.1e-4, "low"), (LogUniform(1e-4, 1.0), 0.9, "high"), (LogUniform(1e-4, 1.0), 1e-2, ""),
     (LogUniform(0.001, 0.3679), 0.3674, "high"), (LogUniform(1e-6, 0.1, zero=0.5), 0.0, ""),
     (NearOne(0.0, 0.999), 0.001, ""), (NearOne(0.5, 0.999), 0.501, "low"), (NearOne(0.0, 0.999), 0.99899, "high"),
     (Uniform(0.0, 1.0), 0.5, ""), (Uniform(0.0, 1.0), 0.99, "high"), (Choice([1, 2]), 1, "")],
)  # fmt: skip
def test_edges(distribution, value, edge):
    assert distribution.edge(value) == edge
    named = Space({"lr": distribution}).edges({"lr": value})
    assert named == ({"lr": edge} if edge else {})


def test_edges_of_a_pair_are_named_by_element():
    space = Space({"lr": 0.1, "betas": (NearOne(0.5, 0.99), NearOne(0.9, 0.999))})
    assert space.edges({"lr": 0.1, "betas": (0.98999, 0.99)}) == {"betas[0]": "high"}


DEFAULTS = {
    "SGD": ["lr", "momentum", "weight_decay"],
    "Momentum": ["lr", "weight_decay"],
    "Adam": ["lr", "betas", "eps", "weight_decay"],
    "RMSprop": ["lr", "momentum", "alpha", "eps", "weight_decay"],
    "Adadelta": ["lr", "rho", "eps", "weight_decay"],
    "Adafactor": ["lr", "weight_decay"],
    "LBFGS": ["lr"],
}


@pytest.mark.parametrize(("name", "searched"), DEFAULTS.items())
def test_default_spaces(name, searched):
    assert list(default_space(osc.optimizers()[name], CONSTANT).entries) == searched


@pytest.mark.parametrize("spec", osc.optimizers().values(), ids=lambda spec: spec.name)
def test_every_optimizer_takes_its_default_space_from_one_and_the_same_table(spec):
    for schedule in osc.schedules().values():
        space = default_space(spec, schedule)
        assert all(HYPERPARAMETERS.entries[name] == entry for name, entry in space.entries.items())
        assert space.entries["lr"] == HYPERPARAMETERS.entries["lr"]
        space.check([spec], [schedule])
        trial = space.trial(3, 0, spec, schedule)
        assert not set(spec.arguments) & (set(space.entries) - {"lr"})
        assert set(trial.optimizer.arguments) == set(spec.arguments) | {
            n for n in space.entries if n != "lr" and "." not in n
        }


def test_a_trial_has_its_values_as_arguments_and_one_label():
    space = Space(
        {"lr": LogUniform(1e-4, 1.0), "momentum": NearOne(0.0, 0.99), "schedule": {"gamma": Uniform(0.1, 0.9)}}
    )
    base, schedule = osc.optimizers()["SGD"], osc.schedules()["ExponentialLR"]
    first, second = (space.trial(k, 0, base, schedule) for k in (0, 1))
    assert first.optimizer.name == second.optimizer.name == "SGD(…)"
    assert first.schedule.name == second.schedule.name == "ExponentialLR(…)"
    assert first.optimizer != second.optimizer
    assert first.schedule != second.schedule
    assert first.optimizer.arguments == {"momentum": first.values["momentum"]}
    assert first.schedule.arguments == {"gamma": first.values["schedule.gamma"]}


def test_only_the_rate_searched_leaves_the_label_alone():
    trial = Space({"lr": LogUniform(1e-4, 1.0)}).trial(0, 0, osc.optimizers()["Adam"], CONSTANT)
    assert (trial.optimizer, trial.schedule) == (osc.optimizers()["Adam"], CONSTANT)


def test_a_schedule_of_one_s_own_gets_its_arguments():
    from torch.optim.lr_scheduler import ExponentialLR

    mine = osc.ScheduleSpec("mine", lambda optimizer, steps, gamma=0.9: ExponentialLR(optimizer, gamma))
    space = Space({"lr": LogUniform(0.01, 0.1), "schedule": {"gamma": Uniform(0.5, 0.9)}})
    found = osc.random_search("sphere", "SGD", mine, 5, space, trials=3)
    trace = osc.run(osc.grid("sphere", "SGD", found.best.schedule, found.best.lr, steps=5)).trace
    ratio = trace["lr_t"][1] / trace["lr_t"][0]
    assert ratio == pytest.approx(found.best.values["schedule.gamma"])


def test_a_schedule_s_own_end_is_seen_in_a_search_too():
    space = Space({"lr": 0.1, "schedule": {"T_max": LogUniform(5, 20, whole=True)}})
    with pytest.raises(osc.InputError, match="ends after .* steps, the run after 100"):
        osc.random_search("sphere", "SGD", "CosineAnnealingLR", 100, space, trials=2)
    osc.random_search("sphere", "SGD", "CosineAnnealingLR", 100, space, trials=2, horizon="free")


WRITTEN = {
    "trials": 16, "lr": {"low": 1e-4, "high": 1.0}, "momentum": {"low": 0.0, "high": 0.99, "scale": "near_one"},
    "weight_decay": {"low": 1e-6, "high": 0.1, "zero": 0.5}, "nesterov": [True, False], "dampening": 0.0,
    "betas": [{"low": 0.5, "high": 0.99, "scale": "near_one"}, 0.999],
    "schedule": {"step_size": {"low": 5, "high": 50, "whole": True}, "gamma": {"low": 0.1, "high": 0.9, "scale": "linear"}},
}  # fmt: skip


def test_the_written_form():
    plan = plan_from(WRITTEN)
    assert plan == SearchPlan(
        16,
        Space(
            {
                "lr": LogUniform(1e-4, 1.0), "momentum": NearOne(0.0, 0.99), "weight_decay": LogUniform(1e-6, 0.1, zero=0.5),
                "nesterov": Choice((True, False)), "dampening": 0.0, "betas": (NearOne(0.5, 0.99), 0.999),
                "schedule": {"step_size": LogUniform(5.0, 50.0, whole=True), "gamma": Uniform(0.1, 0.9)},
            }
        ),
    )  # fmt: skip
    assert plan_from(8) == SearchPlan(8)
    assert plan_from({"trials": 8, "seed": 2}) == SearchPlan(8, None, 2)


@pytest.mark.parametrize("space", [HYPERPARAMETERS, plan_from(WRITTEN).space], ids=["default", "written"])
def test_written_and_read_is_the_same_space(space):
    assert space_from(written(space)) == space


def test_a_space_prints_as_what_it_is():
    text = str(plan_from(WRITTEN).space)
    assert text.splitlines()[:3] == [
        "lr: log-uniform from 0.0001 to 1", "momentum: from 0 to 0.99, 1 - momentum being log-uniform",
        "weight_decay: zero with chance 0.5, else log-uniform from 1e-06 to 0.1",
    ]  # fmt: skip
    assert "nesterov: one of True, False" in text
    assert "schedule.step_size: log-uniform from 5 to 50, whole numbers" in text


@pytest.mark.parametrize(
    ("table", "message"),
    [("many", "search: expected a number of trials or {trials"), (True, "search: expected"), (0, "search: trials must be a whole number >= 1, got 0"),
     ({"trials": "x"}, "search: trials must be"), ({"momentum": 0.9}, "search.lr is missing, got 'momentum'; allowed"), ({"trial": 2}, "search.lr is missing, got 'trial', did you mean 'trials'?"),
    ({"lr": "loguniform(1e-3)"}, "search.lr: expected a range"),
     ({"lr": {"low": 1.0}}, "search.lr: high is missing"), ({"lr": {"low": 1.0, "high": 0.1}}, "search.lr: a range needs low < high"),
     ({"lr": {"lo": 1.0}}, r"search.lr: unknown key 'lo', did you mean 'low'\?"), ({"lr": {"low": "a", "high": 1}}, "search.lr: low must be a number, got 'a'"),
     ({"lr": {"low": 0.0, "high": 1.0}}, "search.lr: a range on a log scale needs low > 0"),
     ({"lr": {"low": 0.1, "high": 1.0, "scale": "lgo"}}, r"search.lr: unknown scale 'lgo', did you mean 'log'\?"),
     ({"lr": 0.1, "betas": [{"low": 0.1, "high": 1.0, "scale": "near_one"}]}, r"search.betas\[0\]: .* needs high < 1"),
     ({"lr": []}, "search.lr: the list is empty"), ({"lr": 0.1, "schedule": 3}, "search.schedule: expected a table"),
     ({"lr": 0.1, "a": {"low": 0.1, "high": 0.2, "whole": True}}, "search.a: no whole number lies between"),
     ({"lr": 0.1, "a": {"low": 0.1, "high": 0.2, "whole": 1}}, "search.a: whole must be true or false"),
     ({"lr": 0.1, "a": {"low": 0.1, "high": 0.2, "zero": 1}}, "search.a: zero is a chance")],
)  # fmt: skip
def test_a_malformed_search_is_one_line_that_names_the_key(table, message):
    with pytest.raises(osc.InputError, match=message) as caught:
        plan_from(table)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("optimizer", "schedule", "entries", "message"),
    [("SGD", "constant", {"momentm": 0.9}, r"SGD: no argument 'momentm' to search, did you mean 'momentum'\? allowed: momentum, dampening"),
     ("SGD", "constant", {"betas": (0.9, 0.99)}, "SGD: no argument 'betas' to search; allowed: momentum"),
     ("SGD(momentum=0.9)", "constant", {"momentum": NearOne(0, 0.9)}, r"SGD\(momentum=0.9\): momentum is fixed already"),
     ("SGD", "StepLR", {"schedule": {"gama": 0.5}}, r"StepLR: no argument 'gama' to search, did you mean 'gamma'\?"),
     ("SGD", "StepLR(gamma=0.5)", {"schedule": {"gamma": 0.5}}, "gamma is fixed already"),
     ("SGD", "constant", {"schedule": {"gamma": 0.5}}, "constant: no argument 'gamma' to search; allowed: none"),
     ("Adam", "constant", {"betas": (1.5, 0.9)}, "cannot be built: Invalid beta parameter")],
)  # fmt: skip
def test_what_the_optimizer_has_no_argument_for(optimizer, schedule, entries, message):
    with pytest.raises(osc.InputError, match=message) as caught:
        osc.random_search("sphere", optimizer, schedule, 5, Space({"lr": 0.1} | entries), trials=2)
    assert "\n" not in str(caught.value)


def test_a_rate_that_is_not_positive():
    with pytest.raises(osc.InputError, match="lr must be > 0"):
        osc.random_search("sphere", "SGD", steps=5, space=Space({"lr": Uniform(-1.0, 0.0)}), trials=2)
