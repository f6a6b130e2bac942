import time

import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs, make_trace

from optiscope.errors import InputError
from optiscope.metrics import gap, steps_to_target, success, targets_for

INF, NAN = float("inf"), float("nan")


def steps(hits, target, run_id="run0"):
    return hits[(hits["target"] == target) & (hits["run_id"] == run_id)]["step"].item()


def test_the_gap_is_the_loss_above_the_floor():
    runs = gap(make_runs({"loss_final": -70.0, "loss_best": -78.0, "loss_floor": -78.5}))
    assert runs[["gap_final", "gap_best", "floor_known"]].values.tolist() == [[8.5, 0.5, True]]


def test_without_a_floor_the_gap_is_the_loss_and_says_so():
    runs = gap(make_runs({"loss_final": 3.0, "loss_floor": NAN}))
    assert runs[["gap_final", "floor_known"]].values.tolist() == [[3.0, False]]


def test_the_gap_of_a_run_that_diverged_is_infinite():
    assert gap(make_runs({"status": "diverged"}))["gap_final"].item() == INF


def test_the_gap_of_a_trace():
    runs = make_runs({"run_id": "a", "loss_floor": 1.0}, {"run_id": "b", "loss_floor": NAN})
    trace = gap(runs, make_trace(a=[4.0, 1.5], b=[2.0], stranger=[9.0]))
    assert trace["gap"].tolist()[:3] == [3.0, 0.5, 2.0]
    assert trace["floor_known"].tolist() == [True, True, False, False]
    assert np.isnan(trace["gap"].iloc[3])


def test_targets_follow_what_the_problem_is():
    runs = make_runs(
        {"problem": "bowl"},
        {"problem": "net", "loss_floor": NAN, "accuracy_final": 0.3},
        {"problem": "unknown", "loss_floor": NAN},
        {"problem": "below zero", "loss_floor": NAN, "loss_start": -1.0},
    )
    targets = targets_for(runs).groupby("problem")
    assert targets["target"].agg(list).to_dict() == {
        "bowl": [1e0, 1e-2, 1e-4, 1e-6, 1e-8],
        "net": [0.5, 0.9, 0.95, 0.99],
        "unknown": [0.5, 0.1, 0.01, 0.001],
    }
    assert targets["metric"].first().to_dict() == {"bowl": "gap", "net": "accuracy", "unknown": "loss_ratio"}


def test_targets_do_not_depend_on_what_runs_reached():
    rows = [{"loss_floor": NAN}, {"problem": "other"}]
    good = make_runs(*[{**row, "loss_final": 1e-9} for row in rows])
    bad = make_runs(*[{**row, "loss_final": 1e9, "status": "diverged"} for row in rows])
    pd.testing.assert_frame_equal(targets_for(good), targets_for(bad))


def test_first_hits_worked_by_hand():
    runs = make_runs({"loss_start": 10.0, "loss_final": 0.5, "loss_best": 0.005, "step_best": 3, "steps_done": 4})
    hits = steps_to_target(runs, make_trace(run0=[10.0, 1.0, 0.02, 0.005, 0.5]))
    assert hits["step"].tolist() == [1, 3, INF, INF, INF]
    assert hits["hit"].tolist() == [True, True, False, False, False]


def test_a_loss_equal_to_the_target_is_a_hit_and_a_start_may_be_one():
    hits = steps_to_target(make_runs({"loss_start": 1.0}), make_trace(run0=[1.0, 2.0]))
    assert steps(hits, 1.0) == 0


def test_a_miss_is_infinite_and_keeps_its_row():
    runs = make_runs({"loss_final": 5.0}, {"loss_final": NAN, "status": "error", "loss_start": NAN})
    hits = steps_to_target(runs, make_trace(run0=[10.0, 5.0]))
    assert len(hits) == 2 * 5
    assert (hits["step"] == INF).all()
    assert (hits["evaluations"] == 100).all()


def test_a_run_that_diverged_keeps_the_targets_it_met_before():
    runs = make_runs({"status": "diverged", "loss_final": 50.0, "loss_best": 0.5, "step_best": 1, "steps_done": 2})
    hits = steps_to_target(runs, make_trace(run0=[10.0, 0.5, 50.0]))
    assert steps(hits, 1.0) == 1
    assert steps(hits, 1e-2) == INF


def test_without_a_trace_the_known_states_bound_the_hit():
    hits = steps_to_target(make_runs({"loss_final": 0.5, "loss_best": 1e-3, "step_best": 40}))
    assert [steps(hits, target) for target in (1.0, 1e-2, 1e-4)] == [40, 40, INF]


def test_evaluations_follow_the_steps_and_a_miss_costs_all():
    runs = make_runs({"steps_done": 4, "grad_evals": 80, "loss_final": 0.5})
    hits = steps_to_target(runs, make_trace(run0=[10.0, 9.0, 1.0, 0.9, 0.5]))
    assert hits["evaluations"].tolist() == [40, 80, 80, 80, 80]


def test_accuracy_is_met_from_below():
    runs = make_runs({"loss_floor": NAN, "accuracy_final": 0.93, "steps_done": 30})
    trace = pd.DataFrame({"run_id": "run0", "step": [0, 10, 20], "loss": 1.0, "accuracy": [0.1, NAN, 0.9]})
    assert steps_to_target(runs, trace)["step"].tolist() == [20, 20, INF, INF]


def test_a_loss_ratio_is_to_the_runs_own_start():
    runs = make_runs({"loss_floor": NAN, "loss_start": 8.0, "loss_final": 2.0, "steps_done": 2})
    assert steps_to_target(runs, make_trace(run0=[8.0, 4.0, 2.0]), [0.5, 0.25])["step"].tolist() == [1, 2]


def test_targets_of_an_unknown_metric_are_refused():
    targets = pd.DataFrame({"problem": ["bowl"], "metric": ["speed"], "target": [1.0]})
    with pytest.raises(InputError, match=r"speed.*gap"):
        steps_to_target(make_runs({}), None, targets)


def test_the_order_and_repetition_of_rows_change_nothing():
    runs = make_runs(*[{"seed": seed, "loss_final": 10.0**-seed} for seed in range(6)])
    trace = make_trace(**{f"run{seed}": [10.0, 1.0, 10.0**-seed] for seed in range(6)})
    expected = steps_to_target(runs, trace).sort_values(["run_id", "target"], ignore_index=True)
    shuffled = steps_to_target(
        runs.sample(frac=1, random_state=0), pd.concat([trace, trace]).sample(frac=1, random_state=1)
    )
    pd.testing.assert_frame_equal(shuffled.sort_values(["run_id", "target"], ignore_index=True), expected)


def test_success_rate_and_ert_worked_by_hand():
    # Hits at 10 and 30 evaluations, one miss that cost 100: ERT = 140 / 2.
    runs = make_runs(*[{"seed": seed, "loss_final": 5.0} for seed in range(3)])
    losses = {"run0": [10.0] * 10 + [0.5], "run1": [10.0] * 30 + [0.5], "run2": [10.0, 5.0]}
    row = success(steps_to_target(runs, make_trace(**losses), [1.0])).iloc[0]
    assert (row["runs"], row["successes"], row["ert"], row["steps_median"]) == (3, 2, 70.0, 30.0)
    assert row["success_rate"] == pytest.approx(2 / 3)


def test_seconds_follow_the_steps_and_only_of_a_run_alone():
    rows = [{"wall_s": 2.0, "steps_done": 4, "loss_final": 0.5}, {"seed": 1, "wall_s": 8.0, "loss_final": 5.0}]
    trace = make_trace(run0=[10.0, 1.0, 0.9, 0.8, 0.5], run1=[10.0, 5.0])
    hits = steps_to_target(make_runs(*rows), trace, [1.0])
    assert hits["seconds"].tolist() == [0.5, 8.0]
    row = success(hits).iloc[0]
    assert row[["ert_seconds", "seconds_median", "evaluations_median"]].tolist() == [8.5, INF, INF]
    shared = steps_to_target(make_runs(*[{**row, "engine": "stacked"} for row in rows]), trace, [1.0])
    assert shared["seconds"].isna().all()
    assert success(shared)[["ert_seconds", "seconds_median"]].isna().all(axis=None)


def test_without_a_success_ert_is_infinite():
    row = success(steps_to_target(make_runs({"loss_final": 5.0}), None, [1.0])).iloc[0]
    assert (row["success_rate"], row["ert"], row["steps_median"]) == (0.0, INF, INF)


def test_success_by_unknown_column_is_refused():
    with pytest.raises(InputError, match="colour"):
        success(steps_to_target(make_runs({})), by=("colour",))


def test_no_runs_no_rows():
    hits = steps_to_target(make_runs({}).iloc[:0])
    assert hits.empty
    assert success(hits).empty


def test_a_million_rows_take_about_a_second():
    runs = make_runs(*[{"seed": seed, "loss_final": 1.0} for seed in range(1000)])
    step = np.tile(np.arange(1000), 1000)
    trace = pd.DataFrame(
        {"run_id": np.repeat(runs["run_id"].to_numpy(), 1000), "step": step, "loss": 10.0 / (step + 1)}
    )
    begun = time.perf_counter()
    hits = steps_to_target(runs, trace)
    # Generous: a loop over rows would need minutes, a busy machine no more than this.
    assert time.perf_counter() - begun < 5
    assert (hits.loc[hits["target"] == 1.0, "step"] == 9).all()
