import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.errors import InputError
from optiscope.metrics import comparison, final_loss, grouped_quantile, prepared
from optiscope.metrics.cells import group_codes, one_row_a_run

INF, NAN = float("inf"), float("nan")


def quantile(values, q):
    return grouped_quantile(values, np.zeros(len(values), dtype=int), 1, q)[0]


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 0.5, 2.5),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 0.25, 2.0),
        ([0.0, 10.0], 0.25, 2.5),
        ([1.0, 2.0, INF], 0.5, 2.0),
        ([1.0, INF], 0.5, INF),
        ([1.0, INF, INF], 0.5, INF),
        ([INF, INF], 0.25, INF),
        ([1.0, NAN, 2.0], 0.5, 2.0),
        ([NAN], 0.75, INF),
        ([7.0], 0.25, 7.0),
    ],
)
def test_quantiles_worked_by_hand(values, q, expected):
    assert quantile(values, q) == expected


def test_a_group_without_rows_is_nan():
    assert np.isnan(grouped_quantile([1.0], np.array([1]), 2, 0.5)[0])


def test_finite_quantiles_agree_with_numpy():
    generator = np.random.default_rng(0)
    for size in range(1, 12):
        values = generator.normal(size=size)
        for q in (0.0, 0.25, 0.5, 0.75, 1.0):
            assert quantile(values, q) == pytest.approx(np.quantile(values, q))


def test_adding_a_failed_run_never_improves_a_quantile():
    generator = np.random.default_rng(1)
    for size in range(1, 12):
        values = generator.normal(size=size).tolist()
        for q in (0.25, 0.5, 0.75):
            assert quantile([*values, INF], q) >= quantile(values, q)
            assert quantile([*values, NAN], q) >= quantile(values, q)


def test_a_run_that_diverged_failed_or_ended_on_nan_is_infinite():
    runs = make_runs(
        {"loss_final": 1.0},
        {"loss_final": 1.0, "status": "diverged"},
        {"loss_final": 1.0, "status": "error"},
        {"loss_final": NAN},
        {"loss_final": 2.0, "status": "target_hit"},
    )
    assert final_loss(runs).tolist() == [1.0, INF, INF, INF, 2.0]


def test_rows_that_repeat_are_one_run():
    runs = make_runs({"seed": 0}, {"seed": 1})
    assert len(one_row_a_run(pd.concat([runs, runs]))) == 2


def test_rows_that_contradict_each_other_are_refused():
    runs = make_runs({"run_id": "a", "loss_final": 1.0}, {"run_id": "a", "loss_final": 2.0})
    with pytest.raises(InputError, match="drop_duplicates"):
        one_row_a_run(runs)


def test_a_frame_without_the_columns_is_refused():
    with pytest.raises(InputError, match="lacks purpose"):
        one_row_a_run(make_runs({}).drop(columns="purpose"))


def test_an_empty_frame_has_every_column():
    assert "loss_final" in one_row_a_run(pd.DataFrame()).columns


def test_groups_are_numbered_as_pandas_numbers_them():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "a": rng.choice(["x", "y", "zz"], 500),
            "b": rng.integers(-3, 3, 500),
            "c": rng.choice([0.5, np.nan, 2.0], 500),
        }
    )
    wanted = frame.groupby(["a", "b", "c"], dropna=False).ngroup().to_numpy()
    for kind in ({}, {"a": "category"}, dict.fromkeys("abc", "category")):
        codes, keys = group_codes(frame.astype(kind), ["a", "b", "c"])
        assert (codes == wanted).all()
        pd.testing.assert_frame_equal(keys.iloc[codes].reset_index(drop=True), frame)


@pytest.mark.parametrize("sizes", [[5, 5, 5], [1, 0, 7, 3], [1, 1, 2000, 1]])  # a table, one with holes, and none
def test_values_are_sorted_within_their_groups(sizes):
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    values = np.where(rng.random(len(codes)) < 0.1, np.inf, rng.normal(size=len(codes)))
    for q in (0.0, 0.25, 0.5, 1.0):
        got = grouped_quantile(values, codes, len(sizes), q)
        for i, size in enumerate(sizes):
            # So large a number in infinity's place shows as soon as it has any weight.
            own = np.where(np.isinf(values[codes == i]), 1e300, values[codes == i])
            wanted = np.quantile(own, q) if size else np.nan
            assert got[i] == pytest.approx(np.inf if wanted > 1e100 else wanted, nan_ok=True)


def test_a_prepared_frame_gives_the_same_and_what_is_taken_from_it_is_looked_over_again():
    runs = make_runs(
        *({"run_id": str(i), "seed": i % 4, "lr": 0.1 * (1 + i // 4), "loss_final": float(i)} for i in range(8))
    )
    ready = prepared(runs)
    pd.testing.assert_frame_equal(comparison(ready), comparison(runs))
    assert one_row_a_run(ready) is ready
    with pytest.raises(InputError, match="rows that differ"):
        one_row_a_run(pd.concat([ready, ready.assign(loss_final=1.0)]))
    assert type(ready[ready["seed"] == 1]) is pd.DataFrame
    with pytest.raises(InputError, match="lacks"):
        prepared(runs.drop(columns="status"))
