import numpy as np
import pandas as pd
import pytest
from study_frames import make_costs, make_runs, make_trace

from optiscope.errors import InputError
from optiscope.metrics import best_so_far, costs, log_costs, median_costs, shown_runs

INF, NAN = float("inf"), float("nan")


def test_the_cost_of_a_function_is_its_gap_cut_at_the_last_target():
    runs = make_runs({"loss_final": 3.0, "loss_floor": 1.0}, {"seed": 1, "loss_final": 1.0 + 1e-12, "loss_floor": 1.0})
    frame = costs(runs)
    assert frame["cost"].tolist() == [2.0, 1e-8]
    assert frame["judged_by"].tolist() == ["gap", "gap"]
    assert frame["competitor"].tolist() == ["SGD + constant"] * 2


def test_failures_are_infinite_and_stay():
    rows = [{"status": "diverged"}, {"status": "error", "loss_final": NAN}, {"loss_final": -5.0}, {"loss_final": NAN}]
    assert costs(make_runs(*rows))["cost"].tolist() == [INF] * 4
    assert costs(make_runs(*rows))["shortfall"].tolist() == [INF] * 4


def test_the_cost_of_a_classifier_is_its_share_of_errors():
    common = {"loss_floor": NAN, "problem": "net"}
    rows = [{"accuracy_final": 0.75, **common}, {"accuracy_final": NAN, "status": "diverged", **common}]
    other = {"problem": "other", "loss_floor": NAN, "loss_final": 0.5}
    frame = costs(make_runs(*rows, other))
    assert frame["judged_by"].tolist() == ["error", "error", "loss"]
    assert frame["cost"].tolist() == [0.25, INF, 0.5]


def test_the_best_iterate_is_judged_by_its_loss_whatever_came_after():
    rows = [{"loss_final": 50.0, "loss_best": 0.25, "status": "diverged"}, {"loss_final": 4.0, "loss_best": -1.0}]
    assert costs(make_runs(*rows), at="best")["cost"].tolist() == [0.25, INF]
    with pytest.raises(InputError, match=r"'frist'.*last, best|last, best, got 'frist'"):
        costs(make_runs({}), at="frist")


@pytest.mark.parametrize(
    ("row", "left"),
    [
        ({"loss_start": 1.0, "loss_final": 1e-8}, 0.0),
        ({"loss_start": 1.0, "loss_final": 1e-4}, 0.5),
        ({"loss_start": 1.0, "loss_final": 1.0}, 1.0),
        ({"loss_start": 1.0, "loss_final": 100.0}, 1.25),
        ({"loss_start": 1.0, "loss_final": 1.0, "status": "diverged"}, INF),
        ({"loss_start": 8.0, "loss_final": 8e-3, "loss_floor": NAN}, 0.0),
        ({"loss_start": 8.0, "loss_final": 8e-9, "loss_floor": NAN}, 0.0),
        ({"loss_start": 8.0, "loss_final": 0.8, "loss_floor": NAN}, 2 / 3),
        ({"loss_start": 8.0, "loss_final": -1.0, "loss_floor": NAN}, 0.0),
        ({"loss_start": -8.0, "loss_final": -9.0, "loss_floor": NAN}, NAN),
        ({"loss_floor": NAN, "accuracy_final": 0.75}, 0.25),
    ],
)
def test_the_shortfall_is_the_share_of_the_way_that_is_left(row, left):
    assert costs(make_runs(row))["shortfall"].item() == pytest.approx(left, nan_ok=True)


def test_shown_runs_are_results_at_the_tuned_rate():
    tuning = [
        {"purpose": "tuning", "lr": lr, "loss_final": abs(lr - 0.1) + 1, "run_id": f"t{lr}"} for lr in (0.01, 0.1)
    ]
    results = [{"lr": lr, "seed": seed, "run_id": f"{lr}/{seed}"} for lr in (0.01, 0.1) for seed in (0, 1)]
    shown = shown_runs(make_runs(*tuning, *results))
    assert shown["run_id"].tolist() == ["0.1/0", "0.1/1"]
    assert shown_runs(make_runs(*tuning)).empty


def test_logarithms_end_where_nothing_is_told_apart():
    frame = pd.DataFrame({"judged_by": ["gap", "error", "loss", "loss", "gap"], "cost": [1e-8, 0.0, 10.0, -1.0, INF]})
    assert log_costs(frame).tolist() == pytest.approx([-8.0, -3.0, 1.0, NAN, INF], nan_ok=True)


def test_medians_are_infinite_once_half_failed():
    frame = make_costs({"A": [1.0, 3.0, INF], "B": [1.0, INF], "C": [2.0]})
    assert median_costs(frame)[["competitor", "runs", "cost"]].values.tolist() == [
        ["A", 3, 3.0],
        ["B", 2, INF],
        ["C", 1, 2.0],
    ]


def test_the_best_so_far_never_rises_and_ignores_what_is_no_loss():
    runs = make_runs({"run_id": "a", "loss_floor": 1.0}, {"run_id": "b", "loss_floor": NAN})
    trace = make_trace(a=[NAN, 5.0, 0.5, 7.0, 2.0], b=[3.0, -1.0, 0.0])
    frame = best_so_far(runs, trace.sample(frac=1, random_state=1))
    assert frame[frame["run_id"] == "a"]["loss_best"].tolist() == [INF, 5.0, 5.0, 5.0, 2.0]
    assert frame[frame["run_id"] == "a"]["gap_best"].tolist() == [INF, 4.0, 4.0, 4.0, 1.0]
    assert frame[frame["run_id"] == "b"]["gap_best"].tolist() == [3.0, -1.0, -1.0]


def test_the_order_of_rows_changes_no_cost():
    rows = [
        {"seed": seed, "optimizer": name, "loss_final": 10.0**-seed} for seed in range(5) for name in ("SGD", "Adam")
    ]
    runs = make_runs(*rows)
    shuffled = costs(runs.sample(frac=1, random_state=0)).sort_values("run_id")
    assert np.array_equal(shuffled["cost"], costs(runs).sort_values("run_id")["cost"])
