import itertools
import math

import numpy as np
import pandas as pd
import pytest

import optiscope as osc
from optiscope.metrics import expected_best
from optiscope.metrics.budget import best_of_k_weights

INF = math.inf


def pool(*scores, optimizer="Adam"):
    return pd.DataFrame({"optimizer": optimizer, "score": scores})


def curve(frame, column, **options):
    options = {"by": ["optimizer"], "resamples": 0} | options
    return expected_best(frame, **options)[column].tolist()


def test_by_hand():
    # Of 1, 2, 4: one trial 7/3; of the pairs (1,2), (1,4), (2,4) the best are 1, 1, 2; all three: 1.
    assert curve(pool(4.0, 1.0, 2.0), "expected") == pytest.approx([7 / 3, 4 / 3, 1.0])
    assert curve(pool(4.0, 1.0, 2.0), "median") == [2.0, 1.0, 1.0]
    assert curve(pool(5.0), "expected") == [5.0]


def test_infinite_trials_make_the_mean_infinite_while_they_may_be_all():
    frame = pool(INF, 3.0, INF, 1.0)
    # Pairs: (inf, inf) once out of six; triples always hold a finite one.
    assert curve(frame, "expected") == [INF, INF, pytest.approx(0.75 * 1 + 0.25 * 3), 1.0]
    assert curve(frame, "finite") == [0.5, pytest.approx(5 / 6), 1.0, 1.0]
    assert curve(frame, "median") == [3.0, 1.0, 1.0, 1.0]
    assert curve(pool(INF, INF), "median") == [INF, INF]
    assert curve(pool(INF, INF), "finite") == [0.0, 0.0]
    assert curve(pool(1.0, math.nan), "finite") == [0.5, 1.0]


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_equals_going_through_every_subset(n):
    scores = np.random.default_rng(n).lognormal(0, 3, n)
    scores[: n // 3] = INF
    found = expected_best(pool(*scores), by=["optimizer"], resamples=0)
    for row in found.itertuples():
        best = [min(some) for some in itertools.combinations(scores, row.k)]
        assert row.expected == pytest.approx(np.mean(best))
        assert row.finite == pytest.approx(np.isfinite(best).mean())
        assert row.median == np.quantile(best, 0.5, method="inverted_cdf")


def test_weights_are_binomials_and_do_not_overflow():
    n, ks = 40, np.array([1, 3, 17, 40])
    for k, row in zip(ks, best_of_k_weights(n, ks), strict=True):
        exact = [math.comb(n - i, k - 1) / math.comb(n, k) for i in range(1, n + 1)]
        assert row == pytest.approx(exact, rel=1e-12)
    large = best_of_k_weights(3000, np.arange(1, 3001))
    assert np.isfinite(large).all()
    assert large.sum(axis=1) == pytest.approx(1.0)


def test_is_unbiased_for_the_law_that_the_trials_are_drawn_from():
    # The best of k uniform numbers has mean 1 / (k + 1); the V-statistic would be below it.
    draws = np.random.default_rng(0).uniform(size=(4000, 8))
    weights = best_of_k_weights(8, np.arange(1, 9))
    means = (np.sort(draws, axis=1) @ weights.T).mean(axis=0)
    assert means == pytest.approx(1 / (np.arange(1, 9) + 1), abs=0.006)


def test_never_rises_with_the_budget():
    frame = pool(*np.random.default_rng(1).lognormal(0, 4, 50))
    found = expected_best(frame, by=["optimizer"], resamples=200)
    for name in ("expected", "low", "high", "median", "median_low", "median_high"):
        assert (np.diff(found[name]) <= 1e-12 * found[name].iloc[:-1]).all()
    assert (found["low"] <= found["high"]).all()
    assert (found["median_low"] <= found["median"]).all()
    assert (found["median"] <= found["median_high"]).all()


def test_the_band_of_one_trial_is_that_of_a_mean():
    # For k = 1 the statistic is the pool's mean, whose bootstrap is nearly normal: mean ± 1.96 standard errors.
    scores = np.random.default_rng(2).normal(10, 1, 400)
    [row] = expected_best(pool(*scores), [1], by=["optimizer"], resamples=4000).to_dict("records")
    error = scores.std() / 20
    assert row["low"] == pytest.approx(scores.mean() - 1.96 * error, abs=0.1 * error)
    assert row["high"] == pytest.approx(scores.mean() + 1.96 * error, abs=0.1 * error)


def test_bands_cover_the_truth():
    # 100 pools of 60 exponential numbers: the best of 4 has mean 1/4.
    rng = np.random.default_rng(3)
    frame = pd.concat([pool(*rng.exponential(size=60), optimizer=str(i)) for i in range(100)])
    found = expected_best(frame, [4], by=["optimizer"], resamples=300)
    covered = ((found["low"] <= 0.25) & (found["high"] >= 0.25)).mean()
    assert 0.88 <= covered <= 1.0


def test_the_same_every_time_and_the_global_numbers_untouched():
    frame = pool(*np.random.default_rng(4).exponential(size=20))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = expected_best(frame, by=["optimizer"], resamples=50)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    pd.testing.assert_frame_equal(first, expected_best(frame, by=["optimizer"], resamples=50))
    other = expected_best(frame, by=["optimizer"], resamples=50, seed=1)
    assert (other["low"] != first["low"]).any()
    assert other["expected"].equals(first["expected"])


def test_pools_apart_and_budgets_beyond_a_pool_left_out():
    frame = pd.concat([pool(1.0, 2.0), pool(3.0, 5.0, 7.0, optimizer="SGD")])
    found = expected_best(frame, [3, 1, 3], by=["optimizer"], resamples=0)
    assert found[["optimizer", "k", "trials"]].to_numpy().tolist() == [["Adam", 1, 2], ["SGD", 1, 3], ["SGD", 3, 3]]
    assert found["expected"].tolist() == pytest.approx([1.5, 5.0, 3.0])
    assert found["low"].isna().all()
    empty = expected_best(frame.iloc[:0], by=["optimizer"])
    assert list(empty.columns) == list(found.columns)
    assert empty.empty


@pytest.mark.parametrize(
    ("options", "message"),
    [({"ks": [0]}, "number of trials >= 1, got 0"), ({"ks": [1.5]}, "got 1.5"), ({"confidence": 1}, "between 0 and 1"),
     ({"resamples": -1}, "resamples must be >= 0"), ({"by": ["problem"]}, "trials frame lacks problem")],
)  # fmt: skip
def test_bad_input(options, message):
    with pytest.raises(osc.InputError, match=message):
        expected_best(pool(1.0), **({"by": ["optimizer"]} | options))
