import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_frames import make_costs

from optiscope.metrics import average_ranks, critical_difference, tied_ranks
from optiscope.metrics.blocks import average_rank

INF = float("inf")


def over_problems(table):
    """Costs of one run a problem out of `{competitor: [cost on problem 0, …]}`."""
    count = len(next(iter(table.values())))
    parts = [make_costs({name: [row[i]] for name, row in table.items()}, problem=f"p{i}") for i in range(count)]
    return pd.concat(parts, ignore_index=True)


def test_ranks_are_scipy_s():
    values = np.random.default_rng(0).integers(0, 5, (30, 8)).astype(float)
    values[values == 4] = INF
    assert np.array_equal(average_rank(values), stats.rankdata(values, axis=1))


def test_who_cannot_be_told_apart_shares_a_place():
    good = np.arange(1.0, 9.0)
    frame = make_costs({"B": good + 0.1, "A": good, "C": good * 100, "D": good * 101, "E": [INF] * 8})
    close = frame.assign(
        cost=frame["cost"].where(frame["competitor"] != "B", [*(good[:4] + 0.1), *(good[4:] - 0.1)] * 5)
    )
    table = tied_ranks(close)
    assert table[["competitor", "rank", "tied"]].values.tolist() == [
        ["A", 1, 2], ["B", 1, 2], ["C", 3, 1], ["D", 4, 1], ["E", 5, 1],
    ]  # fmt: skip
    assert table["verdict"].tolist() == [
        "indistinguishable from 1 other at 8 seeds", "indistinguishable at 8 seeds", "alone", "alone", "alone",
    ]  # fmt: skip


def test_at_three_seeds_all_share_the_first_place():
    table = tied_ranks(make_costs({"A": [1.0, 2.0, 3.0], "B": [10.0, 20.0, 30.0], "C": [INF] * 3}))
    assert table["rank"].tolist() == [1, 1, 1]
    assert table["verdict"].iloc[0] == "indistinguishable from 2 others at 3 seeds"


# Demšar 2006, table 6: AUC of four classifiers on 14 data sets; here as 1 - AUC.
AUC = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916, 0.609, 0.563, 0.866, 1.000, 0.965, 0.614, 0.9751, 0.946],
    "C4.5+m+cf": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931, 0.685, 0.625, 0.875, 1.000, 0.962, 0.669, 0.975, 0.970],
}


def test_the_worked_example_of_the_paper():
    table = average_ranks(over_problems({name: [1 - one for one in row] for name, row in AUC.items()}))
    ranks = table.set_index("competitor")["rank"]
    assert ranks.round(3).to_dict() == {"C4.5": 3.143, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    # The paper, with q at two digits more than its table shows: 1.25.
    assert table["cd"].iloc[0] == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), rel=1e-3)
    assert table["with_best"].tolist() == [True, True, True, True]
    assert table["friedman_p"].iloc[0] == pytest.approx(stats.friedmanchisquare(*AUC.values()).pvalue)


# Demšar 2006, table 5 (a): critical values q for the Nemenyi test at 0.05.
@pytest.mark.parametrize(("count", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_critical_values_are_the_paper_s(count, q):
    assert critical_difference(count, 6) / np.sqrt(count * (count + 1) / 36) == pytest.approx(q, abs=1.1e-3)


def test_only_settings_with_everybody_count_and_failures_share_the_last_place():
    frame = over_problems({"A": [1.0, 5.0, 1.0], "B": [INF, 1.0, None], "C": [INF, 9.0, 2.0]})
    table = average_ranks(frame)
    assert table[["competitor", "rank"]].values.tolist() == [["A", 1.5], ["B", 1.75], ["C", 2.75]]
    assert table[["settings", "of"]].drop_duplicates().values.tolist() == [[2, 3]]


def test_where_all_are_alike_the_test_says_so():
    table = average_ranks(over_problems({name: [1.0, 2.0, 3.0] for name in "ABC"}))
    assert table["friedman_p"].tolist() == [1.0] * 3
    assert table["rank"].tolist() == [2.0] * 3


def test_nothing_to_compare_is_no_number():
    table = average_ranks(over_problems({"A": [1.0]}))
    assert np.isnan(table[["cd", "friedman_p"]].to_numpy(float)).all()
    apart = pd.concat([make_costs({"A": [1.0]}), make_costs({"B": [1.0]}, problem="other")])
    assert average_ranks(apart)["rank"].isna().all()
    nothing = make_costs({"A": [1.0]}).iloc[:0]
    assert average_ranks(nothing).empty
    assert tied_ranks(nothing).empty
