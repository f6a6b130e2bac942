import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_frames import make_costs

from optiscope.errors import InputError
from optiscope.metrics import interquartile_mean

INF = float("inf")


def test_the_middle_half_worked_by_hand():
    # Of 9 runs, 2 are left out at either end.
    row = interquartile_mean(make_costs({"A": [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]})).iloc[0]
    assert (row["iqm"], row["runs"], row["failed"]) == (5.0, 9, 0)
    assert row["low"] <= 5.0 <= row["high"]


@pytest.mark.parametrize("count", [1, 3, 4, 7, 40])
def test_it_is_scipy_s_trimmed_mean(count):
    values = np.random.default_rng(count).exponential(size=count)
    row = interquartile_mean(make_costs({"A": values}), resamples=0).iloc[0]
    assert row["iqm"] == pytest.approx(stats.trim_mean(values, 0.25), rel=1e-12)
    assert np.isnan(row["low"])


def test_failures_are_cut_off_while_they_are_a_quarter_and_infinite_beyond():
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, INF, INF]
    assert interquartile_mean(make_costs({"A": values}))["iqm"].item() == 4.5
    assert interquartile_mean(make_costs({"A": [*values[:-3], INF, INF, INF]}))["iqm"].item() == INF
    assert interquartile_mean(make_costs({"A": [INF] * 4}))[["iqm", "low", "high"]].values.tolist() == [[INF] * 3]


def test_what_is_cut_off_leaves_no_trace_even_where_it_is_huge():
    values = [1e300, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert interquartile_mean(make_costs({"A": values}))["iqm"].item() == 4.5


def test_the_interval_is_that_of_a_plain_stratified_bootstrap():
    generator = np.random.default_rng(4)
    strata = [generator.normal(0.0, 1.0, 12), generator.normal(5.0, 2.0, 20)]
    frame = pd.concat([make_costs({"A": values}, problem=f"p{i}") for i, values in enumerate(strata)])
    row = interquartile_mean(frame, resamples=4000).iloc[0]
    pools = [generator.choice(values, (4000, len(values))) for values in strata]
    means = stats.trim_mean(np.concatenate(pools, axis=1), 0.25, axis=1)
    assert [row["low"], row["high"]] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.12)


def test_every_resample_has_as_many_runs_of_each_setting():
    # Constant within each setting: nothing can vary.
    frame = pd.concat([make_costs({"A": [float(i)] * 4}, problem=f"p{i}") for i in range(4)])
    assert interquartile_mean(frame)[["iqm", "low", "high"]].values.tolist() == [[1.5] * 3]


def test_the_same_seed_gives_the_same_interval_and_groups_do_not_touch():
    frame = make_costs({"A": [1.0, 2.0, 4.0, 8.0], "B": [3.0, 1.0, 2.0, 9.0]})
    both = interquartile_mean(frame)
    pd.testing.assert_frame_equal(interquartile_mean(frame), both)
    alone = interquartile_mean(frame[frame["competitor"] == "B"])
    assert both.iloc[1].tolist() == alone.iloc[0].tolist()
    assert interquartile_mean(frame.iloc[:0]).empty


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"resamples": -1}, {"value": "speed"}])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))[:4] if "value" not in wrong else "speed"):
        interquartile_mean(make_costs({"A": [1.0]}), **wrong)
