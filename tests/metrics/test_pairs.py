import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_frames import make_costs

from optiscope.errors import InputError
from optiscope.metrics import probability_of_improvement, win_rates

INF = float("inf")


def rate(table, one, other):
    row = table[(table["competitor"] == one) & (table["other"] == other)]
    return row[["win_rate", "tie_rate", "pairs", "settings"]].values.tolist()[0]


def test_wins_worked_by_hand():
    table = win_rates(make_costs({"A": [1.0, 2.0, 3.0, INF], "B": [2.0, 2.0, 1.0, INF], "C": [0.5, None, None, 1.0]}))
    assert rate(table, "A", "B") == [0.5, 0.5, 4, 1]
    assert rate(table, "A", "C") == [0.0, 0.0, 2, 1]
    assert rate(table, "C", "B") == [1.0, 0.0, 2, 1]
    assert len(table) == 6


def test_settings_count_alike_whatever_their_seeds():
    easy = make_costs({"A": [1.0] * 9, "B": [2.0] * 9})
    hard = make_costs({"A": [2.0], "B": [1.0]}, problem="hard")
    assert rate(win_rates(pd.concat([easy, hard])), "A", "B") == [0.5, 0.0, 10, 2]


def test_wins_and_losses_sum_to_one():
    generator = np.random.default_rng(0)
    table = win_rates(make_costs({name: generator.integers(0, 4, 20).astype(float) for name in "ABCD"}))
    for one, other in itertools.combinations("ABCD", 2):
        assert rate(table, one, other)[0] + rate(table, other, one)[0] == pytest.approx(1.0)


def test_optimizers_meet_under_each_schedule():
    frame = make_costs({"A": [1.0], "A + StepLR": [3.0], "B": [2.0], "B + StepLR": [2.0]})
    with pytest.raises(InputError, match="several runs of one seed"):
        win_rates(frame, "optimizer")
    table = win_rates(frame, "optimizer", pairs=("schedule", "seed"))
    assert table[["optimizer", "other", "win_rate", "pairs"]].values.tolist() == [
        ["A", "B", 0.5, 2],
        ["B", "A", 0.5, 2],
    ]


def test_the_probability_of_improvement_is_mann_whitney_s_statistic():
    generator = np.random.default_rng(1)
    ours, theirs = generator.integers(0, 9, 14).astype(float), generator.integers(2, 9, 11).astype(float)
    ours[3] = INF
    row = probability_of_improvement(make_costs({"A": ours, "B": theirs}), "B").iloc[0]
    expected = stats.mannwhitneyu(theirs, np.where(np.isinf(ours), 99, ours)).statistic / (14 * 11)
    assert row["probability"] == pytest.approx(expected)
    assert row["low"] < expected < row["high"]


def test_its_interval_is_as_wide_as_a_bootstrap_finds():
    generator = np.random.default_rng(2)
    x, y = generator.normal(0.0, 1.0, 60), generator.normal(0.5, 1.0, 50)
    row = probability_of_improvement(make_costs({"A": x, "B": y}), "B").iloc[0]
    drawn = stats.bootstrap(
        (x, y), lambda a, b, axis: (a[..., :, None] < b[..., None, :]).mean(axis=(-1, -2)), vectorized=True, batch=200,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    assert [row["low"], row["high"]] == pytest.approx([drawn.low, drawn.high], abs=0.02)


def test_it_is_set_against_the_best_unless_told_otherwise():
    frame = make_costs({"A": [3.0, 4.0], "B": [1.0, 2.0], "C": [INF, 9.0]})
    table = probability_of_improvement(frame)
    assert table["against"].unique().tolist() == ["B"]
    assert table["probability"].tolist() == [0.0, 0.0]
    assert probability_of_improvement(frame, "C")["probability"].tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="'D'.*A, B, C"):
        probability_of_improvement(frame, "D")


def test_one_run_has_no_interval():
    row = probability_of_improvement(make_costs({"A": [3.0], "B": [1.0, 2.0]})).iloc[0]
    assert row["probability"] == 0.0
    assert np.isnan(row[["low", "high"]].to_numpy(float)).all()


def test_no_runs_no_rows():
    nothing = make_costs({"A": [1.0]}).iloc[:0]
    assert win_rates(nothing).empty
    assert probability_of_improvement(nothing).empty
