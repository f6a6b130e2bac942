import numpy as np
import pandas as pd
import pytest
from study_frames import make_costs, make_runs, make_trace

from optiscope.errors import InputError
from optiscope.metrics import performance_profile, steps_to_target, target_ecdf

INF = float("inf")
BY_SEED = {"value": "cost", "instance": ("problem", "seed")}


def at(curve, name, x, axis):
    own = curve[(curve["competitor"] == name) & (curve[axis] <= x * (1 + 1e-9))]
    return own["share"].iloc[-1]


def hits_of(**evaluations):
    """A frame of hits, one target a seed; None is a miss that cost 1000."""
    rows = [
        {"competitor": name, "problem": "bowl", "seed": seed, "hit": cost is not None, "evaluations": cost or 1000}
        for name, costs in evaluations.items()
        for seed, cost in enumerate(costs)
    ]
    return pd.DataFrame(rows)


def test_a_profile_worked_by_hand():
    # Ratios of A: 1, 2, miss, nobody solved it; of B: 10, 1, 1, nobody.
    hits = hits_of(A=[10, 20, None, None], B=[100, 10, 10, None])
    curve = performance_profile(hits, instance=("problem", "seed"))
    assert [at(curve, "A", tau, "tau") for tau in (1, 2.1, 10)] == [0.25, 0.5, 0.5]
    assert [at(curve, "B", tau, "tau") for tau in (1, 9.5, 10)] == [0.5, 0.5, 0.75]
    assert curve["tau"].iloc[[0, -1]].tolist() == [1.0, 10.0]
    area = curve.groupby("competitor")["area"].first()
    assert area["A"] == pytest.approx((1 + 1 - np.log10(2)) / 4)
    assert area["B"] == pytest.approx((2 + 0) / 4)


def test_a_profile_of_gaps():
    frame = make_costs({"A": [1.0, INF], "B": [4.0, INF]})
    curve = performance_profile(frame, **BY_SEED, least=1e-8, points=2)
    assert curve[["competitor", "tau", "share"]].values.tolist() == [
        ["A", 1.0, 0.5], ["A", 4.0, 0.5], ["B", 1.0, 0.0], ["B", 4.0, 0.5],
    ]  # fmt: skip


def test_a_profile_depends_on_who_competes_and_an_ecdf_does_not():
    all_three = hits_of(A=[10, 40], B=[20, 20], C=[1, 40])
    two = all_three[all_three["competitor"] != "C"]
    instance = ("problem", "seed")
    shares = [
        [at(f(hits, instance=instance), "A", x, axis) for hits in (two, all_three)]
        for f, x, axis in ((performance_profile, 1.0, "tau"), (target_ecdf, 10.0, "evaluations"))
    ]
    assert shares == [[0.5, 0.0], [0.5, 0.5]]


def test_long_curves_are_thinned_to_so_many_points():
    hits = hits_of(A=list(range(1, 500)), B=[7])
    curve = target_ecdf(hits, instance=("problem", "seed"), points=50)
    own = curve[curve["competitor"] == "A"]
    assert len(own) == 50
    assert own["share"].iloc[-1] == 1.0
    assert np.ptp(np.diff(np.log(own["evaluations"]))) == pytest.approx(0.0, abs=1e-9)


def test_an_ecdf_worked_by_hand():
    hits = hits_of(A=[1, 10, 100, None], B=[100, 100, 100, 100])
    curve = target_ecdf(hits, instance=("problem", "seed"))
    assert [at(curve, "A", x, "evaluations") for x in (1, 9, 10, 100)] == [0.25, 0.25, 0.5, 0.75]
    area = curve.groupby("competitor")["area"].first()
    # Two decades wide: the hits leave 2, 1 and 0 of them.
    assert area.tolist() == pytest.approx([(2 + 1 + 0) / 2 / 4, 0.0])


def test_the_area_is_that_under_the_curve():
    generator = np.random.default_rng(0)
    hits = hits_of(A=generator.integers(1, 900, 50).tolist(), B=[None if n < 200 else n for n in range(100, 1000, 18)])
    for curve, axis in (
        (performance_profile(hits, instance=("problem", "seed"), points=20_000), "tau"),
        (target_ecdf(hits, instance=("problem", "seed"), points=20_000), "evaluations"),
    ):
        for _, own in curve.groupby("competitor"):
            x = np.log(own[axis].to_numpy())
            under = (own["share"].to_numpy()[:-1] * np.diff(x)).sum() / (x[-1] - x[0])
            assert own["area"].iloc[0] == pytest.approx(under)
            assert own["share"].is_monotonic_increasing


def test_curves_of_real_hits_end_at_the_success_rate():
    runs = make_runs(
        *[
            {"seed": seed, "optimizer": name, "loss_final": loss}
            for name, loss in (("SGD", 5.0), ("Adam", 1e-3))
            for seed in range(3)
        ]
    )
    hits = steps_to_target(runs, make_trace(run0=[10.0, 0.5, 5.0]))
    ends = target_ecdf(hits).groupby("competitor")["share"].last()
    assert ends.to_dict() == pytest.approx({"Adam + constant": 2 / 5, "SGD + constant": 1 / 15})


def test_a_clock_shared_in_lanes_tells_no_seconds():
    runs = make_runs({"loss_final": 0.5}, {"seed": 1, "loss_final": 0.5, "engine": "stacked"})
    with pytest.raises(InputError, match="seconds is unknown"):
        target_ecdf(steps_to_target(runs), value="seconds")
    alone = target_ecdf(steps_to_target(runs.iloc[:1]), value="seconds", points=2)
    assert alone["share"].unique().tolist() == [0.2]


@pytest.mark.parametrize(
    ("change", "words"),
    [({"least": 0.0}, "least"), ({"points": 1}, "points"), ({"value": "speed"}, "speed")],
)
def test_what_makes_no_curve_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        performance_profile(hits_of(A=[1, 2]), instance=("problem", "seed"), **change)


def test_negative_costs_and_double_rows_are_refused():
    with pytest.raises(InputError, match="-1"):
        performance_profile(make_costs({"A": [-1.0]}), **BY_SEED)
    with pytest.raises(InputError, match="several rows"):
        performance_profile(pd.concat([make_costs({"A": [1.0]})] * 2), **BY_SEED)


def test_no_rows_no_curves_and_nobody_hits_nothing():
    assert target_ecdf(hits_of(A=[1]).iloc[:0], instance=("problem", "seed")).empty
    nobody = target_ecdf(hits_of(A=[None, None]), instance=("problem", "seed"), points=2)
    assert nobody[["share", "area"]].values.tolist() == [[0.0, 0.0]]
