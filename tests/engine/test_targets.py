"""A target ends a run at the first step that meets it, in every tier at the same one, and touches no other."""

import numpy as np
import pytest

import optiscope as osc
from optiscope.study import Study

KEYS = ["status", "steps_done", "loss_start", "loss_final", "loss_best", "step_best", "grad_evals", "events"]
ENGINES = ("stacked", "grouped", "auto")


def sweep(problem="rosenbrock", schedule="constant", steps=150, **options):
    rates = [1e-3, 1e-2, 1e-1, 1.0]
    return osc.grid(problem, "Adam", schedule, lr=rates, seed=range(3), start="random", steps=steps, **options)


@pytest.mark.parametrize("trace", ["all", "ends", 7, "none"])
@pytest.mark.parametrize("schedule", ["constant", "ReduceLROnPlateau(patience=2)", "StepLR(step_size=140)"])
def test_the_tiers_agree(trace, schedule):
    runs = sweep(schedule=schedule)
    plain = osc.run(runs, engine="single", trace=trace, target=5.0)
    assert {"target_hit", "max_steps"} == set(plain.runs["status"])
    columns = [name for name in ("run_id", "step", "loss", "lr_t", "x0", "x1") if name in plain.trace]
    one = plain.trace.sort_values(["run_id", "step"], ignore_index=True)
    for engine in ENGINES:
        lanes = osc.run(runs, engine=engine, trace=trace, target=5.0)
        assert plain.runs[KEYS].equals(lanes.runs[KEYS]), engine
        other = lanes.trace.sort_values(["run_id", "step"], ignore_index=True)
        assert one[columns].equals(other[columns]), engine
        if trace not in ("ends", "none"):
            assert np.array_equal(one["grad_norm"].isna(), other["grad_norm"].isna()), engine


@pytest.mark.parametrize("engine", ["single", *ENGINES])
def test_a_run_is_what_it_was_up_to_its_first_step_within_the_target(engine):
    whole = osc.run(sweep(), engine=engine)
    found = osc.run(sweep(), engine=engine, target=5.0)
    floor = 0.0  # Rosenbrock's least value
    for run_id, own, end in zip(found.run_ids, found.runs.itertuples(), whole.run_ids, strict=True):
        losses = whole.trace[whole.trace["run_id"] == end]["loss"].to_numpy()
        within = np.flatnonzero(losses - floor <= 5.0)
        last = within[0] if len(within) else 150
        assert own.steps_done == last
        assert own.status == ("target_hit" if len(within) else "max_steps")
        assert found.trace[found.trace["run_id"] == run_id]["loss"].tolist() == losses[: last + 1].tolist()


def test_a_target_is_a_gap_where_the_least_loss_is_known_and_a_loss_where_not():
    raised = osc.Problem("raised", lambda x: (x**2).sum(-1) + 7, (3.0, 2.0), (0.0, 0.0), ((-4.0, 4.0),) * 2)
    unknown = osc.Problem("unknown", lambda x: (x**2).sum(-1) + 7, (3.0, 2.0), bounds=((-4.0, 4.0),) * 2)
    for problem, target in ((raised, 0.5), (unknown, 7.5)):
        [row] = osc.run(osc.grid(problem, "SGD", lr=0.1, steps=50), target=target).runs.itertuples()
        # (3, 2) shrinks by 0.8 a step: 13 * 0.64**k <= 0.5 first at k = 8.
        assert (row.status, row.steps_done, row.target) == ("target_hit", 8, target)


def test_a_start_within_the_target_takes_no_step_and_a_divergence_is_still_one():
    runs = osc.grid("sphere", "SGD", lr=[0.1, 5.0], start=(1.0, 1.0), steps=2000)
    for engine in ("single", "stacked"):
        frame = osc.run(runs, engine=engine, target=10.0).runs
        assert frame["status"].tolist() == ["target_hit"] * 2
        assert frame["steps_done"].tolist() == [0, 0]
        assert osc.run(runs, engine=engine, target=1e-9).runs["status"].tolist() == ["target_hit", "diverged"]


def test_a_network_ends_at_its_loss():
    runs = osc.grid("digits-mlp", "Adam", lr=[0.03, 0.01, 0.001, 1e-5], start="random", steps=30)
    plain, lanes = (osc.run(runs, engine=engine, target=1.5, trace="loss") for engine in ("single", "grouped"))
    assert plain.runs["status"].tolist() == lanes.runs["status"].tolist()
    assert set(plain.runs["status"]) == {"target_hit", "max_steps"}
    assert plain.runs["steps_done"].tolist() == lanes.runs["steps_done"].tolist()


def test_with_and_without_a_target_are_two_runs_in_a_store(tmp_path):
    runs = osc.grid("sphere", "SGD", lr=0.1, steps=50)
    ended, whole = (osc.run(runs, store=tmp_path, target=target) for target in (1e-3, None))
    assert whole.run_ids == [one.run_id for one in runs]
    assert ended.run_ids != whole.run_ids
    assert whole.runs["steps_done"].tolist() == [50]
    assert len(osc.Store(tmp_path).runs(status="target_hit")) == 1
    assert osc.run(runs, store=tmp_path, target=1e-3).runs["steps_done"].tolist() == ended.runs["steps_done"].tolist()


def test_targets_travel_to_other_processes(same_processes):
    runs = sweep(steps=60)
    one, two = (osc.run(runs, trace="none", target=5.0, jobs=jobs).runs for jobs in (1, 2))
    assert one[KEYS].equals(two[KEYS])


def test_a_study_has_the_key(tmp_path):
    text = 'name = "t"\nproblems = ["sphere"]\noptimizers = ["SGD"]\nlr = 0.1\nseeds = 1\nsteps = 50\ntarget = '
    result = Study.parse(text + "1e-3").run(tmp_path)
    assert osc.Store(tmp_path).runs(result.run_ids)["status"].tolist() == ["target_hit"]
    with pytest.raises(osc.StudyError, match='target: expected a finite number, got "?.low'):
        Study.parse(text + '"low"')
    with pytest.raises(osc.InputError, match="target must be a finite number, got nan"):
        osc.run(osc.grid("sphere", "SGD", lr=0.1), target=float("nan"))
