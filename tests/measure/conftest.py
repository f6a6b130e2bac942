import pytest

from optiscope.measure.bandwidth import Bandwidth, Probe

GB = 1e9


@pytest.fixture(scope="session")
def memory() -> Bandwidth:
    """A machine whose caches give 100 GB/s and whose memory gives 10 for a copy and 12 for an update."""
    probes = [("copy", 10**6, 80.0, 90.0), ("update", 10**6, 95.0, 100.0), ("copy", 10**8, 10.0, 10.5),
              ("update", 10**8, 12.0, 12.5)]  # fmt: skip
    return Bandwidth("cpu", 1, tuple(Probe(*probe) for probe in probes))
