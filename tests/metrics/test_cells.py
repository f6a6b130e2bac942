import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.errors import InputError
from optiscope.metrics import final_loss, grouped_quantile
from optiscope.metrics.cells import one_row_a_run

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
