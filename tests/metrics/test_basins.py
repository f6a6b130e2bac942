import numpy as np
import pandas as pd
import pytest

from optiscope import InputError
from optiscope.metrics import basins, noise_floor

MINIMA = [(0.0, 0.0), (10.0, 0.0)]


def frames(paths, status=None):
    runs = pd.DataFrame({
        "run_id": list(paths), "optimizer": "SGD", "lr": 0.1, "start": [repr(path[0][1:]) for path in paths.values()],
        "status": status or "max_steps",
    })  # fmt: skip
    rows = [(run_id, *row) for run_id, path in paths.items() for row in path]
    return runs, pd.DataFrame(rows, columns=["run_id", "step", "x0", "x1"])


def test_who_reaches_what_and_when():
    runs, trace = frames({
        "a": [(0, 4.0, 1.0), (7, 0.5, 0.0), (50, 0.1, 0.1)],
        "b": [(0, 6.0, 1.0), (3, 0.1, 0.0), (9, 9.8, 0.1), (50, 10.0, 0.0)],  # by way of the other one
        "c": [(0, 5.0, 5.0), (50, 5.0, 3.0)],
        "d": [(0, 1.0, 1.0), (4, 0.1, 0.0), (20, 3.0, 0.0), (30, 0.2, 0.0)],  # it left and came back
    })  # fmt: skip
    found = basins(runs, trace.sample(frac=1, random_state=1), MINIMA)
    assert found["basin"].tolist() == [0, 1, -1, 0]
    assert found["steps"].tolist()[:2] == [7, 9]
    assert np.isnan(found["steps"][2])
    assert found["steps"][3] == 30
    assert found[["x", "y"]].to_numpy().tolist() == [[4, 1], [6, 1], [5, 5], [1, 1]]
    assert basins(runs, trace, MINIMA, radius=6.0)["basin"].tolist() == [0, 1, 0, 0]


def test_what_diverged_reaches_nothing():
    runs, trace = frames({"a": [(0, 0.0, 0.0)], "b": [(0, 0.0, 0.0)]}, ["diverged", "max_steps"])
    assert basins(runs, trace, MINIMA)["basin"].tolist() == [-2, 0]
    gone = basins(runs, trace[trace["run_id"] == "b"], MINIMA)
    assert gone["basin"].tolist() == [-2, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"minima": []}, "minima must be points of two coordinates"),
        ({"start": "canonical"}, "start at points"),
        ({"start": "(1.0, b)"}, "start at points"),
        ({"drop": "x1"}, "the trace frame lacks x1"),
    ],
)
def test_bad_input(change, message):
    runs, trace = frames({"a": [(0, 0.0, 0.0)]})
    runs = runs.assign(start=change.get("start", runs["start"]))
    with pytest.raises(InputError, match=message):
        basins(runs, trace.drop(columns=change.get("drop", [])), change.get("minima", MINIMA))


def test_the_noise_floor_is_the_median_of_late_gaps_over_seeds():
    steps = np.arange(0, 101)
    runs, traces = [], []
    for lr in (0.1, 0.2):
        for seed in range(3):
            run_id = f"{lr}/{seed}"
            lost = lr == 0.2 and seed == 2
            runs.append({"run_id": run_id, "problem": "p", "optimizer": "SGD", "schedule": "constant", "lr": lr,
                         "steps": 100, "status": "diverged" if lost else "max_steps", "loss_floor": 1.0})  # fmt: skip
            loss = 1.0 + lr * (seed + 1) + (np.exp(-steps) if lr == 0.1 else (100.0 - steps))
            traces.append(pd.DataFrame({"run_id": run_id, "step": steps, "loss": loss}))
    table = noise_floor(pd.DataFrame(runs), pd.concat(traces))
    assert table["lr"].tolist() == [0.1, 0.2]
    assert table["floor"][0] == pytest.approx(0.2)
    assert (table["q25"][0], table["q75"][0]) == pytest.approx((0.1, 0.3))
    assert table["floor"][1] == pytest.approx(0.4 + 12.5)  # steps 75 to 100, of which the median is 12.5
    assert np.isinf(table["q75"][1])
    assert table["settled"].tolist() == [True, False]
    with pytest.raises(InputError, match="the least loss of p is not known"):
        noise_floor(pd.DataFrame(runs).assign(loss_floor=np.nan), pd.concat(traces))
    with pytest.raises(InputError, match="share must be"):
        noise_floor(pd.DataFrame(runs), pd.concat(traces), share=0)
