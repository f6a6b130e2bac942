import os

# One thread, here and in the processes that tests start: tiny tensors gain nothing from more, and workers share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

import optiscope as osc
from optiscope.engine.workers import kept


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def same_processes():
    """One set of processes for all tests with jobs, but where a test kills one: each costs an import of torch."""
    with kept():
        yield


@pytest.fixture(scope="session")
def bowl() -> osc.Problem:
    return osc.Problem(
        "bowl", lambda x: x[..., 0] ** 2 + 10 * x[..., 1] ** 2,
        start=(3.0, 2.0), minimum=(0.0, 0.0), bounds=((-4.0, 4.0), (-3.0, 3.0)),
    )  # fmt: skip


@pytest.fixture(scope="session")
def line() -> osc.Problem:
    """f(x) = x: the gradient is 1 everywhere, so that SGD moves by lr a step."""
    return osc.Problem("line", lambda x: x[..., 0], start=(0.0,), bounds=((-1.0, 1.0),))
