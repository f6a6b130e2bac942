"""On a GPU: every optimizer in every tier beside the plain loop there, and the plain loop beside a CPU's."""

import numpy as np
import pytest
import torch

import optiscope as osc
from optiscope.engine.chunks import lanes_together

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
EVERY = [name for name in osc.optimizers() if name not in ("LBFGS", "Muon", "SparseAdam")]
COMMON = ["SGD", "Momentum", "Adagrad", "RMSprop", "Adam", "AdamW"]
# Kernels of a GPU sum in an order that hangs on the shape: of many lanes in another than of one.
NEAR = {"rtol": 1e-9, "atol": 1e-12}


def by_step(results: osc.Results):
    return results.trace.sort_values(["run_id", "step"], ignore_index=True)


def near(one: osc.Results, other: osc.Results, columns: list[str], **tolerance: float) -> None:
    left, right = by_step(one), by_step(other)
    assert left[["run_id", "step"]].equals(right[["run_id", "step"]])
    for name in columns:
        np.testing.assert_allclose(left[name], right[name], **(NEAR | tolerance), err_msg=name)


@pytest.mark.parametrize("optimizer", EVERY)
def test_auto_equals_the_plain_loop_there(optimizer):
    runs = osc.grid(
        "beale", optimizer, ["constant", "OneCycleLR"], lr=[1e-3, 1e-2], seed=range(2), start="random", steps=40
    )
    lanes = osc.run(runs, device="cuda")
    assert set(lanes.runs["device"]) == {"cuda"}
    near(lanes, osc.run(runs, device="cuda", engine="single"), ["loss", "lr_t", "x0", "x1"])
    if optimizer in COMMON:  # a tier that rounds otherwise is not taken, and the plain loop is right, too
        assert set(lanes.runs["engine"]) <= {"stacked", "grouped"}


@pytest.mark.parametrize("optimizer", EVERY)
def test_the_plain_loop_agrees_with_a_cpu_s(optimizer):
    runs = osc.grid("beale", optimizer, "CosineAnnealingLR", lr=1e-2, steps=40)
    one, other = (osc.run(runs, device=device, engine="single") for device in ("cuda", "cpu"))
    near(one, other, ["loss", "x0", "x1", "grad_norm", "update_norm"], rtol=1e-7)


@pytest.mark.parametrize("network", ["digits-logistic", "digits-mlp", "digits-cnn", "matrix-factorisation", "pinn"])
def test_networks_in_lanes_come_close_to_the_plain_loop_there(network):
    runs = osc.grid(network, ["SGD", "Adam"], lr=[1e-3, 1e-2], seed=range(2), steps=12)
    lanes = osc.run(runs, device="cuda", engine="stacked")
    # Convolutions take TF32 unless torch is told otherwise: ten bits of a product.
    rtol = 1e-2 if network == "digits-cnn" else 1e-3
    near(lanes, osc.run(runs, device="cuda", engine="single"), ["loss"], rtol=rtol, atol=1e-6)


def test_ends_of_lanes_are_those_of_the_plain_loop():
    runs = osc.grid("quadratic", "SGD", lr=[1e-3, 1e3, 1e-2], seed=range(3), start="random", steps=200)
    lanes, plain = (osc.run(runs, device="cuda", engine=engine).runs for engine in ("stacked", "single"))
    assert lanes["status"].tolist() == plain["status"].tolist()
    assert lanes["steps_done"].tolist() == plain["steps_done"].tolist()


def test_a_search_finds_the_rate_that_a_cpu_finds():
    found = [osc.tune("rosenbrock", "Adam", steps=100, device=device).lr for device in ("cuda", "cpu")]
    assert found[0] == found[1]


def test_calibration_chooses_lanes_where_a_network_leaves_the_gpu_idle():
    runs = osc.grid("digits-mlp", "Adam", lr=np.geomspace(1e-4, 1e-2, 128).tolist(), steps=10_000)
    assert lanes_together(runs, 128, "cuda") >= 8
