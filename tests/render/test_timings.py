"""Pictures of timings: what their artists say is what the frames hold."""

import numpy as np
import pandas as pd
import pytest
from saved_run import save

from optiscope import InputError
from optiscope.render.scaling import iteration_shares, lane_scaling, step_scaling
from optiscope.render.timings import pareto, roofline, step_times, time_and_state
from optiscope.timings import load_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return load_run(save(tmp_path_factory.mktemp("saved")))


def by_gid(figure) -> dict:
    return {line.get_gid(): line for ax in figure.axes for line in ax.lines if line.get_gid()}


def test_step_times_have_a_mark_for_each_implementation(run):
    figure = step_times(run.frame("step"))
    lines = by_gid(figure)
    assert lines["AdamW:fused"].get_xdata()[0] == pytest.approx(3.0)
    assert lines["AdamW:for-loop"].get_xdata()[0] == pytest.approx(12.0)
    assert lines["AdamW:fused"].get_marker() != lines["AdamW:for-loop"].get_marker()
    [ax] = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Adagrad", "AdamW", "SGD"]  # the fastest on top
    assert ax.get_xscale() == "log"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["for-loop", "foreach", "fused"]


def test_the_roofline_is_that_of_the_probes(run):
    probes = pd.DataFrame(run.harness["bandwidth"]["cpu"]["probes"]).rename(columns={"median": "gb_per_s"})
    probes["working_set_bytes"] = 2 * probes["bytes"]
    slowed = probes.assign(gb_per_s=probes["gb_per_s"] / 3, working_set_bytes=1.1 * probes["working_set_bytes"])
    probes = pd.concat([probes, slowed], ignore_index=True)
    lines = by_gid(roofline(run.frame("step"), probes))
    assert lines["copy"].get_xydata().tolist() == [[2e6, 40.0], [1e9, 10.0]]
    assert lines["update"].get_ydata().tolist() == [50.0, 12.0]
    assert lines["steps:fused"].get_xydata().tolist() == [[16e6, pytest.approx(28e6 / 0.003 / 1e9)]]


def test_the_front_joins_what_none_dominates(run):
    figure = time_and_state(run.frame("step"))
    front = by_gid(figure)["front"].get_xydata()
    assert front.tolist() == [[0.0, pytest.approx(2.0)]]  # SGD is the fastest, and keeps nothing
    assert pareto([0, 4, 8], [3, 2, 1]).all()
    assert pareto([1, 1], [2, 2]).all()
    names = {text.get_text() for text in figure.axes[0].texts}
    assert names == {"SGD", "AdamW", "Adagrad"}


def test_scaling_has_a_line_for_each_implementation_and_the_time_of_its_bytes(run):
    lines = by_gid(step_scaling(run.frame("scaling"), copy_gb_per_s=10.0))
    assert lines["AdamW:foreach"].get_xdata().tolist() == [1e3, 1e5, 1e7]
    assert lines["floor"].get_ydata()[-1] == pytest.approx(28 * 1e7 / 10e9 * 1e3)


def test_shares_of_an_iteration_add_up(run):
    figure = iteration_shares(run.frame("training"))
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert sum(widths) == pytest.approx(1.0)
    assert [text.get_text() for text in figure.axes[0].texts] == ["20%"]


def test_lanes_stand_beside_the_plain_loop(run):
    figure = lane_scaling(run.frame("lanes"))
    lines = by_gid(figure)
    assert lines["lanes"].get_ydata().tolist() == [400.0, 4.0, 0.04]
    assert set(np.asarray(lines["plain"].get_ydata()).tolist()) == {200.0}
    assert [text.get_text() for text in figure.axes[0].texts] == ["×0.5", "×50", "×5,000"]


@pytest.mark.parametrize("draw", [step_times, time_and_state, step_scaling, iteration_shares, lane_scaling])
def test_a_frame_without_its_columns_is_told(draw):
    with pytest.raises(InputError, match="lacks the columns"):
        draw(pd.DataFrame({"x": [1]}))
