import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from study_frames import make_costs

from optiscope.errors import InputError
from optiscope.metrics import holm, paired_tests, signed_rank_p, smallest_detectable
from optiscope.metrics.significance import spread_of, spreads_of

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("count", [1, 2, 5, 9, 20, 50])
def test_the_signed_rank_test_is_scipy_s_exact_one(count):
    differences = np.random.default_rng(count).normal(0.4, 1.0, count)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)


def test_beyond_fifty_pairs_it_is_scipy_s_normal_one():
    differences = np.random.default_rng(0).integers(-4, 6, 90).astype(float)
    expected = stats.wilcoxon(differences, method="asymptotic", correction=False).pvalue
    assert signed_rank_p(differences) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "differences", [[1.0, 1.0, -1.0, 2.0], [3.0, 3.0, 3.0, 3.0, 3.0], [INF, INF, -1.0, 0.5, 0.5, 0.0], [-INF, 1.0, 2.0]]
)
def test_ties_and_infinities_are_counted_sign_by_sign(differences):
    given = np.array([one for one in differences if one])
    ranks = stats.rankdata(np.abs(given))
    seen = abs(ranks[given > 0].sum() - ranks.sum() / 2)
    signs = np.array(list(itertools.product([0, 1], repeat=len(given))))
    expected = (np.abs(signs @ ranks - ranks.sum() / 2) >= seen - 1e-9).mean()
    assert signed_rank_p(differences) == pytest.approx(expected)


def test_without_a_difference_nothing_is_shown():
    assert signed_rank_p([]) == signed_rank_p([0.0, 0.0]) == 1.0


@pytest.mark.parametrize("count", [1, 2, 6, 30])
def test_holm_is_that_of_statsmodels(count):
    p = np.random.default_rng(count).uniform(size=count) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_worked_by_hand_and_what_is_unknown_does_not_count():
    assert holm([0.04, NAN, 0.01]).tolist() == pytest.approx([0.04, NAN, 0.02], nan_ok=True)
    assert holm([]).tolist() == []
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("seeds", "alpha", "power"), [(7, 0.05, 0.8), (10, 0.05, 0.9), (30, 0.001, 0.8)])
def test_the_smallest_difference_is_that_of_statsmodels(seeds, alpha, power):
    expected = TTestPower().solve_power(nobs=seeds, alpha=alpha, power=power)
    assert smallest_detectable(2.0, seeds, alpha, power) == pytest.approx(2.0 * expected, rel=1e-6)


def test_few_seeds_show_nothing_whatever_the_difference():
    # At 5 pairs the least p is 2 / 32 = 0.0625.
    assert smallest_detectable(1.0, 5) == INF
    assert smallest_detectable(1.0, 6) < 2
    assert smallest_detectable(1.0, 6, alpha=0.01) == INF
    assert smallest_detectable(INF, 20) == smallest_detectable(NAN, 20) == INF
    with pytest.raises(InputError, match="alpha"):
        smallest_detectable(1.0, 10, alpha=0.0)


def test_tests_worked_by_hand():
    good = [10.0**-k for k in range(1, 9)]
    frame = make_costs({"A": good, "B": [10 * one for one in good], "C": [*good[:-1], 10 * good[-1]]})
    table = paired_tests(frame, "A").set_index("competitor")
    assert table.loc["B", ["pairs", "wins", "losses", "unit", "verdict"]].tolist() == [8, 0, 8, "decades", "worse"]
    assert table.loc["B", "difference"] == pytest.approx(1.0)
    assert table.loc["B", ["p", "p_holm"]].tolist() == pytest.approx([2 / 256, 4 / 256])
    assert table.loc["C", ["wins", "losses", "difference", "p", "verdict"]].tolist() == [
        0, 1, 0.0, 1.0, "indistinguishable at 8 seeds",
    ]  # fmt: skip


def test_the_least_median_of_each_setting_is_the_one_to_beat():
    one = make_costs({"A": [1.0, 2.0], "B": [3.0, 4.0]})
    two = make_costs({"A": [3.0, 4.0], "B": [1.0, 2.0]}, problem="other")
    table = paired_tests(pd.concat([one, two]))
    assert table[["problem", "competitor", "against"]].values.tolist() == [["bowl", "B", "A"], ["other", "A", "B"]]
    assert (table["detectable"] == INF).all()


def test_failures_lose_and_two_failures_are_equal():
    frame = make_costs({"A": [1.0, INF, 2.0, 3.0], "B": [INF, INF, INF, 3.0]})
    row = paired_tests(frame, "A").iloc[0]
    assert row[["pairs", "wins", "losses", "difference"]].tolist() == [4, 0, 2, INF]
    assert row["p"] == 0.5


def test_copies_of_a_seed_are_no_evidence():
    frame = make_costs({"A": [1.0] * 30, "B": [2.0] * 30})
    row = paired_tests(frame).iloc[0]
    assert row[["pairs", "p", "verdict"]].tolist() == [1, 1.0, "indistinguishable at 1 seed"]


def test_a_loss_without_a_logarithm_is_compared_as_it_is_and_only_there():
    below = make_costs({"A": [-1.0, 2.0], "B": [0.5, 4.0]}, judged_by="loss", problem="below zero")
    table = paired_tests(pd.concat([below, make_costs({"A": [1.0, 2.0], "B": [10.0, 20.0]})]), "A")
    assert table[["problem", "unit"]].values.tolist() == [["below zero", "cost"], ["bowl", "decades"]]
    assert table["difference"].tolist() == pytest.approx([1.75, 1.0])


def test_seeds_that_one_of_the_two_lacks_are_no_pairs():
    row = paired_tests(make_costs({"A": [1.0, 2.0, None], "B": [None, 3.0, 4.0]}), "A").iloc[0]
    assert row[["pairs", "wins", "losses"]].tolist() == [1, 0, 1]


def test_a_false_alarm_is_as_rare_as_promised():
    costs = np.random.default_rng(5).lognormal(size=(100, 4, 8))
    frame = pd.concat([make_costs(dict(zip("ABCD", own, strict=True)), problem=f"p{i}") for i, own in enumerate(costs)])
    table = paired_tests(frame, "A")
    alarms = (table["p_holm"] < 0.05).groupby(table["problem"]).any()
    assert len(alarms) == 100
    assert alarms.sum() <= 12  # 5 expected at most


def test_spreads_of_many_rows_are_those_of_each():
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, 11))
    rows[rng.random(rows.shape) < 0.15] = np.inf
    rows[rng.random(rows.shape) < 0.15] = -np.inf
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[0], rows[1, 1:] = np.nan, np.nan
    np.testing.assert_allclose(spreads_of(rows), [spread_of(row) for row in rows], rtol=1e-12)
