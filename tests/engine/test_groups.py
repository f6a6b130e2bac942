"""Parameter groups: who is in which, what each gets, and its rate by step, against plain torch loops."""

import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import optiscope as osc
from optiscope.groups import matches, split

STEPS, LR = 12, 0.05


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Tanh())
        self.head = nn.Linear(5, 1)

    def forward(self, x):
        return self.head(self.backbone(x))


def fixed_net() -> Net:
    torch.manual_seed(7)  # the engine and the loop by hand start from one network
    return Net()


INPUTS = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
TARGETS = INPUTS.sum(1, keepdim=True)


def net_problem(**task) -> osc.Problem:
    data = osc.Data(TensorDataset(INPUTS, TARGETS))
    return osc.Problem("net", task=osc.Task(fixed_net, lambda seed: data, nn.functional.mse_loss, 8, **task))


def run(optimizer, schedule="constant", **more) -> osc.Results:
    return osc.run(osc.grid(net_problem(), optimizer, schedule, lr=LR, steps=STEPS, dtype="float64", **more))


def spec(cls, groups, **arguments) -> osc.OptimizerSpec:
    return osc.OptimizerSpec("grouped", cls, arguments, groups=groups)


@pytest.mark.parametrize(
    ("pattern", "name", "owner", "found"),
    [
        ("*.bias", "head.bias", "Linear", True),
        ("*.bias", "bias", "Linear", False),
        ("bias", "bias", "Linear", True),
        ("bias", "backbone.0.bias", "Linear", True),
        ("bias", "head.weight", "Linear", False),
        ("norm", "backbone.1.weight", "LayerNorm", True),
        ("norm", "layers.bn.bias", "BatchNorm2d", True),
        ("norm", "backbone.0.weight", "Linear", False),
        ("backbone", "backbone.0.weight", "Linear", True),
        ("backbone.0", "backbone.0.weight", "Linear", True),
        ("backbone.?", "backbone.1.weight", "LayerNorm", True),
        ("back", "backbone.0.weight", "Linear", False),
        ("head, norm", "backbone.1.weight", "LayerNorm", True),
        ("head, norm", "head.weight", "Linear", True),
        ("HEAD", "head.weight", "Linear", False),
        ("*", "head.weight", "Linear", True),
    ],
)
def test_patterns(pattern, name, owner, found):
    assert matches(pattern, name, owner) is found


def test_the_first_match_wins_and_the_rest_comes_first():
    parts = split(Net(), {"norm": {}, "backbone": {"lr_scale": 0.5}, "bias": {"weight_decay": 0.0}})
    assert [(part.number, part.pattern, list(part.members)) for part in parts] == [
        (0, "", ["head.weight"]),
        (1, "norm", ["backbone.1.weight", "backbone.1.bias"]),
        (2, "backbone", ["backbone.0.weight", "backbone.0.bias"]),
        (3, "bias", ["head.bias"]),
    ]
    assert [part.entry(0.2)["lr"] for part in parts] == [0.2, 0.2, 0.1, 0.2]


def loop(make, steps=STEPS, before=lambda net, optimizer, step: None):
    """The losses of a plain torch loop; `make` builds the optimizer, `before` is called ahead of each step."""
    net = fixed_net().double()
    optimizer = make(net)
    inputs, targets, losses = INPUTS.double(), TARGETS.double(), []
    for step in range(steps):
        before(net, optimizer, step)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(inputs), targets)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return [*losses, nn.functional.mse_loss(net(inputs), targets).item()]


def test_groups_equal_a_plain_loop_to_the_bit():
    def make(net):
        norm, linear = net.backbone[1], net.backbone[0]
        return torch.optim.AdamW(
            [
                {"params": [net.head.weight]},
                {"params": [linear.bias, norm.weight, norm.bias, net.head.bias], "weight_decay": 0.0},
                {"params": [linear.weight], "lr": LR * 0.1, "betas": (0.5, 0.9)},
            ],
            lr=LR, weight_decay=0.3,
        )  # fmt: skip

    groups = {"bias, norm": {"weight_decay": 0.0}, "backbone": {"lr_scale": 0.1, "betas": (0.5, 0.9)}}
    found = run(spec("torch.optim.AdamW", groups, weight_decay=0.3))
    assert found.trace["loss"].tolist() == loop(make)


@pytest.mark.parametrize("cls", ["SGD", "Adam"])
def test_a_frozen_layer_equals_a_plain_loop_to_the_bit(cls):
    arguments = {"momentum": 0.9} if cls == "SGD" else {}
    rate = [LR * 0.5 * (1 + math.cos(math.pi * k / STEPS)) for k in range(STEPS + 1)]

    def make(net):
        net.backbone.requires_grad_(False)
        return getattr(torch.optim, cls)(net.head.parameters(), lr=LR, **arguments)

    def before(net, optimizer, step):
        if step == 5:
            net.backbone.requires_grad_(True)
            optimizer.add_param_group({"params": net.backbone.parameters()})
        for group, scale in zip(optimizer.param_groups, (1.0, 0.2), strict=False):
            group["lr"] = rate[step] * scale

    groups = {"backbone": {"lr_scale": 0.2, "frozen_until": 5}}
    found = run(spec(f"torch.optim.{cls}", groups, **arguments), "CosineAnnealingLR")
    np.testing.assert_allclose(found.trace["loss"], loop(make, before=before), rtol=1e-10)
    np.testing.assert_allclose(found.trace["lr_group0"], rate, atol=1e-15)
    late = found.trace["lr_group1"].to_numpy()
    assert np.isnan(late[:5]).all()
    np.testing.assert_allclose(late[5:], np.array(rate[5:]) * 0.2, atol=1e-15)
    [event] = json.loads(found.runs["events"].iloc[0])
    assert event == {"step": 5, "kind": "note", "text": "group 1 (backbone) joins at step 5"}


@pytest.mark.parametrize("schedule", sorted(set(osc.schedules()) - {"constant", "ReduceLROnPlateau"}))
def test_a_late_group_has_the_rate_of_one_that_was_always_there(schedule):
    def rates(**late):
        groups = {"backbone": {"lr_scale": 0.1, **late}, "norm": {}}
        optimizer = spec("torch.optim.Adam", {"norm": {"lr_scale": 2.0}, **groups})
        return run(optimizer, schedule).trace[["lr_group0", "lr_group1", "lr_group2"]].to_numpy()

    always, late = rates(), rates(frozen_until=7)
    assert np.array_equal(always[:, :2], late[:, :2])
    assert np.isnan(late[:7, 2]).all()
    assert np.array_equal(always[7:, 2], late[7:, 2])
    # One shape for all groups: the rates of a group are its scale times the rate of the run.
    np.testing.assert_allclose(always[:-1, 2], always[:-1, 0] * 0.1, rtol=1e-9, atol=1e-12)


def test_a_cycled_momentum_reaches_a_late_group():
    def momenta(net, optimizer, step):
        seen.append([group["betas"][0] for group in optimizer.param_groups])

    seen: list[list[float]] = []

    class Watched(torch.optim.Adam):
        def step(self, closure=None):
            seen.append([group["betas"][0] for group in self.param_groups])
            return super().step(closure)

    run(osc.OptimizerSpec("watched", Watched, groups={"head": {"frozen_until": 6}}), "OneCycleLR")
    steps = seen[-STEPS:]
    assert [len(one) for one in steps] == [1] * 6 + [2] * 6
    assert len({one[0] for one in steps}) > 5
    assert all(one[0] == one[1] for one in steps[6:])


def test_a_plateau_lowers_late_groups_too():
    late = {"backbone": {"frozen_until": 8, "lr_scale": 0.5}}
    found = run(spec("torch.optim.SGD", late), "ReduceLROnPlateau(patience=0, threshold=10.0, factor=0.5)")
    rates = found.trace[["lr_group0", "lr_group1"]].iloc[8:].to_numpy()
    assert rates[0, 0] < LR
    np.testing.assert_allclose(rates[:, 1], rates[:, 0] / 2)


def test_frozen_weights_stay_and_have_no_gradient():
    alive = run(spec("torch.optim.SGD", {"backbone": {"frozen_until": 4}}))
    # SGD: the length of an update is lr times the norm of the gradient of what is trained.
    trace = alive.trace
    np.testing.assert_allclose(trace["update_norm"][1:], LR * trace["grad_norm"][:-1], rtol=1e-9)
    never = run(spec("torch.optim.SGD", {"backbone": {"frozen_until": 99}}))
    assert "never trained within 12 steps" in never.runs["events"].iloc[0]
    assert alive.trace["loss"][:5].tolist() == never.trace["loss"][:5].tolist()
    assert alive.trace["loss"].iloc[-1] != never.trace["loss"].iloc[-1]


def test_groups_are_part_of_a_run_s_identity_and_of_its_record():
    one, other, swapped = (
        osc.grid("digits-cnn", f"AdamW(groups={groups!r})", lr=0.1)[0]
        for groups in (
            {"bias": {"lr_scale": 0.1}, "0": {}},
            {"bias": {"lr_scale": 0.2}, "0": {}},
            {"0": {}, "bias": {"lr_scale": 0.1}},
        )
    )
    assert len({one.run_id, other.run_id, swapped.run_id}) == 3
    assert one.hyperparameters["optimizer"] == {"groups": [{"pattern": "bias", "lr_scale": 0.1}, {"pattern": "0"}]}
    plain = osc.grid("digits-cnn", "AdamW", lr=0.1)[0]
    assert "groups" not in plain.optimizer.identity
    assert one.optimizer.with_arguments({"eps": 1e-3}, "searched").groups == one.optimizer.groups


def test_the_table_counts_what_there_is():
    groups = {"bias, norm": {"weight_decay": 0.0}, "backbone": {"lr_scale": 0.1, "frozen_until": 9}}
    table = osc.group_table(net_problem(), spec("torch.optim.AdamW", groups, weight_decay=0.1), lr=LR)
    assert table["members"].tolist() == [
        ("head.weight",), ("backbone.0.bias", "backbone.1.weight", "backbone.1.bias", "head.bias"), ("backbone.0.weight",)
    ]  # fmt: skip
    assert table["shapes"].tolist() == [((1, 5),), ((5,), (5,), (5,), (1,)), ((5, 3),)]
    assert table["weights"].tolist() == [5, 16, 15]
    assert table["lr"].tolist() == [LR, LR, LR * 0.1]
    assert table["weight_decay"].tolist() == [0.1, 0.0, 0.1]
    assert table["frozen_until"].tolist() == [0, 0, 9]
    # Adam keeps two moments of 4 bytes a number, and a count of 4 bytes a tensor.
    assert table["state_bytes"].tolist() == [5 * 8 + 4, 16 * 8 + 4 * 4, 15 * 8 + 4]


@pytest.mark.parametrize(
    ("optimizer", "a_weight"), [("SGD", 0), ("Momentum", 4), ("RMSprop", 4), ("RMSprop(momentum=0.9)", 8)]
)
def test_state_bytes(optimizer, a_weight):
    row = osc.group_table("digits-cnn", optimizer).iloc[0]
    counts = 6 * 4 if optimizer.startswith("RMSprop") else 0
    assert row["state_bytes"] == 6090 * a_weight + counts


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("{'7.weigth': {}}", "matches no parameter, did you mean '7.weight'? parameters: 0.weight, 0.bias, 3.weight"),
        ("{'bias, nrom': {}}", "group 'nrom' matches no parameter, did you mean 'norm'?"),
        ("{'norm': {}}", "group 'norm' matches no parameter: the network has no normalisation layer"),
        ("{'bias': {'weight_decay': 'a'}}", "group 'bias': weight_decay must be a number, got 'a'"),
        ("{'features.*': {}}", "group 'features.*' matches no parameter"),
        ("{'*': {}, '0': {}}", "group '0' gets no parameter: '*', before it, has '0.weight' already"),
        ("{'bias': {'lr': 0.1}}", "give lr_scale, a factor of the run's rate"),
        ("{'bias': {'lr_scale': -1}}", "lr_scale must be a finite number > 0, got -1"),
        ("{'bias': {'frozen_until': 0}}", "frozen_until must be a step >= 1, got 0"),
        ("{'bias': {'weight_dcay': 0}}", "takes no 'weight_dcay', did you mean 'weight_decay'?"),
        ("{'bias': {'weight_decay': -1}}", "group 'bias': Invalid weight_decay value: -1"),
        ("{'*': {'frozen_until': 5}}", "every parameter is frozen at the start"),
        ("{'bias': 3}", "group 'bias' needs arguments"),
        ("{'bias,': {}}", "a group's pattern is a text such as"),
        ("3", "groups maps patterns to arguments"),
    ],
)
def test_bad_groups(groups, message):
    with pytest.raises(osc.InputError) as caught:
        osc.run(osc.grid("digits-cnn", f"AdamW(groups={groups})", lr=0.1, steps=1))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_groups_are_refused_where_there_is_one_parameter_or_one_group():
    with pytest.raises(osc.InputError, match="sphere is a test function of one point: leave groups out"):
        osc.run(osc.grid("sphere", "SGD(groups={'bias': {'lr_scale': 2.0}})", lr=0.1))
    with pytest.raises(osc.InputError, match="it has one parameter, and no groups"):
        osc.group_table("sphere", "SGD")
    with pytest.raises(osc.Refused, match="LBFGS doesn't support per-parameter options"):
        osc.run(osc.grid("digits-cnn", "LBFGS(groups={'bias': {'lr_scale': 2.0}})", lr=0.1))
