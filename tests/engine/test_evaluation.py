"""Evaluations: when adaptive schedules look at them, what mode a network is left in, how much of the data goes at once."""

import json
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import optiscope as osc


def examples(count=100):
    inputs = torch.randn(count, 6, generator=torch.Generator().manual_seed(0))
    return TensorDataset(inputs, (inputs[:, 0] > 0).long())


@pytest.mark.parametrize("engine", ["single", "stacked", "grouped"])
def test_a_thinned_trace_keeps_the_rows_of_evaluations(engine):
    """3 steps an epoch, evaluated every second one: what was measured is in the trace, with its norms."""
    problem = osc.Problem.from_module(linear, examples(), "CrossEntropyLoss", name="still", evaluate_every=2)
    runs = osc.grid(problem, "Adam", lr=[1e-2, 1e-3], seed=range(2), steps=20)
    thin = osc.run(runs, engine=engine, trace=7).trace
    assert sorted(set(thin["step"])) == [0, 6, 7, 12, 14, 18, 20]
    measured = [name for name in thin if name.startswith("val_")]
    assert measured
    assert set(thin.loc[thin[measured[0]].notna(), "step"]) == {0, 6, 12, 18, 20}
    whole = osc.run(runs, engine=engine, trace="all").trace
    both = thin.merge(whole, on=["run_id", "step"], suffixes=("", "_whole"))
    assert len(both) == len(thin)
    for name in ("loss", "grad_norm", "update_norm", measured[0]):
        assert both[name].equals(both[f"{name}_whole"]), name


def linear():
    return nn.Linear(6, 2)


@pytest.mark.parametrize("engine", ["single", "stacked"])
@pytest.mark.parametrize("per", ["step", "epoch"])
def test_a_plateau_of_a_validation_metric_counts_evaluations(engine, per):
    """80 training examples in batches of 32 are 3 steps an epoch; evaluated every 5 epochs and at the end."""
    problem = osc.Problem.from_module(linear, examples(), "CrossEntropyLoss", name="still", evaluate_every=5)
    # At so small a rate nothing improves: the first evaluation is the best, three more are bad, the third cuts the rate.
    schedule = f"ReduceLROnPlateau(monitor='val_loss', patience=2, eps=0, per='{per}')"
    found = osc.run(osc.grid(problem, "SGD", schedule, lr=[1e-30, 2e-30], steps=80), engine=engine)
    assert found.trace.dropna(subset=["val_loss"])["step"].unique().tolist() == [0, 15, 30, 45, 60, 75, 80]
    for events in found.runs["events"]:
        assert [event["step"] for event in json.loads(events) if event["kind"] == "lr"] == [60]


def test_lanes_that_look_at_evaluations_keep_apart_from_those_that_look_at_the_loss():
    problem = osc.Problem.from_module(linear, examples(), "CrossEntropyLoss", name="still", evaluate_every=5)
    schedules = [f"ReduceLROnPlateau(monitor='{name}', patience=2)" for name in ("val_loss", "loss")]
    runs = osc.grid(problem, "SGD", schedules, lr=[0.5, 3.0], steps=80)
    lanes, alone = (osc.run(runs, engine=engine).runs for engine in ("stacked", "single"))
    assert lanes["events"].tolist() == alone["events"].tolist()
    assert lanes["loss_final"].tolist() == pytest.approx(alone["loss_final"].tolist(), rel=1e-5)


class Kept(nn.Module):
    """A layer with running means that its builder has frozen."""

    seen: ClassVar[set[bool]] = set()

    def __init__(self):
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(6), nn.Linear(6, 2)
        self.norm.eval()

    def forward(self, inputs):
        type(self).seen.add(self.norm.training)
        return self.last(self.norm(inputs))


@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_a_part_that_was_built_in_evaluation_mode_stays_in_it(validation):
    problem = osc.Problem.from_module(Kept, examples(), "CrossEntropyLoss", name="kept", validation=validation)
    Kept.seen.clear()
    osc.run(osc.grid(problem, "SGD", lr=0.1, steps=9))
    assert Kept.seen == {False}


class Wide(nn.Module):
    most = 0

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 2)

    def forward(self, inputs):
        if not torch._C._functorch.is_batchedtensor(inputs):
            Wide.most = max(Wide.most, len(inputs))
        return self.last(inputs)


@pytest.mark.parametrize("engine", ["single", "stacked"])
def test_a_large_validation_set_goes_in_parts_and_is_judged_whole(engine):
    data = examples(6000)
    train, held = (
        TensorDataset(*(tensor[part] for tensor in data.tensors)) for part in (slice(0, 64), slice(64, None))
    )
    problem = osc.Problem.from_module(Wide, (train, held), "CrossEntropyLoss", name="wide")
    Wide.most = 0
    found = osc.run(osc.grid(problem, "SGD", lr=[0.1, 0.2], seed=[0, 1], steps=2, dtype="float64"), engine=engine)
    assert Wide.most <= 1024
    for row in found.runs.itertuples():
        one = osc.grid(problem, "SGD", lr=row.lr, seed=row.seed, steps=2, dtype="float64")
        weights = _after(one[0])
        with torch.no_grad():
            whole = nn.functional.cross_entropy(weights(held.tensors[0].double()), held.tensors[1])
        assert row.val_loss_final == pytest.approx(float(whole), rel=1e-12)


def _after(run):
    """The network as the plain loop leaves it: a stock optimizer over the instance's own batches."""
    from optiscope.engine.instance import NetworkInstance

    instance = NetworkInstance(run, "cpu")
    optimizer = torch.optim.SGD(instance.parameters, lr=run.lr)
    for step in range(run.steps):
        optimizer.zero_grad()
        instance.loss(step).backward()
        optimizer.step()
    return instance.module


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.back, self.head = nn.Linear(6, 8), nn.Linear(8, 2)
        self.back.requires_grad_(False)

    def forward(self, inputs):
        return self.head(torch.tanh(self.back(inputs)))


@pytest.mark.parametrize("engine", ["stacked", "grouped"])
def test_frozen_weights_are_not_trained_on_lanes(engine):
    problem = osc.Problem.from_module(Frozen, examples(), "CrossEntropyLoss", name="frozen")
    runs = osc.grid(problem, "AdamW(weight_decay=0.5)", lr=[0.1, 0.2], steps=5)
    with pytest.raises(osc.InputError, match=r"back\.weight is frozen"):
        osc.run(runs, engine=engine)
    alone, chosen = (osc.run(runs, engine=which).runs for which in ("single", "auto"))
    assert alone["loss_final"].tolist() == chosen["loss_final"].tolist()


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, output, target):
        self.calls += 1
        return nn.functional.cross_entropy(output, target) * (1 + 0.01 * self.calls)


def test_a_loss_that_remembers_its_calls_is_refused():
    with pytest.raises(osc.InputError, match="must keep nothing from one call to the next"):
        osc.Problem.from_module(linear, examples(), Counting(), name="counts")
