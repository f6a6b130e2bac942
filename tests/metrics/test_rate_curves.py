import numpy as np
import pytest
from study_frames import make_costs, make_runs

from optiscope.errors import InputError
from optiscope.metrics import lr_curves, lr_robustness, median_gains, schedule_gains

INF, NAN = float("inf"), float("nan")


def curve(*losses, **common):
    """A search over 1e-3, 1e-2, …, one seed a rate; None diverged."""
    rows = [
        {"purpose": "tuning", "lr": 10.0 ** (k - 3), "loss_final": 1.0 if loss is None else loss,
         "status": "diverged" if loss is None else "max_steps", "run_id": f"{common}{k}", **common}
        for k, loss in enumerate(losses)
    ]  # fmt: skip
    return make_runs(*rows)


def band(*losses, **common):
    row = lr_robustness(lr_curves(curve(*losses, **common))).iloc[0]
    return [row["lr"], row["decades"], row["open"], row["good"]]


def test_curves_are_medians_over_seeds_and_know_who_was_lost():
    rows = [
        {"purpose": "tuning", "lr": 0.1, "seed": seed, "loss_final": loss} for seed, loss in enumerate([1.0, 4.0, 2.0])
    ]
    rows += [
        {"purpose": "tuning", "lr": 1.0, "seed": 0, "status": "diverged"},
        {"purpose": "tuning", "lr": 1.0, "seed": 1},
    ]
    table = lr_curves(make_runs(*rows, {"lr": 0.1, "loss_final": 99.0}))
    assert table[["lr", "cost", "low", "high", "runs", "lost"]].values.tolist() == [
        [0.1, 2.0, 1.5, 3.0, 3, 0.0], [1.0, INF, INF, INF, 2, 0.5],
    ]  # fmt: skip
    assert table["purpose"].unique().tolist() == ["tuning"]


def test_a_validation_loss_is_judged_where_there_is_one():
    rows = [{"lr": lr, "loss_final": 9.0, "loss_floor": NAN, "val_loss_final": lr} for lr in (0.1, 0.2)]
    table = lr_curves(make_runs(*rows))
    assert table["cost"].tolist() == [0.1, 0.2]
    assert table["judged_by"].tolist() == ["val_loss"] * 2


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([100.0, 5.0, 1.0, 9.9, None], [0.1, 2.0, "", 3]),
        ([100.0, 1.0, 100.0, 5.0], [0.01, 0.0, "", 1]),
        ([1.0, 10.0, 11.0], [0.001, 1.0, "low", 2]),
        ([20.0, 3.0, 2.0], [0.1, 2.0, "both", 3]),
        ([1e-20, 1e-12, 1e-7, 1.0], [0.001, 2.0, "low", 3]),
        ([None, 4.0], [0.01, 0.0, "high", 1]),
        ([None, None], [0.001, 0.0, "", 0]),
    ],
)
def test_the_band_worked_by_hand(losses, expected):
    assert band(*losses) == pytest.approx(expected)


def test_a_loss_below_zero_has_no_multiple():
    assert band(-3.0, -2.0, -3.0, loss_floor=NAN) == [0.001, 0.0, "low", 1]


def test_a_wider_factor_never_narrows_the_band():
    curves = lr_curves(curve(40.0, 5.0, 1.0, 9.9, 70.0))
    widths = [lr_robustness(curves, factor=factor)["decades"].item() for factor in (1.5, 6.0, 10.0, 50.0, 100.0)]
    assert widths == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.0])
    with pytest.raises(InputError, match="factor"):
        lr_robustness(curves, factor=1.0)


def test_gains_are_decades_of_the_median():
    frame = make_costs({
        "A": [1.0, 1.0, 9.0], "A + StepLR": [0.01, 0.01, 0.01], "B": [INF] * 3, "B + StepLR": [1.0] * 3,
        "C": [INF] * 3, "C + StepLR": [INF] * 3, "D + StepLR": [1.0] * 3, "E": [1e-8] * 3, "E + StepLR": [INF] * 3,
    })  # fmt: skip
    table = schedule_gains(frame)
    assert table[["optimizer", "gain"]].values.tolist() == [["A", 2.0], ["B", INF], ["C", 0.0], ["E", -INF]]
    assert schedule_gains(frame[frame["schedule"] != "constant"]).empty


def test_the_gain_of_errors_and_of_what_has_no_logarithm():
    assert schedule_gains(make_costs({"A": [0.1], "A + B": [0.0]}, judged_by="error"))["gain"].item() == pytest.approx(
        2.0
    )
    assert np.isnan(schedule_gains(make_costs({"A": [-0.1], "A + B": [1.0]}, judged_by="loss"))["gain"].item())


@pytest.mark.parametrize(
    ("gains", "middle", "better"),
    [
        ([1.0, 2.0], 1.5, 1.0),
        ([1.0, INF], 1.0, 1.0),
        ([-INF, 3.0], -INF, 0.5),
        ([-INF, INF], -INF, 0.5),
        ([NAN, -1.0], -1.0, 0.0),
    ],
)
def test_the_median_gain_averages_no_infinity(gains, middle, better):
    frame = schedule_gains(make_costs({"A": [1.0], "A + B": [1.0]})).iloc[[0] * len(gains)].assign(gain=gains)
    row = median_gains(frame).iloc[0]
    assert row[["gain", "better"]].tolist() == [middle, better]


def test_no_runs_no_rows():
    assert lr_curves(make_runs({}).iloc[:0]).empty
    assert lr_robustness(lr_curves(make_runs({}).iloc[:0])).empty
    assert median_gains(schedule_gains(make_costs({"A": [1.0]}))).empty
