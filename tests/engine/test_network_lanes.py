"""Networks on lanes against the plain loop: the single tier, one run at a time, as oracle."""

import functools
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import optiscope as osc
from optiscope.engine import chunks
from optiscope.engine.chooser import batches
from optiscope.record import as_trace

TOLERANCE = {"float32": 1e-5, "float64": 1e-9}


def accuracy(output, target):
    return (output.argmax(-1) == target).double().mean()


def problem(*layers, name="net", steps_per_epoch=5):
    """A classifier of 50 points, 20 held back; layers between the first and the last."""
    inputs = torch.sin(torch.arange(300.0).reshape(50, 6))

    def data(seed):
        order = torch.randperm(50, generator=torch.Generator().manual_seed(seed))
        first, rest = order[:30], order[30:]
        targets = (inputs.sum(1) > 0).long() + (inputs[:, 0] > 0.3).long()
        return osc.Data(
            torch.utils.data.TensorDataset(inputs[first], targets[first]),
            torch.utils.data.TensorDataset(inputs[rest], targets[rest]),
        )

    return osc.Problem(
        name,
        task=osc.Task(
            module=lambda: nn.Sequential(nn.Linear(6, 8, bias=False), *(layer() for layer in layers), nn.Linear(8, 3, bias=False)),
            data=data,
            criterion=nn.functional.cross_entropy,
            batch_size=6,
            batch_metrics={"train_accuracy": accuracy},
            validation_metrics={"val_loss": nn.functional.cross_entropy, "accuracy": accuracy},
        ),
        metrics=("train_accuracy", "val_loss", "accuracy"),
        steps_per_epoch=steps_per_epoch,
    )  # fmt: skip


PLAIN = problem(nn.Tanh)


def compare(runs, engine, expected_engine=None):
    """Frames of a tier and of the single tier agree: all columns, to rounding."""
    alone, together = osc.run(runs, engine="single"), osc.run(runs, engine=engine)
    assert set(together.runs["engine"]) == {expected_engine or engine}
    for frame, other in ((alone.trace, together.trace), (alone.runs, together.runs)):
        keys = ["run_id", "step"] if "step" in frame else ["run_id"]
        frame, other = (f.sort_values(keys, ignore_index=True) for f in (frame, other))
        assert list(frame.columns) == list(other.columns)
        for name in frame.columns.drop(["wall_s", "engine", "provenance_id"], errors="ignore"):
            if frame[name].dtype.kind == "f":
                np.testing.assert_allclose(
                    other[name], frame[name], rtol=TOLERANCE[runs[0].dtype], atol=1e-12, err_msg=name
                )
            else:
                assert frame[name].equals(other[name]), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seeds", [[3], [0, 1, 2]])
@pytest.mark.parametrize("optimizer", ["SGD", "Momentum", "Adam", "RMSprop"])
def test_equal_to_the_plain_loop(optimizer, seeds, dtype):
    runs = osc.grid(PLAIN, optimizer, ["constant", "StepLR"], lr=[1e-3, 1e-2], seed=seeds, steps=20, dtype=dtype)
    compare(runs, "stacked")
    compare(runs, "grouped")


@pytest.mark.parametrize("optimizer", ["Muon", "Adafactor"])
def test_what_mixes_lanes_is_grouped(optimizer):
    compare(osc.grid(PLAIN, optimizer, lr=[1e-3, 1e-2], seed=[0, 1], steps=20), "grouped")


@pytest.fixture
def many(monkeypatch):
    """Calibration says that eight lanes together are best, however short the sweep is."""
    monkeypatch.setattr("optiscope.engine.chooser.lanes_together", lambda runs, fit, device: min(8, fit))


@pytest.mark.parametrize(
    ("layers", "optimizer", "tier"),
    [
        ([nn.Tanh], "Adam", "stacked"),
        ([nn.Tanh], "Muon", "grouped"),
        ([nn.Tanh], "Adafactor", "grouped"),
        ([functools.partial(nn.BatchNorm1d, 8)], "SGD", "single"),
        ([functools.partial(nn.BatchNorm1d, 8, track_running_stats=False)], "SGD", "stacked"),
        ([nn.Dropout], "SGD", "single"),
    ],
)
def test_auto_proves_its_tier_and_is_right(many, layers, optimizer, tier):
    runs = osc.grid(problem(*layers), optimizer, lr=[1e-3, 1e-2], seed=[0, 1, 2, 3], steps=12)
    compare(runs, "auto", tier)


@pytest.mark.parametrize(("steps", "told"), [(12, "12 steps"), (20, "20 steps"), (21, "20 of 21 steps")])
def test_the_evidence_says_how_many_steps_of_a_network_were_compared(many, steps, told, tmp_path):
    runs = osc.grid(PLAIN, "SGD", lr=[1e-3, 1e-2], seed=[0, 1], steps=steps)
    assert set(osc.run(runs, store=tmp_path).runs["engine"]) == {"stacked"}
    [verdict] = osc.Store(tmp_path).verdicts().values()
    assert f"over {told} of 3 lanes" in verdict["evidence"]["stacked"]


@pytest.mark.parametrize("schedule", [
    "ReduceLROnPlateau(patience=0, factor=0.5)", "ReduceLROnPlateau(patience=0, monitor='val_loss')",
    "ReduceLROnPlateau(per='step', patience=1)", "ExponentialLR(gamma=0.5, per='epoch')",
])  # fmt: skip
def test_schedules_by_epoch_on_each_lane_s_own_loss(schedule):
    runs = osc.grid(PLAIN, "SGD", schedule, lr=[0.1, 1.0, 3.0], seed=[0, 1], steps=18, dtype="float64")
    compare(runs, "stacked")
    changes = osc.run(runs, engine="stacked").trace.groupby("run_id")["lr_t"].nunique()
    assert changes.max() > 1


def test_every_nth_step_and_no_trace():
    runs = osc.grid(PLAIN, "Adam", lr=[1e-3, 1e-2], seed=[0, 1], steps=17, dtype="float64")
    for trace in (5, "loss", "none"):
        alone, together = (osc.run(runs, engine=engine, trace=trace) for engine in ("single", "stacked"))
        assert len(alone.trace) == len(together.trace)
        for name in alone.trace.columns.drop("run_id"):
            np.testing.assert_allclose(together.trace[name], alone.trace[name], rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(together.runs["accuracy_final"], alone.runs["accuracy_final"])


def test_a_lane_s_end_touches_no_other():
    runs = osc.grid(PLAIN, "SGD", lr=[1e-2, 1e38, 1e-3], seed=[0, 1], steps=20)
    frame = osc.run(runs, engine="stacked").runs
    assert frame["status"].value_counts().to_dict() == {"max_steps": 4, "diverged": 2}
    compare([one for one in runs if one.lr < 1], "stacked")
    kept = frame[frame["status"] == "max_steps"]
    alone = osc.run(runs, engine="single").runs
    np.testing.assert_allclose(kept["loss_final"], alone.loc[kept.index, "loss_final"], rtol=1e-5)
    assert frame["steps_done"].tolist() == alone["steps_done"].tolist()


def test_a_large_network_and_a_short_sweep_go_alone():
    runs = osc.grid("demo-cnn", "SGD", lr=np.geomspace(1e-4, 1e-1, 16), steps=10)
    assert {len(unit) for unit in batches(runs, as_trace("none"), 2**29, 1)} == {1}
    short = osc.grid(PLAIN, "SGD", lr=np.geomspace(1e-4, 1e-1, 16), steps=2)
    assert {len(unit) for unit in batches(short, as_trace("none"), 2**29, 1)} == {1}


def test_the_chunk_is_the_size_at_which_a_lane_step_takes_least(monkeypatch):
    runs = osc.grid(PLAIN, "SGD", lr=np.geomspace(1e-4, 1e-1, 200).tolist(), steps=10_000)
    taken = {8: 0.7, 32: 0.5, 128: 0.6}
    monkeypatch.setattr(chunks, "_alone", lambda run, device: 1.0)
    monkeypatch.setattr(chunks, "_together", lambda lanes, device: taken[len(lanes)])
    assert chunks.lanes_together(runs, 1000, "cpu") == 32
    assert chunks.lanes_together(runs, 31, "cpu") == 8
    taken.update(dict.fromkeys(taken, 0.99))
    assert chunks.lanes_together(runs, 1000, "cpu") == 1


def test_calibration_draws_and_changes_nothing():
    runs = osc.grid(PLAIN, "Adam", lr=np.geomspace(1e-4, 1e-1, 16).tolist(), steps=100_000)
    before = torch.get_rng_state()
    assert chunks.lanes_together(runs, 64, "cpu") in (1, 8)
    assert torch.equal(before, torch.get_rng_state())


def test_groups_and_switches_are_the_plain_loop_s():
    switched = osc.grid("digits-cnn(clip_norm=1.0)", "SGD", lr=[1e-3, 1e-2], seed=[0, 1], steps=3)
    grouped = osc.grid(
        "digits-cnn", "SGD(groups={'bias': {'weight_decay': 0.1}})", lr=[1e-3, 1e-2], seed=[0, 1], steps=3
    )
    for runs in (switched, grouped):
        assert set(osc.run(runs).runs["engine"]) == {"single"}
        with pytest.raises(osc.InputError, match="runs dense problems"):
            osc.run(runs, engine="stacked")


DIGITS = """
import random, torch, optiscope as osc
before = torch.get_rng_state(), random.getstate()
frame = osc.run(osc.grid("digits-logistic", "SGD", lr=[0.1, 0.2], steps=2), engine="stacked", trace="none").runs
assert torch.equal(before[0], torch.get_rng_state()) and before[1] == random.getstate()
print(*frame["engine"], *frame["status"])
"""


def test_loading_data_for_the_first_time_is_not_taken_for_drawing():
    done = subprocess.run([sys.executable, "-c", DIGITS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["stacked", "stacked", "max_steps", "max_steps"]


@pytest.mark.parametrize("layers", [[nn.Tanh], [functools.partial(nn.BatchNorm1d, 8), nn.Dropout]])
def test_a_seed_gives_the_same_trace_alone_twice_and_among_other_runs(layers):
    runs = osc.grid(problem(*layers), ["SGD", "Adam"], lr=[1e-3, 1e-2], seed=[0, 1, 2], steps=7)
    among = osc.run(runs, engine="single").trace.set_index("run_id")
    for one in (runs[0], runs[-1]):
        alone, again = (osc.run([one], engine="single").trace.set_index("run_id") for _ in range(2))
        assert alone.equals(again)
        assert alone.equals(among.loc[[one.run_id]])


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (functools.partial(nn.BatchNorm1d, 8), "its batch norm keeps running statistics, and each run has its own"),
        (nn.Dropout, "it draws random numbers, and each run has its own"),
    ],
)
def test_what_a_network_keeps_from_the_stacked_tier_is_told_with_what_to_do(layer, why):
    with pytest.raises(osc.InputError) as error:
        osc.run(osc.grid(problem(layer), "SGD", lr=0.1, seed=[0, 1], steps=2), engine="stacked")
    assert str(error.value) == f'engine=\'stacked\' cannot run SGD on net: {why}; use engine="auto" or "single"'
