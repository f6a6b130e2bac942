import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.audit import findings
from optiscope.errors import InputError
from optiscope.report.page.evidence import Evidence
from optiscope.report.page.verdict import recommendations


def study(finals, problems=("bowl",), **common):
    """`{optimizer: [final on seed 0, …]}` on each problem."""
    return make_runs(*(
        {"problem": problem, "optimizer": name, "seed": seed, "loss_final": final, **common}
        for problem in problems for name, values in finals.items() for seed, final in enumerate(values)
    ))  # fmt: skip


def joined(*frames):
    parts = [frame.assign(run_id=frame["run_id"] + str(i)) for i, frame in enumerate(frames)]
    return pd.concat(parts, ignore_index=True)


def test_who_is_always_better_by_far_on_many_problems_is_recommended_with_confidence():
    problems = [f"p{i}" for i in range(9)]
    runs = study({"Adam": [1e-6, 2e-6, 3e-6], "SGD": [1.0, 1.1, 1.2]}, problems)
    (one,) = recommendations(Evidence(runs))
    assert (one.optimizer, one.schedule, one.confidence, one.rivals) == ("Adam", "constant", "strong", ())
    assert one.summary.startswith("Best of 2 pairs on 9 settings, at 3 seeds")


def test_on_one_problem_ranks_say_too_little_and_the_confidence_is_fair():
    six = np.arange(1, 7)
    (one,) = recommendations(Evidence(study({"Adam": 1e-6 * six, "SGD": 1.0 + six})))
    assert one.confidence == "fair"


@pytest.mark.parametrize(("seeds", "problems"), [(2, 1), (2, 3), (3, 1)])
def test_no_confidence_where_no_test_could_tell_and_ranks_cannot(seeds, problems):
    """Three seeds on each side give a rank-sum test no p below 2 / 20."""
    some = np.arange(1, seeds + 1)
    runs = study({"Adam": 1e-6 * some, "SGD": 1.0 + some}, [f"p{i}" for i in range(problems)])
    (one,) = recommendations(Evidence(runs))
    assert (one.confidence, one.rivals) == ("none", ())
    assert one.reason.startswith("With so few seeds no test could tell any two apart")
    found = findings(runs)
    assert found.loc[found["rule"] == "too few seeds", "verdict"].tolist() == ["fail"]


def test_runs_that_cannot_be_told_apart_give_no_confidence():
    (one,) = recommendations(Evidence(study({"Adam": [1.0, 2.0, 3.0], "SGD": [1.1, 1.9, 3.1]})))
    assert one.confidence == "none"
    assert one.rivals == ("Adam",) if one.optimizer == "SGD" else ("SGD",)


def test_where_it_fails_names_lost_runs_missed_targets_and_who_was_better():
    easy = study({"Adam": [1e-9] * 7, "SGD": [0.1] * 7}, ["easy", "easier", "easiest"])
    hard = study({"Adam": [0.1] * 7, "SGD": [0.01] * 7}, ["hard"])
    hard["loss_final"] *= 1 + hard["seed"] / 100
    hard.loc[0, "status"] = "diverged"
    (one,) = recommendations(Evidence(joined(easy, hard)))
    assert one.optimizer == "Adam"
    (fact,) = one.fails
    assert fact.words.startswith("hard: 1 of 7 runs diverged or failed; worse than SGD + constant by a test")
    assert "met gap 0.01 in 0% of runs; the best pair did in 100%" in fact.words


def test_a_pair_that_ran_in_lanes_costs_what_its_optimizer_did_alone():
    lanes = study({"Adam": [1e-6] * 3, "SGD": [1.0] * 3}, engine="stacked", wall_s=50.0)
    alone = [
        study({name: [2.0] * 3}, schedule="StepLR", engine="single", wall_s=seconds, steps_done=100)
        for name, seconds in (("Adam", 0.3), ("SGD", 0.1))
    ]
    (one,) = recommendations(Evidence(joined(lanes, *alone)))
    assert (one.optimizer, one.schedule) == ("Adam", "constant")
    assert one.cost[0].words == "Adam timed alone: 3 ms a step, up to 3 times the cheapest optimizer"


def test_networks_and_functions_have_a_verdict_each():
    functions = study({"Adam": [1.0, 2.0], "SGD": [2.0, 3.0]})
    networks = study({"Adam": [3.0, 3.0], "SGD": [1.0, 1.0]}, ["net"], loss_floor=np.nan)
    both = Evidence(joined(functions, networks))
    assert [(one.kind, one.optimizer) for one in recommendations(both)] == [
        ("test functions", "Adam"),
        ("networks", "SGD"),
    ]


def test_the_group_of_settings_is_the_largest_in_which_the_same_competitors_met():
    shared = study({"Adam": [1.0], "SGD": [2.0]}, ["a", "b", "c"])
    alone = study({"Lion": [1.0], "Muon": [2.0], "Rprop": [3.0]}, ["d"])
    (group,) = Evidence(joined(shared, alone)).groups
    assert set(group.ranking["competitor"]) == {"Adam + constant", "SGD + constant"}
    assert (group.settings, group.of) == (3, 4)


def test_nothing_is_recommended_where_all_diverged():
    runs = study({"Adam": [np.nan] * 3, "SGD": [np.nan] * 3}, status="diverged")
    assert recommendations(Evidence(runs)) == []


def test_a_later_run_of_the_same_cell_and_seed_takes_the_place_of_the_earlier():
    runs = make_runs({"loss_final": 5.0}, {"loss_final": 1.0})
    evidence = Evidence(runs)
    assert (evidence.repeated, evidence.runs["loss_final"].tolist()) == (1, [1.0])


def test_a_missing_column_is_one_clear_line():
    with pytest.raises(InputError, match="the runs frame lacks status"):
        Evidence(make_runs({}).drop(columns="status"))
