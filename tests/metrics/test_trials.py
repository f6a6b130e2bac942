import json
import math

import numpy as np
import pandas as pd
import pytest
from study_frames import make_runs

from optiscope.metrics import best_rates, flat_arguments, selection_loss, trials

INF = math.inf


def row(lr, seed, loss, arguments, **more):
    text = json.dumps({"optimizer": arguments, "schedule": more.pop("schedule_arguments", {})})
    more = {"optimizer": "Adam(…)", "purpose": "tuning"} | more
    return {
        "run_id": f"{lr}{seed}{text}{more}",
        "lr": lr,
        "seed": seed,
        "loss_final": loss,
        "hyperparameters": text,
        **more,
    }


def test_one_row_a_setting_with_its_median_and_its_failures():
    runs = make_runs(
        *[row(0.1, seed, loss, {"betas": [0.9, 0.99]}) for seed, loss in enumerate([3.0, 1.0, 2.0])],
        row(0.1, 0, 5.0, {"betas": [0.5, 0.99]}),
        row(0.1, 1, 5.0, {"betas": [0.5, 0.99]}, status="diverged"),
        row(0.2, 0, 7.0, {"betas": [0.9, 0.99]}, status="error"),
        row(0.3, 0, 0.0, {"betas": [0.9, 0.99]}, purpose="result"),
    )
    found = trials(runs).sort_values(["lr", "betas[0]"], ascending=[True, False])
    columns = ["lr", "betas[0]", "betas[1]", "score", "seeds", "diverged", "errors"]
    assert found[columns].to_numpy().tolist() == [
        [0.1, 0.9, 0.99, 2.0, 3, 0, 0], [0.1, 0.5, 0.99, INF, 2, 1, 0], [0.2, 0.9, 0.99, INF, 1, 0, 1],
    ]  # fmt: skip


def test_searches_are_told_apart_by_the_columns_of_the_cell():
    runs = make_runs(
        row(0.1, 0, 1.0, {"weight_decay": 0.0}),
        row(0.1, 0, 2.0, {"momentum": 0.5}, optimizer="SGD(…)"),
        row(0.1, 0, 3.0, {}, optimizer="SGD(…)", schedule="StepLR(…)", schedule_arguments={"gamma": 0.5}),
    )
    found = trials(runs)
    assert found["score"].tolist() == [1.0, 3.0, 2.0]
    assert found["schedule.gamma"].fillna(-1).tolist() == [-1, 0.5, -1]
    assert found["momentum"].fillna(-1).tolist() == [-1, -1, 0.5]


def test_without_a_search_there_are_no_trials():
    assert trials(make_runs(row(0.1, 0, 1.0, {}, purpose="result"))).empty
    assert trials(pd.DataFrame()).empty


def test_a_network_is_judged_by_its_validation_loss():
    rows = [
        row(0.1, 0, 1.0, {}, val_loss_final=5.0, loss_floor=np.nan),
        row(0.2, 0, 2.0, {}, val_loss_final=3.0, loss_floor=np.nan),
        row(0.3, 0, 0.5, {}, val_loss_final=np.nan, loss_floor=np.nan),
        row(0.4, 0, 0.5, {}, val_loss_final=1.0, loss_floor=np.nan, status="diverged"),
        row(0.1, 0, 4.0, {}, problem="other"),
    ]
    assert selection_loss(make_runs(*rows)).tolist() == [5.0, 3.0, INF, INF, 4.0]
    assert best_rates(make_runs(*rows[:4]))["lr"].item() == 0.2


def test_a_rate_with_several_settings_stands_for_its_best():
    runs = make_runs(
        row(0.1, 0, 9.0, {"eps": 1.0}), row(0.1, 0, 1.0, {"eps": 2.0}), row(0.2, 0, 3.0, {"eps": 1.0})
    )  # fmt: skip
    best = best_rates(runs).iloc[0]
    assert best[["lr", "score", "trials"]].tolist() == [0.1, 1.0, 3]


@pytest.mark.parametrize(
    ("hyperparameters", "flat"),
    [({"optimizer": {}, "schedule": {}}, {}), ({"optimizer": {"a": None, "b": True}}, {"a": None, "b": True}),
     ({"optimizer": {"betas": (1, 2)}, "schedule": {"m": [3]}}, {"betas[0]": 1, "betas[1]": 2, "schedule.m[0]": 3})],
)  # fmt: skip
def test_flat_arguments(hyperparameters, flat):
    assert flat_arguments(hyperparameters) == flat
