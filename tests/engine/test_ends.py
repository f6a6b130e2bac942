"""A trace of ends: the last state, and the first near the minimum, the same in the plain loop and in lanes."""

import numpy as np
import pytest

import optiscope as osc

ENDS = osc.TraceSpec(every=0, norms=False, ends=True, target=1e-2)


def traced(runs, trace, engine):
    return osc.run(runs, trace=trace, engine=engine).trace.sort_values(["run_id", "step"], ignore_index=True)


@pytest.fixture(scope="module")
def runs():
    """Some arrive, some do not, one diverges, and one starts where it belongs."""
    rates = [1e-4, 0.02, 0.05, 0.4, 2.0]
    starts = [(3.0, 2.0), (0.0, 0.0), (-2.0, 1.0)]
    bowl = osc.Problem(
        "bowl", lambda x: x[..., 0] ** 2 + 10 * x[..., 1] ** 2, (3.0, 2.0), (0.0, 0.0), ((-4.0, 4.0),) * 2
    )
    return osc.grid(bowl, "SGD", lr=rates, start=starts, steps=300)


@pytest.fixture(scope="module")
def whole(runs):
    return traced(runs, "all", "single")


@pytest.mark.parametrize("engine", ["single", "stacked", "grouped", "auto"])
def test_the_rows_are_those_of_the_whole_trace(runs, whole, engine):
    ends = traced(runs, ENDS, engine).groupby("run_id")
    assert set(ends.groups) == {one.run_id for one in runs}
    some = 0
    for run_id, path in whole.groupby("run_id"):
        own = ends.get_group(run_id)
        near = path[path["loss"] <= 1e-2]["step"]
        steps = sorted({*near[:1], path["step"].max()})
        assert own["step"].tolist() == steps
        rows = path.set_index("step").loc[steps]
        for column in ("loss", "x0", "x1", "lr_t"):
            assert np.allclose(own[column], rows[column], rtol=1e-9, atol=0), (run_id, column)
        some += len(steps) - 1
    assert some >= 4


def test_the_last_state_alone_and_of_networks():
    results = osc.run(osc.grid("digits-logistic", "SGD", lr=[0.1, 0.2], steps=4), trace="ends")
    assert results.trace["step"].tolist() == [4, 4]
    assert "x0" not in results.trace
    assert np.allclose(results.trace["loss"], results.runs["loss_final"])


def test_a_store_keeps_them(tmp_path, runs):
    osc.run(runs[:3], store=tmp_path, trace=ENDS)
    assert len(osc.Store(tmp_path).trace()) >= 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ends": True}, "ends are kept where nothing else is"),
        ({"every": 0, "norms": False, "target": 1.0}, "target is a gap >= 0 and needs ends=True"),
        ({"every": 0, "norms": False, "ends": True, "target": -1.0}, "target is a gap >= 0"),
    ],
)
def test_what_cannot_be_kept_is_refused(wrong, message):
    with pytest.raises(osc.InputError, match=message):
        osc.TraceSpec(**wrong)


def test_results_know_their_landscape(runs):
    results = osc.run(runs[:2])
    ground = results.landscape((5, 4), bounds=((-1.0, 1.0), (0.0, 3.0)))
    assert len(ground) == 20
    assert np.allclose(ground["loss"], ground["x"] ** 2 + 10 * ground["y"] ** 2)
    assert results.minima() == [(0.0, 0.0)]
    two = osc.run(osc.grid(["beale", "booth"], "SGD", lr=1e-3, steps=2))
    with pytest.raises(osc.InputError, match="these runs are of 2: beale, booth"):
        two.landscape()
