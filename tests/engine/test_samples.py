"""Traces for a sample of the runs: evenly spread, the same again, and nobody's result is touched."""

import pytest

import optiscope as osc


@pytest.mark.parametrize("engine", ["auto", "single"])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_sample_is_traced_and_all_are_run(engine, jobs, same_processes):
    runs = osc.grid("beale", "Adam", lr=[1e-3, 1e-2], seed=range(10), start="random", steps=20)
    sample = osc.TraceSpec(which="sample", count=4)
    found, whole = osc.run(runs, engine=engine, jobs=jobs, trace=sample), osc.run(runs, engine=engine)
    assert found.runs["loss_final"].tolist() == whole.runs["loss_final"].tolist()
    traced = found.trace["run_id"].unique()
    # One of each quarter of the sweep, with every row that it has in the whole.
    assert sorted(found.run_ids.index(run_id) // 5 for run_id in traced) == [0, 1, 2, 3]
    keys = ["run_id", "step", "loss", "x0", "x1"]
    chosen = whole.trace[whole.trace["run_id"].isin(traced)]
    one, other = (frame[keys].sort_values(["run_id", "step"], ignore_index=True) for frame in (found.trace, chosen))
    assert one.equals(other)


def test_the_same_sample_is_chosen_after_an_interruption(tmp_path):
    runs = osc.grid("beale", "Adam", lr=1e-3, seed=range(30), start="random", steps=5)
    straight = osc.run(runs, trace="sample").trace["run_id"].unique()
    seen = []

    def stop(unit):
        seen.append(unit)
        if len(seen) == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        osc.run(runs, store=tmp_path, trace="sample", engine="single", progress=stop)
    resumed = osc.run(runs, store=tmp_path, trace="sample", engine="single")
    assert len(resumed.runs) == 30
    assert set(resumed.trace["run_id"]) == set(straight)
    assert len(straight) == 10


def test_fewer_runs_than_the_sample_are_all_traced():
    runs = osc.grid("beale", "Adam", lr=1e-3, seed=range(3), start="random", steps=5)
    assert osc.run(runs, trace="sample").trace["run_id"].nunique() == 3


@pytest.mark.parametrize(
    ("options", "told"),
    [({"which": "some"}, "which must be one of all, best, sample, got 'some'"), ({"count": 0}, "count >= 1, got 0")],
)
def test_what_is_no_choice_is_refused(options, told):
    with pytest.raises(osc.InputError, match=told):
        osc.TraceSpec(**options)
