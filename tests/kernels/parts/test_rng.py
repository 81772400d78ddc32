"""The keyed random numbers: documented vectors, uniformity, and independence of the keys."""

import numpy as np
import pytest

from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rng import sweep_key, uniform

MASK = 2**64 - 1


@kernel
def draws(seed, iteration, stream, out):
    key = sweep_key(seed, iteration, stream)
    for index in range(out.shape[0]):
        out[index] = uniform(key, index)


def draw(seed, iteration, stream, count):
    out = np.zeros(count)
    draws(seed, iteration, stream, out)
    return out


def mix(value):
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def documented(seed, iteration, stream, index):
    """What the module's docstring says, in whole numbers."""
    golden = 0x9E3779B97F4A7C15
    key = mix((seed + golden) & MASK)
    key = mix(key ^ (iteration + 1) * golden & MASK)
    key = mix(key + (stream + 1) * 0xD1342543DE82EF95 & MASK)
    return (mix(key + (index + 1) * golden & MASK) >> 11) / 2**53


#: (seed, iteration, stream, index) -> draw; they must never change, or runs cannot be resumed.
VECTORS = {
    (0, 0, 0, 0): 0.905457445394878,
    (1, 0, 0, 0): 0.9710199065700824,
    (1, 12345, 1, 84): 0.9901904698975086,
    (2**63 - 1, 2**40, 255, 2**31): 0.5279766148277176,
}


def test_splitmix64_matches_its_published_first_output():
    # Steele, Lea & Flood's generator seeded with 0, as in Vigna's splitmix64.c.
    assert mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF


@pytest.mark.parametrize(("place", "expected"), VECTORS.items())
def test_vectors_never_change(place, expected):
    assert documented(*place) == expected


@pytest.mark.parametrize(
    ("seed", "iteration", "stream"), [(0, 0, 0), (1, 7, 1), (2**63 - 1, 2**40, 255)]
)
def test_draws_are_the_documented_function_of_their_place(seed, iteration, stream):
    got = draw(seed, iteration, stream, 50)
    assert got.tolist() == [documented(seed, iteration, stream, i) for i in range(50)]


def test_draws_are_uniform_along_every_part_of_the_place():
    count = 20_000
    along_index = draw(3, 5, 0, count)
    along_iteration = np.array([draw(3, i, 0, 1)[0] for i in range(count)])
    along_seed = np.array([draw(s, 5, 0, 1)[0] for s in range(count)])
    for sample in (along_index, along_iteration, along_seed):
        assert sample.min() >= 0.0
        assert sample.max() < 1.0
        observed = np.histogram(sample, bins=50, range=(0, 1))[0]
        chi_square = ((observed - count / 50) ** 2 / (count / 50)).sum()
        assert chi_square < 95  # 49 degrees of freedom: exceeded once in 10,000
        serial = np.corrcoef(sample[:-1], sample[1:])[0, 1]
        assert abs(serial) < 4 / np.sqrt(count)


def test_players_deals_and_neighbouring_iterations_draw_independently():
    count = 20_000
    samples = [draw(3, 5, 0, count), draw(3, 5, 1, count), draw(3, 5, 255, count)]
    samples += [draw(3, 6, 0, count), draw(4, 5, 0, count)]
    correlation = np.corrcoef(samples) - np.eye(len(samples))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(count)
