"""Verdicts on times, ratios and memory: listed cases."""

import numpy as np
import pandas as pd
import pytest

from optiscope import InputError
from optiscope.metrics.slower import ENOUGH, agreement, drift, figure_verdicts, timing_verdicts


def timings(**data) -> pd.DataFrame:
    rows = [{"name": name, "data": list(values), "median_s": float(np.median(values))} for name, values in data.items()]
    return pd.DataFrame(rows)


def around(middle, spread=0.01, rounds=9):
    return middle * (1 + spread * np.linspace(-1, 1, rounds))


def verdict(one, other, **more):
    [row] = timing_verdicts(timings(x=one), timings(x=other), **more).to_dict("records")
    return row


@pytest.mark.parametrize(
    ("factor", "spread", "expected"),
    [(1.0, 0.01, "same"), (1.1, 0.01, "same"), (1.3, 0.01, "slower"), (0.7, 0.01, "faster"), (0.95, 0.01, "same"),
     (1.15, 0.05, "unclear"), (1.2, 0.5, "unclear"), (1.0, 0.6, "unclear")],
)  # fmt: skip
def test_a_verdict_takes_the_spread_into_account(factor, spread, expected):
    row = verdict(around(1.0, spread), around(factor, spread))
    assert row["verdict"] == expected
    assert row["ratio"] == pytest.approx(factor)
    assert row["low"] <= row["ratio"] <= row["high"]


def test_the_threshold_moves_the_verdict():
    assert verdict(around(1.0), around(1.3), threshold=0.5)["verdict"] == "same"
    assert verdict(around(1.0), around(1.3), threshold=0.02)["verdict"] == "slower"
    with pytest.raises(InputError, match="threshold must be > 0"):
        verdict([1.0], [1.0], threshold=0.0)


@pytest.mark.parametrize(("factor", "expected"), [(9.0, "slower"), (1.25, "one reading"), (0.5, "faster")])
def test_one_round_is_held_against_twice_the_threshold(factor, expected):
    row = verdict([1.0], around(factor))
    assert (row["verdict"], row["ratio"]) == (expected, factor)
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])


def test_the_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(80):
        one, other = rng.lognormal(0, 0.1, (2, 15))
        row = verdict(one, other)
        hits += row["low"] <= 1.0 <= row["high"]
    assert hits >= 64  # 90% of 80 is 72, give or take 2.7; a bootstrap of 15 medians is a little short of it


def test_other_machines_are_compared_in_units_of_the_reference():
    slow, fast = around(0.02), around(0.01)
    row = verdict(around(2.0), around(1.0), reference={"cpu": (slow, fast)})
    assert (row["verdict"], row["ratio"]) == ("same", pytest.approx(1.0))
    assert verdict(around(2.0), around(1.0), reference={"cpu": (fast, fast)})["verdict"] == "faster"
    # A reference that wavers makes the verdict waver.
    assert verdict(around(2.0), around(1.0), reference={"cpu": (around(0.02, 0.8), fast)})["verdict"] == "unclear"
    on_gpu = timings(x=around(1.0)).assign(device="cuda:0")
    with pytest.raises(InputError, match="ran on cuda, and the reference step"):
        timing_verdicts(on_gpu, on_gpu, reference={"cpu": (fast, fast)})


def test_only_what_both_hold_is_compared_worst_first():
    table = timing_verdicts(
        timings(a=around(1), b=around(1), c=around(1)), timings(b=around(2), c=around(3), d=around(1))
    )
    assert table["name"].tolist() == ["c", "b"]


def many(**changed) -> pd.DataFrame:
    """Twelve benchmarks of a second each, and what differs of them."""
    return timings(**{f"b{i}": changed.get(f"b{i}", around(1.0)) for i in range(12)})


def test_one_of_many_that_is_slower_is_told_from_runs_that_scatter():
    table = timing_verdicts(many(), many(b3=around(1.4))).set_index("name")
    assert table["scatter"].max() < 0.01
    assert table["verdict"].to_dict() == {f"b{i}": "slower" if i == 3 else "same" for i in range(12)}
    # The same one among others that went up and down by a fifth on their own.
    up_and_down = {f"b{i}": around(1.2 if i % 2 else 1 / 1.2) for i in range(12)}
    table = timing_verdicts(many(), many(**up_and_down | {"b3": around(1.4)})).set_index("name")
    assert table["scatter"].iloc[0] == pytest.approx(1.4826 * np.log(1.2), rel=0.1)
    assert set(table["verdict"]) == {"unclear"}
    # All of them alike: no scatter, and no benchmark that did not change.
    assert set(timing_verdicts(many(), many().assign(data=12 * [list(around(1.4))], median_s=1.4))["verdict"]) == {
        "slower"
    }


def test_of_few_benchmarks_the_reference_tells_how_much_runs_scatter():
    assert len(timings(x=around(1.0))) < ENOUGH
    steady, wild = around(0.01), around(0.01, 0.5)
    for readings, expected in ((steady, "slower"), (wild, "unclear")):
        row = verdict(around(1.0), around(1.3), reference={"cpu": (readings, readings)}, divide=())
        assert (row["verdict"], row["ratio"]) == (expected, pytest.approx(1.3))


def test_drift_is_shown_where_its_interval_leaves_out_1():
    assert drift(around(0.01), around(0.0101, 0.1)).shown is False
    found = drift(around(0.01), around(0.02))
    assert found.shown
    assert found.low < 1.9999 < 2.0001 < found.high
    assert found.ratio == pytest.approx(2.0)
    # Only where it is asked to, a device's reference divides.
    assert verdict(around(1.0), around(2.0), reference={"cpu": (around(1.0), around(2.0))})["verdict"] == "same"
    assert verdict(around(1.0), around(2.0), reference={"cpu": ([1.0], [2.0])}, divide={"cuda"})["verdict"] == "slower"


def test_agreement_leaves_out_single_readings():
    table = timing_verdicts(
        timings(a=around(1), b=around(1), c=[1.0]), timings(a=around(1.05), b=around(0.88), c=[1.0])
    )
    assert agreement(table) == (1, 2)
    assert agreement(table, within=0.2) == (2, 2)


@pytest.mark.parametrize(
    ("kind", "more", "a", "b", "data", "expected", "worse_by"),
    [("ratio", True, 20.0, 10.0, (), "worse", 2.0), ("ratio", True, 10.0, 20.0, (), "better", 0.5),
     ("ratio", True, 20.0, 16.0, (), "same", 1.25), ("ratio", True, 20.0, 16.0, (0.99, 1.01), "worse", 1.25),
     ("ratio", True, 20.0, 16.0, (0.7, 1.3), "unclear", 1.25), ("ratio", False, 1.1, 1.5, (), "worse", 1.5 / 1.1),
     ("memory", False, 8.0, 10.0, (), "worse", 1.25), ("memory", False, 8.0, 4.0, (), "better", 0.5),
     ("memory", False, 0.0, 4.0, (), "worse", np.inf), ("memory", False, 0.0, 0.0, (), "same", 1.0),
     ("memory", False, 0.05, 0.1, (), "same", 2.0), ("count", False, 10.0, 11.0, (), "same", 1.1)],
)  # fmt: skip
def test_a_figure_is_judged_by_what_is_better(kind, more, a, b, data, expected, worse_by):
    rows = [
        [{"name": "x", "figure": "it", "kind": kind, "more_is_better": more, "slack": 0.1 if kind == "memory" else 0.0,
          "value": value, "data": [value * one for one in data]}]
        for value in (a, b)
    ]  # fmt: skip
    [row] = figure_verdicts(*rows).to_dict("records")
    assert (row["verdict"], row["worse_by"]) == (expected, pytest.approx(worse_by))
    assert figure_verdicts(rows[0], []).empty
    with pytest.raises(InputError, match="threshold must be > 0"):
        figure_verdicts(*rows, threshold=0)
