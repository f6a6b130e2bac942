import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from optiscope.errors import InputError
from optiscope.metrics import variance_levels, variance_shares

INF = float("inf")
TWO = ("optimizer", "seed")


def factorial(cost, **levels):
    rows = [dict(zip(levels, values, strict=True)) for values in itertools.product(*levels.values())]
    return pd.DataFrame(rows).assign(cost=[cost(**row) for row in rows])


def shares(frame, factors, **settings):
    table = variance_shares(frame, factors, **settings)
    return dict(zip(table["effect"], table["share"], strict=True))


def test_two_factors_worked_by_hand():
    # 1, 2, 3, 4 around 2.5: the optimizer moves by ±1, the seed by ±0.5, nothing is left for both together.
    frame = factorial(lambda optimizer, seed: 1 + 2 * optimizer + seed, optimizer=[0, 1], seed=[0, 1])
    table = variance_shares(frame, TWO, ranks=False)
    assert table[["effect", "sum_squares", "df"]].values.tolist() == [["optimizer", 4.0, 1], ["seed", 1.0, 2]]
    assert shares(frame, TWO, noise=()) == pytest.approx({"optimizer": 0.8, "seed": 0.2, "optimizer:seed": 0.0})


def test_a_pure_interaction_is_no_main_effect():
    frame = factorial(
        lambda optimizer, schedule: (optimizer - 0.5) * (schedule - 0.5), optimizer=[0, 1], schedule=[0, 1]
    )
    assert shares(frame, ("optimizer", "schedule"))["optimizer:schedule"] == pytest.approx(1.0)


@pytest.mark.parametrize("ranks", [False, True])
def test_sums_of_squares_are_those_of_statsmodels(ranks):
    generator = np.random.default_rng(0)
    frame = factorial(
        lambda optimizer, schedule, lr, seed: optimizer * schedule + lr**2 + generator.normal(),
        optimizer=[0, 1, 2], schedule=[0, 1], lr=[0, 1, 2, 3], seed=[0, 1],
    )  # fmt: skip
    ours = variance_shares(frame, ("optimizer", "schedule", "lr", "seed"), noise=(), ranks=ranks, order=4)
    ours = ours.set_index("effect")
    response = stats.rankdata(frame["cost"]) if ranks else frame["cost"]
    # The interaction of all four is what that of three leaves.
    model = ols("y ~ (C(optimizer) + C(schedule) + C(lr) + C(seed)) ** 3", frame.assign(y=response)).fit()
    theirs = anova_lm(model).rename(index={"Residual": "optimizer:schedule:lr:seed"})
    theirs.index = [name.replace("C(", "").replace(")", "") for name in theirs.index]
    assert set(theirs.index) == set(ours.index)
    assert ours.loc[theirs.index, "sum_squares"].to_numpy() == pytest.approx(theirs["sum_sq"].to_numpy(), abs=1e-6)
    assert ours.loc[theirs.index, "df"].tolist() == theirs["df"].astype(int).tolist()


def test_shares_sum_to_one_and_chance_is_one_effect():
    generator = np.random.default_rng(1)
    frame = factorial(
        lambda problem, optimizer, schedule, lr, seed: generator.exponential() + (problem == "b") * lr,
        problem=list("ab"), optimizer=list("xyz"), schedule=list("st"), lr=[0.1, 0.2, 0.3], seed=range(4),
    )  # fmt: skip
    found = shares(frame, ("problem", "optimizer", "schedule", "lr", "seed"))
    assert sum(found.values()) == pytest.approx(1.0)
    assert "higher" in found
    assert not [name for name in found if "seed" in name and name != "seed"]


def test_a_failure_is_the_worst_rank_and_nothing_else_can_hold_it():
    frame = factorial(lambda optimizer, seed: INF if optimizer else float(seed), optimizer=[0, 1], seed=[0, 1, 2])
    # Ranks 1, 2, 3 and 5, 5, 5: deviations from 3.5 are ±1.5 in the mean.
    table = variance_shares(frame, TWO).set_index("effect")
    assert table.loc["optimizer", "sum_squares"] == pytest.approx(6 * 1.5**2)
    assert table.loc["seed", "sum_squares"] == pytest.approx(2.0)
    with pytest.raises(InputError, match="infinite in 3 rows"):
        variance_shares(frame, TWO, ranks=False)


def test_ranks_depend_on_no_unit():
    generator = np.random.default_rng(2)
    frame = factorial(lambda optimizer, seed: generator.normal() + optimizer, optimizer=[0, 1, 2], seed=range(5))
    assert shares(frame.assign(cost=np.exp(frame["cost"])), TWO) == shares(frame, TWO)


def test_within_a_problem_the_problem_explains_nothing():
    generator = np.random.default_rng(3)
    frame = factorial(
        lambda problem, optimizer, seed: 1000 * problem + optimizer + generator.normal(),
        problem=[0, 1, 2], optimizer=[0, 1], seed=range(5),
    )  # fmt: skip
    factors = ("problem", *TWO)
    assert shares(frame, factors)["problem"] > 0.8
    assert shares(frame, factors, within=("problem",))["problem"] == pytest.approx(0.0)


def test_the_total_adds_the_interactions():
    frame = factorial(
        lambda optimizer, schedule, seed: optimizer + optimizer * schedule,
        optimizer=[-1, 1],
        schedule=[-1, 1],
        seed=[0, 1],
    )
    table = variance_shares(frame, ("optimizer", "schedule", "seed"), ranks=False).set_index("effect")
    assert table["share"].to_dict() == {"optimizer": 0.5, "optimizer:schedule": 0.5, "schedule": 0.0, "seed": 0.0}
    assert table.loc[["optimizer", "schedule"], "total"].tolist() == [1.0, 0.5]


def test_it_is_cut_to_a_complete_factorial_and_says_so():
    frame = factorial(lambda optimizer, lr, seed: float(lr + seed), optimizer=list("abc"), lr=[1, 2, 3], seed=[0, 1])
    ragged = frame[(frame["lr"] < 3) | (frame["optimizer"] == "a")]
    levels = variance_levels(ragged, ("optimizer", "lr", "seed"))
    assert levels[["factor", "levels", "of", "kept"]].values.tolist() == [
        ["optimizer", 3, 3, "a, b, c"], ["lr", 2, 3, "1, 2"], ["seed", 2, 2, "0, 1"],
    ]  # fmt: skip
    whole = frame[frame["lr"] < 3]
    factors = ("optimizer", "lr", "seed")
    pd.testing.assert_frame_equal(variance_shares(ragged, factors), variance_shares(whole, factors))


def test_the_order_of_rows_changes_nothing():
    generator = np.random.default_rng(4)
    frame = factorial(lambda optimizer, seed: generator.normal(), optimizer=list("abc"), seed=range(6))
    mixed = frame.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(variance_shares(mixed, TWO), variance_shares(frame, TWO))


def test_what_is_no_factorial_is_refused():
    frame = factorial(lambda optimizer, seed: 1.0, optimizer=[0, 1], seed=[0, 1])
    with pytest.raises(InputError, match="several rows"):
        variance_shares(pd.concat([frame, frame]), TWO)
    with pytest.raises(InputError, match="colour"):
        variance_shares(frame, ("optimizer", "colour"))
    with pytest.raises(InputError, match="no factorial"):
        variance_shares(frame.iloc[:0], TWO)
    assert shares(frame, TWO) == {"optimizer": 0.0, "seed": 0.0}
