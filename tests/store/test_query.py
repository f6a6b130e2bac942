"""Filters, columns and membership, against the same done in pandas on the whole frame."""

import numpy as np
import pandas as pd
import pytest
from store_writer import plain, sweep_runs

import optiscope as osc
from optiscope.record import Batch
from optiscope.store import parts


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> osc.Store:
    """The sweep in parts of eight runs, row groups of three."""
    folder = tmp_path_factory.mktemp("query")
    held = osc.Store(folder)
    rows, parts.GROUP_ROWS = parts.GROUP_ROWS, {"runs": 3, "trace": 50}
    runs = sweep_runs()
    for first in range(0, len(runs), 8):
        osc.run(runs[first : first + 8], store=held, engine="single")
    parts.GROUP_ROWS = rows
    return held


FILTERS = [
    {},
    {"problem": "beale"},
    {"problem": ["beale"], "optimizer": ("Adam",)},
    {"optimizer": ["SGD", "Adam"], "lr": 1e-2, "seed": range(2, 5)},
    {"lr": np.array([1e-3, 7.0])},
    {"status": osc.Status.DIVERGED},
    {"status": ["max_steps", "diverged"], "problem": "rosenbrock", "seed": np.int64(3)},
    {"seed": [0, 7]},
    {"problem": []},
    {"optimizer": "Lion"},
    {"error": None},
    {"steps_done": [20]},
]


@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_a_filtered_frame_is_the_whole_one_filtered(store, where):
    whole = store.runs()
    for name, value in where.items():
        values = [value] if isinstance(value, (str, float, np.int64)) or value is None else list(value)
        whole = whole[whole[name].isin(values) | (whole[name].isna() if value is None else False)]
    pd.testing.assert_frame_equal(plain(store.runs(**where), ["run_id"]), plain(whole, ["run_id"]))
    trace = store.trace()
    trace = trace[trace["run_id"].isin(whole["run_id"])]
    assert len(store.trace(**where)) == len(trace)
    if len(trace):
        pd.testing.assert_frame_equal(plain(store.trace(**where), ["run_id", "step"]), plain(trace, ["run_id", "step"]))


def test_columns_are_those_asked_for_in_their_order(store):
    frame = store.runs(problem="beale", columns=["loss_final", "lr"])
    assert list(frame) == ["loss_final", "lr"]
    assert len(frame) == 32
    assert list(store.trace(problem="beale", columns=["loss", "step"])) == ["loss", "step"]


def test_only_what_may_match_is_read(store, monkeypatch):
    read = []
    honest = parts.read_groups

    def watched(file, groups, columns):
        read.append((len(list(groups)), columns))
        return honest(file, groups, columns)

    monkeypatch.setattr("optiscope.store.query.read_groups", watched)
    assert len(store.runs(problem="beale", optimizer="Adam", lr=1e-2, columns=["loss_final"])) == 8
    # Eight parts of three row groups each, and one cell fills one part; the other columns stay where they are.
    assert sum(groups for groups, _ in read) == 3 + 3
    assert {name for _, columns in read for name in columns} == {"run_id", "problem", "optimizer", "lr", "loss_final"}


def test_finished_answers_for_each(store):
    ids = [one.run_id for one in sweep_runs()]
    asked = ["nobody", *ids[5:9], "", ids[0]]
    assert store.finished(asked).tolist() == [False, True, True, True, True, False, True]
    assert store.finished([]).tolist() == []
    assert store.done() == set(ids)


def test_the_first_copy_counts_whatever_is_filtered(tmp_path, line):
    """Two processes may end the same run differently; a filter must not bring back the copy that does not count."""
    store = osc.Store(tmp_path)
    [batch] = osc.run(osc.grid(line, "SGD", lr=0.1, steps=5)).batches
    for device in ("cpu", "cuda"):
        place = batch.runs.column_names.index("device")
        store.append(Batch(batch.runs.set_column(place, "device", [[device]]), batch.trace))
    [counts] = store.runs()["device"]
    assert [len(store.runs(device=device)) for device in ("cpu", "cuda")] == [counts == "cpu", counts == "cuda"]
    assert len(store.trace(device=["cpu", "cuda"])) == 6


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"optimiser": "Adam"}, "no column 'optimiser', did you mean 'optimizer'?"),
        ({"columns": ["lr", "los_final"]}, "no column 'los_final', did you mean 'loss_final'?"),
        ({"lr": "fast"}, "the column 'lr' holds numbers, got 'fast'"),
        ({"seed": 1.5}, "the column 'seed' holds whole numbers, got 1.5"),
        ({"problem": 3}, "the column 'problem' holds text, got 3"),
        ({"status": "divergd"}, "unknown status 'divergd', did you mean 'diverged'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(store, where, says):
    with pytest.raises(osc.InputError, match=r"[^\n]*") as caught:
        store.runs(**where)
    assert says in str(caught.value)


def test_a_column_of_one_problem_is_a_filter_too(tmp_path, line):
    osc.run(osc.grid("demo-cnn(image_size=12)", "SGD", lr=1e-3, steps=1), store=tmp_path)
    osc.run(osc.grid(line, "SGD", lr=0.1, steps=1), store=tmp_path)
    store = osc.Store(tmp_path)
    [accuracy] = store.runs(problem="demo-cnn(image_size=12)")["accuracy_final"]
    assert len(store.runs(accuracy_final=accuracy)) == 1
    assert store.runs(columns=["accuracy_final"])["accuracy_final"].notna().sum() == 1
    assert "accuracy_final" not in store.runs(problem="line")
    assert "accuracy" not in store.trace(problem="line")
