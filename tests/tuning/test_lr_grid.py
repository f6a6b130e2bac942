import math

import pytest

import optiscope as osc
from optiscope.tuning import FIRST_TUNING_SEED, LrRange, tune_cells


def test_the_lattice():
    rates = LrRange(1e-3, 1.0, 2)
    assert [rates.rate(k) for k in rates.indices] == [0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0]


def test_finds_what_a_quadratic_s_theory_says():
    # Gradient descent on x²: x <- (1 - 2 lr) x. Of a grid of halves of decades lr = 0.316 contracts most.
    best = osc.tune("sphere", "SGD", steps=20, lr=LrRange(1e-3, 1.0))
    scores = dict(zip(best.table["lr"], best.table["score"], strict=True))
    start = osc.problems()["sphere"].start
    for lr, score in scores.items():
        assert score == pytest.approx(sum(v * v for v in start) * (1 - 2 * lr) ** 40, rel=1e-6)
    assert best.lr == 0.316
    assert (best.edge, best.trials) == ("", 7)


def test_the_grid_grows_while_the_winner_sits_on_its_edge():
    low = osc.tune("sphere", "SGD", steps=20, lr=LrRange(1e-4, 1e-2))
    assert (low.lr, low.edge) == (0.316, "")
    assert low.low == 1e-4
    assert low.high >= 1.0
    high = osc.tune("quadratic(condition=1e5)", "SGD", steps=20, lr=LrRange(1e-3, 1.0))
    assert high.lr < 1e-4
    assert high.edge == ""


def test_a_winner_on_a_stated_bound_is_flagged():
    best = osc.tune("sphere", "SGD", steps=20, lr=LrRange(1e-4, 1e-2, highest=1e-2))
    assert (best.lr, best.edge, best.high) == (1e-2, "high", 1e-2)


def test_divergence_counts_as_infinite():
    best = osc.tune("quadratic(condition=100)", "SGD", steps=200, lr=LrRange(1e-3, 1e3, highest=1e3))
    scores = dict(zip(best.table["lr"], best.table["score"], strict=True))
    assert math.isinf(scores[1000.0])
    assert math.isfinite(best.score)


def test_everything_diverged_is_said():
    cliff = osc.Problem("cliff", lambda x: -((x**4).sum(-1)), start=(5.0,))
    with pytest.warns(UserWarning, match="no rate from 1 to 10 ends SGD on cliff with a finite loss"):
        best = osc.tune(cliff, "SGD", steps=100, lr=LrRange(1.0, 10.0, lowest=1.0))
    assert math.isinf(best.score)
    assert best.edge == "low"


def test_every_optimizer_gets_the_same_grid_and_only_tuning_seeds(tmp_path):
    cells = [(osc.problems()["beale"], osc.optimizers()[name], osc.schedules()["constant"]) for name in ("SGD", "Adam")]
    found = tune_cells(cells, 30, LrRange(1e-3, 0.1, 1, 1e-3, 0.1), 3, "random", store=tmp_path)
    runs = osc.Store(tmp_path).runs()
    assert set(runs["purpose"]) == {"tuning"}
    assert runs["seed"].min() == FIRST_TUNING_SEED
    assert runs.groupby("optimizer")["lr"].agg(lambda lr: sorted(set(lr))).tolist() == [[0.001, 0.01, 0.1]] * 2
    assert [one.trials for one in found] == [9, 9]


def test_one_seed_is_enough_where_nothing_depends_on_it():
    assert osc.tune("beale", "SGD", steps=5, lr=LrRange(1e-3, 1e-2, 1, 1e-3, 1e-2), seeds=5).trials == 2


def test_networks_are_judged_by_validation():
    best = osc.tune("digits-cnn", "Adam", steps=23, lr=LrRange(1e-3, 1e-2, 1, 1e-3, 1e-2), seeds=1)
    assert best.criterion == "val_loss_final"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1.0, 0.1), "0 < low < high"), ((0, 1), "0 < low < high"), ((1e-3, 1, 0), "per_decade >= 1"),
     ((1e-9, 1), "exceeds its bounds")],
)  # fmt: skip
def test_bad_ranges(arguments, message):
    with pytest.raises(osc.InputError, match=message):
        LrRange(*arguments)


def test_a_later_reader_of_the_store_sees_range_trials_and_edge(tmp_path):
    cells = [
        (osc.problems()[name], osc.optimizers()["SGD"], osc.schedules()["constant"]) for name in ("beale", "sphere")
    ]
    ranges = LrRange(1e-4, 1e-2, highest=1e-2)
    found = tune_cells(cells, 20, ranges, store=tmp_path)
    best = osc.metrics.best_rates(osc.Store(tmp_path).runs())
    assert best[["problem", "lr", "score", "edge", "trials", "lr_low", "lr_high"]].to_numpy().tolist() == [
        [one.problem, one.lr, one.score, one.edge, len(one.table), one.low, one.high] for one in found
    ]
    assert found[1].edge == "high"


def test_a_later_reader_judges_networks_as_the_search_did(tmp_path):
    best = osc.tune("digits-cnn", "SGD", steps=23, lr=LrRange(1e-3, 1.0, 1, 1e-3, 1.0), seeds=1, store=tmp_path)
    [row] = osc.metrics.best_rates(osc.Store(tmp_path).runs()).to_dict("records")
    assert (row["lr"], row["score"]) == (best.lr, best.score)


def test_a_trial_below_the_least_loss_known_has_left_the_problem():
    # McCormick falls by pi a period outside its bounds: a huge step must not win by leaving.
    best = osc.tune("mccormick", "SGD", steps=30, lr=LrRange(1e-2, 1e3, highest=1e3))
    floor = osc.problems()["mccormick"].minimum_value
    assert best.score >= floor - 1e-9


def test_every_cell_of_a_problem_gets_the_same_trials():
    cells = [(osc.problems()["beale"], osc.optimizers()[n], osc.schedules()["constant"]) for n in ("SGD", "Adadelta")]
    assert len({(one.trials, one.low, one.high) for one in tune_cells(cells, 20, LrRange(1e-2, 1.0, 1))}) == 1
