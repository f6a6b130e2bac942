import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs, make_trace

from optiscope.metrics import comparison, ranking

INF, NAN = float("inf"), float("nan")


def seeds(optimizer, losses, **common):
    """One row a seed; None is a run that diverged."""
    return [
        {
            "run_id": f"{optimizer}{common.get('problem')}{common.get('steps')}{seed}",
            "optimizer": optimizer,
            "seed": seed,
            "loss_final": 3.0 if loss is None else loss,
            "status": "diverged" if loss is None else "max_steps",
            **common,
        }
        for seed, loss in enumerate(losses)
    ]


def test_one_cell_worked_by_hand():
    runs = make_runs(*seeds("SGD", [1.0, 2.0, 3.0, 4.0, None], wall_s=0.5))
    row = comparison(runs, make_trace(SGDNoneNone0=[10.0, 1.0])).iloc[0]
    assert row[["loss_final", "loss_final_q25", "loss_final_q75"]].tolist() == [3.0, 2.0, 4.0]
    assert row[["seeds", "runs", "diverged", "errors", "wall_s", "ms_per_step"]].tolist() == [5, 5, 1, 0, 0.5, 5.0]
    assert row[["metric", "target", "success_rate", "ert", "steps_to_target"]].tolist() == ["gap", 1.0, 0.2, 401.0, INF]
    assert row[["steps_to_gap_1", "steps_to_gap_1e-08"]].tolist() == [INF, INF]


def test_diverged_runs_make_medians_infinite_and_nothing_nan():
    table = comparison(make_runs(*seeds("SGD", [1.0, 3.0, None, None, None]), *seeds("Adam", [None] * 5)))
    assert table["optimizer"].tolist() == ["Adam", "SGD"]
    assert table["loss_final"].tolist() == [INF, INF]
    assert table["loss_final_q25"].tolist() == [INF, 3.0]
    assert not table[["loss_final", "loss_final_q25", "loss_final_q75", "gap_final"]].isna().any(axis=None)


def test_adding_a_diverged_run_never_improves_a_cell():
    generator = np.random.default_rng(0)
    for size in (1, 2, 5):
        losses = generator.exponential(size=size).tolist()
        before = comparison(make_runs(*seeds("SGD", losses))).iloc[0]
        after = comparison(make_runs(*seeds("SGD", [*losses, None]))).iloc[0]
        for name in ("loss_final", "loss_final_q25", "loss_final_q75"):
            assert after[name] >= before[name]
        assert after["success_rate"] <= before["success_rate"]


def test_tuning_rows_are_no_results():
    tuning = seeds("SGD", [0.0], purpose="tuning", lr=0.1, steps=100)
    worse = {"run_id": "t", "purpose": "tuning", "lr": 0.01, "loss_final": 5.0}
    row = comparison(make_runs(*tuning, worse, *seeds("SGD", [7.0, 9.0]))).iloc[0]
    assert row[["runs", "loss_final", "trials", "edge", "chosen_on"]].tolist() == [2, 8.0, 2, "high", "tuning"]


def test_only_the_shown_rate_is_summarised():
    row = comparison(make_runs({"lr": 0.1, "loss_final": 1.0}, {"lr": 0.2, "loss_final": 5.0})).iloc[0]
    assert row[["lr", "runs", "loss_final"]].tolist() == [0.1, 1, 1.0]


def test_other_horizons_are_other_rows():
    table = comparison(make_runs(*seeds("SGD", [1.0], steps=100), *seeds("SGD", [0.5], steps=200)))
    assert table["steps"].tolist() == [100, 200]


def test_the_order_of_rows_changes_nothing():
    runs = make_runs(*seeds("SGD", [1.0, 2.0, None]), *seeds("Adam", [0.1, 0.2, 0.3]), *seeds("RMSprop", [1, 2, 3]))
    pd.testing.assert_frame_equal(comparison(runs.sample(frac=1, random_state=3)), comparison(runs))


def test_accuracy_of_a_failed_run_is_the_worst():
    rows = [
        {"loss_floor": NAN, "accuracy_final": 0.9, "seed": 0},
        {"loss_floor": NAN, "accuracy_final": 0.8, "seed": 1},
        {"loss_floor": NAN, "accuracy_final": 0.99, "seed": 2, "status": "diverged"},
    ]
    row = comparison(make_runs(*rows)).iloc[0]
    assert (row["accuracy_final"], row["accuracy_final_q75"]) == (0.8, pytest.approx(0.85))
    assert row["accuracy_final_q25"] == -INF
    assert np.isnan(row["gap_final"])


def test_no_results_no_rows():
    for runs in (pd.DataFrame(), make_runs({"purpose": "tuning"})):
        table = comparison(runs)
        assert table.empty
        assert "loss_final" in table.columns
        assert ranking(table).empty


def test_the_winner_has_the_least_median():
    three = [*seeds("SGD", [4, 5, 6] * 3), *seeds("Adam", [1, 2, 3] * 3), *seeds("Rprop", [None] * 9)]
    # Otherwise three seeds, each there three times.
    told = [{**row, "loss_final": row["loss_final"] + row["seed"] / 1000} for row in three]
    row = ranking(comparison(make_runs(*told))).iloc[0]
    assert row[["winner", "lr", "final", "tied", "runner_up", "runner_up_final"]].tolist() == [
        "Adam", 0.1, 2.004, 1, "SGD + constant", 5.004,
    ]  # fmt: skip
    assert (row["judged_by"], row["competitors"], row["solved"]) == ("gap", 3, False)


def test_who_shares_the_first_place_is_a_tie():
    near = [1.6, 1.5, 3.6, 3.5, 5.6, 5.5, 7.6, 7.5]
    runs = make_runs(
        *seeds("SGD", near), *seeds("Adam", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), *seeds("Far", range(10, 18))
    )
    row = ranking(comparison(runs)).iloc[0]
    assert row[["winner", "tied", "tied_with", "runner_up"]].tolist() == ["Adam", 2, "SGD + constant", "Far + constant"]
    assert (row["test"], row["unit"]) == ("signed-rank", "decades")
    assert 0 < row["detectable"] < 1


def test_at_three_seeds_nobody_is_put_above_anybody():
    runs = make_runs(*seeds("SGD", [1e3, 2e3, 3e3]), *seeds("Adam", [1.0, 2.0, 3.0]), *seeds("Lost", [None] * 3))
    row = ranking(comparison(runs)).iloc[0]
    assert row[["winner", "tied", "tied_with", "runner_up", "test", "detectable"]].tolist() == [
        "Adam", 2, "SGD + constant", "", "none", INF,
    ]  # fmt: skip


def test_of_two_below_the_last_target_the_faster_wins():
    runs = make_runs(*seeds("SGD", [1e-12] * 3), *seeds("Adam", [1e-10] * 3))
    trace = make_trace(**{f"AdamNoneNone{seed}": [10.0, 1e-9, 1e-10] for seed in range(3)})
    row = ranking(comparison(runs, trace)).iloc[0]
    assert (row["winner"], row["tied"], row["solved"]) == ("Adam", 2, True)
    assert (row["fastest"], row["target"], row["fastest_steps"]) == ("Adam + constant", 1e-8, 1)


def test_nobody_wins_where_everything_diverged():
    row = ranking(comparison(make_runs(*seeds("SGD", [None, None]), *seeds("Adam", [None, None])))).iloc[0]
    assert (row["winner"], row["tied"], row["final"], row["runner_up"]) == ("", 0, INF, "")


def test_networks_are_judged_by_accuracy():
    low = [{**row, "accuracy_final": 0.8 - row["seed"] / 1e3} for row in seeds("SGD", [0.1] * 7, loss_floor=NAN)]
    high = [{**row, "accuracy_final": 0.9 - row["seed"] / 1e3} for row in seeds("Adam", [0.5] * 7, loss_floor=NAN)]
    row = ranking(comparison(make_runs(*low, *high))).iloc[0]
    assert row[["winner", "judged_by", "final", "runner_up_final"]].tolist() == ["Adam", "accuracy_final", 0.897, 0.797]
