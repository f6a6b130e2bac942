"""The rank-sum test against SciPy's, and which test is taken."""

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower
from study_frames import make_costs

from optiscope.metrics import rank_sum_p, smallest_detectable, tied_ranks
from optiscope.metrics.rank_sum import choose_test, least_seeds

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (3, 5), (10, 10), (25, 20)])
def test_without_ties_it_is_scipy_s_exact_one(ours, theirs):
    draw = np.random.default_rng(ours)
    one, two = draw.normal(size=ours), draw.normal(0.7, 1, theirs)
    expected = stats.mannwhitneyu(one, two, method="exact").pvalue
    assert rank_sum_p(one, two) == pytest.approx(expected, rel=1e-9)


def test_beyond_twenty_five_runs_it_is_scipy_s_normal_one():
    draw = np.random.default_rng(3)
    one, two = draw.integers(0, 6, 40).astype(float), draw.integers(1, 7, 30).astype(float)
    expected = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=False).pvalue
    assert rank_sum_p(one, two) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("one", "two"),
    [([1.0, 1.0, 2.0], [2.0, 3.0, 3.0, 3.0]), ([INF, INF, 1.0], [1.0, 0.5, 0.5]), ([5.0, INF], [INF, INF, INF])],
)
def test_ties_and_infinities_are_counted_deal_by_deal(one, two):
    ranks = stats.rankdata(one + two)
    middle = len(one) * (len(ranks) + 1) / 2
    seen = abs(ranks[: len(one)].sum() - middle)
    deals = [sum(deal) for deal in itertools.combinations(ranks, len(one))]
    expected = np.mean([abs(deal - middle) >= seen - 1e-9 for deal in deals])
    assert rank_sum_p(one, two) == pytest.approx(expected)


def test_without_runs_or_differences_nothing_is_shown():
    assert rank_sum_p([], [1.0]) == rank_sum_p([NAN], [1.0]) == rank_sum_p([2.0] * 5, [2.0] * 5) == 1.0
    assert rank_sum_p([2.0] * 30, [2.0] * 30) == 1.0


# Worked by hand: 2 / 2^10 x 25 = 0.0488 and x 26 = 0.0508; 2 / C(6, 3) = 0.1; 2 / C(8, 4) x 1 = 0.029 and x 2 = 0.057.
@pytest.mark.parametrize(
    ("seeds", "competitors", "test"),
    [(10, 26, "signed-rank"), (10, 27, "rank-sum"), (10, 117, "rank-sum"), (3, 2, "none"), (4, 2, "rank-sum"),
     (4, 3, "none"), (6, 2, "signed-rank"), (1, 1, "none"), (0, 2, "none")],
)  # fmt: skip
def test_the_test_follows_from_the_counts(seeds, competitors, test):
    assert choose_test(seeds, competitors) == test


def test_the_least_seeds_are_the_first_that_can_show_anything():
    assert [least_seeds(count) for count in (2, 3, 117)] == [4, 5, 8]


@pytest.mark.parametrize(("seeds", "alpha"), [(10, 0.05), (20, 0.001)])
def test_the_smallest_difference_of_two_samples_is_that_of_statsmodels(seeds, alpha):
    expected = TTestIndPower().solve_power(nobs1=seeds, alpha=alpha, power=0.8)
    assert smallest_detectable(2.0, seeds, alpha, paired=False) == pytest.approx(2.0 * expected, rel=1e-6)


def field(count, spread):
    """Ten seeds of one who is a hundred times better than all the others."""
    draw = np.random.default_rng(0)
    costs = {f"c{i:03d}": list(10.0 ** (draw.normal(0, spread, 10) + 2 * (i > 0))) for i in range(count)}
    return tied_ranks(make_costs(costs))


def test_a_field_too_large_for_pairs_still_has_a_winner():
    table = field(120, 0.2)
    assert table["test"].unique().tolist() == ["rank-sum"]
    assert table.loc[table["rank"] == 1, "competitor"].tolist() == ["c000"]
    assert field(12, 0.2)["test"].unique().tolist() == ["signed-rank"]


def test_a_large_field_of_equals_is_rarely_split():
    draw = np.random.default_rng(1)
    split = 0
    for _ in range(20):
        table = tied_ranks(make_costs({f"c{i:02d}": list(draw.lognormal(size=10)) for i in range(40)}))
        split += table["rank"].nunique() > 1
    assert split <= 4  # the head is picked as the best: that costs a little


def test_of_equal_medians_the_head_is_who_lost_fewer_runs():
    costs = {"A": [1.0] * 6 + [INF] * 4, "B": [1.0] * 10}
    assert tied_ranks(make_costs(costs))["head"].iloc[0] == "B"
