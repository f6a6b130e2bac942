"""Each verdict on paths whose end is known by hand."""

import numpy as np
import pandas as pd
import pytest

import optiscope as osc
from optiscope import InputError
from optiscope.metrics import endings, verdicts
from optiscope.metrics.verdicts import VERDICTS

STEPS = np.arange(201)


def judged(loss, *, floor=0.0, status="max_steps", landscape=None, runs=None, **columns):
    loss = np.asarray(loss, float)
    trace = pd.DataFrame({"run_id": "r", "step": np.arange(len(loss)), "loss": loss, **columns})
    row = {"run_id": "r", "status": status, "loss_floor": floor, "steps_done": len(loss) - 1} | (runs or {})
    [found] = verdicts(pd.DataFrame([row]), trace, landscape).to_dict("records")
    return found["verdict"], found["step"]


FALLING = 10.0 * np.exp(-0.01 * STEPS)
RESTING = 3.0 + np.exp(-0.5 * STEPS)
QUIET = np.exp(-0.25 * STEPS)  # the gradient of that


@pytest.mark.parametrize(
    ("loss", "more", "verdict", "step"),
    [
        (FALLING, {}, "out of budget", 200),
        (np.exp(-0.2 * STEPS), {}, "solved", 93),  # exp(-0.2 k) <= 1e-8 from k = 92.1 on
        ([*np.exp(-0.2 * STEPS), 1.0], {}, "out of budget", 201),  # it did not stay
        (FALLING[:5], {"status": "diverged"}, "diverged", 5),
        ([1.0, 2.0, np.nan], {}, "diverged", 2),
        ([1.0, 2.0, np.inf, 1.0], {"status": "max_steps"}, "diverged", 2),
        ([np.nan], {}, "diverged", 0),
        ([], {"status": "error"}, "failed", 0),
        (FALLING[:8], {"status": "error"}, "failed", 8),
        (1.0 - 0.1 * STEPS, {}, "left the domain", 11),
        (np.where(STEPS < 60, 10.0, np.where(STEPS % 2, 1.0, 2.0)), {}, "oscillating", 60),
        (FALLING * np.where(STEPS % 2, 1.0, 1.5), {}, "oscillating", 151),  # the peak at 150 is higher than those after
        (np.exp(-0.05 * STEPS) * np.where(STEPS % 2, 1.0, 1.5), {}, "out of budget", 200),  # zigzag, but down
        (10.0 * np.exp(0.5 * STEPS), {}, "running away", 28),  # 10 exp(k / 2) > 10 + 1e7 from k = 27.6 on
        ([37.8, 4.0, 1e69, 1e72], {"floor": np.nan}, "running away", 2),
        ([0.0, 1e5, 2e6], {}, "running away", 2),
        ([-1.7e308, 1.7e308], {"floor": np.nan}, "out of budget", 1),  # twice as high, no more
        ([1.0, 1e69, 3.0], {}, "out of budget", 2),  # it came back
        ([37.8, 3e7], {}, "out of budget", 1),
        (RESTING, {}, "stuck", 10),
        (RESTING, {"grad_norm": QUIET}, "stuck", 10),
        (RESTING, {"grad_norm": np.ones(201)}, "out of budget", 200),  # a slope is there: the steps are too small
        (RESTING, {"floor": np.nan}, "out of budget", 200),
        ([3.0], {}, "out of budget", 0),
        (np.full(201, 3.0), {}, "stuck", 0),
        (np.zeros(201), {}, "solved", 0),
    ],
)
def test_the_rules(loss, more, verdict, step):
    assert judged(loss, **more) == (verdict, step)
    assert verdict in VERDICTS


def ground(function):
    x, y = np.meshgrid(np.linspace(-2, 2, 101), np.linspace(-2, 2, 101))
    return pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "loss": function(x, y).ravel()})


@pytest.mark.parametrize(
    ("function", "at", "verdict"),
    [
        (lambda x, y: 3 + x**2 - y**2, (0.0, 0.0), "saddle"),
        (lambda x, y: 3 + x**2 + y**2, (0.0, 0.0), "wrong basin"),
        (lambda x, y: 3 + x**2 + 1e-3 * y**2, (0.0, 0.0), "wrong basin"),
        (lambda x, y: 3 + x**2 + y**2, (9.0, 9.0), "stuck"),  # off the map
        (lambda x, y: 3 + x**2 + y**4 / 4 - y**2 / 2, (0.0, 0.0), "saddle"),
        (lambda x, y: 3 + 0 * x, (0.0, 0.0), "wrong basin"),
    ],
)
def test_a_landscape_tells_a_saddle_from_a_basin(function, at, verdict):
    assert judged(RESTING, grad_norm=QUIET, landscape=ground(function), x0=at[0], x1=at[1])[0] == verdict


def test_one_row_a_run_in_their_order_with_words():
    runs = pd.DataFrame({"run_id": ["b", "a", "c"], "loss_floor": 0.0})
    trace = pd.DataFrame({"run_id": ["a"] * 201 + ["b"] * 201, "step": [*STEPS] * 2, "loss": [*FALLING, *RESTING]})
    found = verdicts(runs, trace)
    assert found["run_id"].tolist() == ["b", "a", "c"]
    assert found["words"].tolist() == ["stuck from step 10", "out of budget after 200 steps", "diverged at step 0"]


def test_many_runs_are_judged_as_each_alone():
    """Their rows mixed, of any length, with and without a minimum, a status, a count of steps: none sees another's."""
    rng = np.random.default_rng(0)
    rows, paths = [], []
    for i in range(120):
        length = int(rng.choice([0, 1, 5, 15, 16, 40]))
        steps = np.arange(length)
        losses = [
            10.0 ** rng.normal(0, 2, length), np.geomspace(1, 1e-12, length), np.where(steps == 7, np.nan, 1.0),
            np.linspace(1, 1e9, length), -np.linspace(0, 3, length), 0.5 + 0.3 * np.sin(steps), np.full(length, 0.5),
            np.where(steps % 2, 1e308, -1e308),
        ]  # fmt: skip
        gradient = 10.0 ** -rng.uniform(0, 6, length)
        paths.append(pd.DataFrame({"run_id": f"r{i}", "step": 3 * steps, "loss": losses[i % 8], "grad_norm": gradient}))
        status, done = rng.choice(["max_steps", "max_steps", "diverged", "error"]), rng.choice([np.nan, 3.0, 600.0])
        floor = rng.choice([np.nan, 0.0, 0.0, -1.0])
        rows.append({"run_id": f"r{i}", "status": status, "steps_done": done, "loss_floor": floor})
    runs, trace = pd.DataFrame(rows), pd.concat(paths).sample(frac=1.0, random_state=0)
    together = verdicts(runs, trace)
    alone = [verdicts(runs[i : i + 1], paths[i]) for i in range(len(runs))]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True))
    assert len(set(together["verdict"])) >= 7


def test_steps_are_those_of_the_trace_not_rows():
    runs = pd.DataFrame({"run_id": ["a"], "loss_floor": 0.0})
    trace = pd.DataFrame({"run_id": "a", "step": STEPS * 10, "loss": RESTING}).sample(frac=1, random_state=0)
    assert verdicts(runs, trace)["step"].tolist() == [100]


def test_bad_input():
    with pytest.raises(InputError, match="the trace frame lacks loss"):
        verdicts(pd.DataFrame({"run_id": ["a"]}), pd.DataFrame({"run_id": ["a"], "step": [0]}))


@pytest.mark.parametrize(
    ("problem", "optimizer", "lr", "start", "verdict"),
    [
        ("saddle", "SGD", 0.1, (1.0, 0.0), "saddle"),  # along the ridge, straight onto the saddle
        ("saddle", "SGD", 0.1, (1.0, 0.1), "solved"),
        ("styblinski_tang", "SGD", 0.01, (3.0, 3.0), "wrong basin"),
        ("styblinski_tang", "SGD", 0.01, (-3.0, -3.0), "solved"),
        ("beale", "SGD", 0.01, "canonical", "out of budget"),
        ("beale", "SGD", 1.0, "canonical", "diverged"),
        ("himmelblau(noise=20)", "SGD", 0.01, "canonical", "oscillating"),
    ],
)
def test_real_runs(problem, optimizer, lr, start, verdict):
    results = osc.run(osc.grid(problem, optimizer, lr=lr, start=start, steps=300))
    found = verdicts(results.runs, results.trace, results.landscape((61, 61)))
    assert found["verdict"].tolist() == [verdict], found


def test_endings_count_the_runs_of_a_cell_and_give_the_lower_middle_step():
    runs = pd.DataFrame({"run_id": list("abcdef"), "problem": [*"pppp", "q", "q"]})
    ended = pd.DataFrame(
        {
            "run_id": list("abcde"),
            "verdict": ["saddle", "solved", "solved", "saddle", "diverged"],
            "step": [7, 30, 20, 9, 4],
        }
    )
    told = endings(runs, ended, by=["problem"])
    # Equal counts in the order of VERDICTS; f has no verdict and is not counted.
    assert told.to_numpy().tolist() == [
        ["p", "2× solved at step 20, 2× stuck at a saddle from step 7"],
        ["q", "1× diverged at step 4"],
    ]
