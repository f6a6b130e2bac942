import numpy as np
import pytest

from optiscope.streams import derived_seed, integers, normal, torch_generator, uniform


def reference(seed: int, stream: str, index: int) -> int:
    """SplitMix64 in Python's own unbounded integers."""
    import zlib

    mask, gamma = 2**64 - 1, 0x9E3779B97F4A7C15

    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    base = mix((mix((seed + gamma) & mask) + zlib.crc32(stream.encode()) * gamma) & mask)
    return mix((base + (index + 1) * gamma) & mask)


@pytest.mark.parametrize("seed", [0, 1, 7, 1_000_000, 2**40])
def test_against_plain_integers(seed):
    assert integers(seed, "start", 3, 5).tolist() == [reference(seed, "start", k) for k in range(3, 8)]


def test_first_output_of_splitmix64():
    # Published first output of SplitMix64 from state 0 (Steele et al. 2014; Vigna's splitmix64.c).
    from optiscope.streams import _GAMMA, _mix

    assert int(_mix(np.array([_GAMMA]))[0]) == 0xE220A8397B1DCDAF


def test_many_seeds_at_once_are_each_alone():
    seeds = np.arange(50)
    together = normal(seeds, "noise", 10, 7)
    assert together.shape == (50, 7)
    for seed in seeds:
        assert np.array_equal(together[seed], normal(int(seed), "noise", 10, 7))


def test_a_stream_is_one_sequence():
    assert np.array_equal(uniform(3, "a", 0, 10)[4:], uniform(3, "a", 4, 6))


def test_streams_and_seeds_differ():
    drawn = {derived_seed(seed, stream) for seed in range(100) for stream in ("start", "noise", "batches")}
    assert len(drawn) == 300


def test_moments():
    u, z = uniform(5, "u", 0, 200_000), normal(5, "z", 0, 200_000)
    assert u.min() > 0
    assert u.max() < 1
    assert u.mean() == pytest.approx(0.5, abs=0.003)
    assert u.var() == pytest.approx(1 / 12, abs=0.001)
    assert z.mean() == pytest.approx(0, abs=0.01)
    assert z.std() == pytest.approx(1, abs=0.01)


def test_generators_are_apart_and_the_global_one_is_untouched():
    import torch

    before = torch.get_rng_state()
    a = torch.randn(5, generator=torch_generator(1, "a"))
    assert torch.equal(a, torch.randn(5, generator=torch_generator(1, "a")))
    assert not torch.equal(a, torch.randn(5, generator=torch_generator(1, "b")))
    assert torch.equal(before, torch.get_rng_state())
