"""Two lanes do to each number what is done to it alone, to the last bit."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.two_lanes import both, first_of, load, second_of, store
from cfr_shm.kernels.jit import kernel


@kernel
def arithmetic(left, right, out):
    """Write sums, differences and products of pairs, and both lanes swapped."""
    for index in range(len(left) // 2):
        one, two = load(left, index), load(right, index)
        store(out, 4 * index, one + two)
        store(out, 4 * index + 1, one - two)
        store(out, 4 * index + 2, one * two + one)
        store(out, 4 * index + 3, both(second_of(one), first_of(one)))


def test_arithmetic_of_lanes_is_that_of_numbers():
    rng = np.random.default_rng(7)
    left, right = rng.normal(size=(2, 40)) * 10.0 ** rng.integers(-200, 200, (2, 40))
    out = np.zeros(160)
    arithmetic(left, right, out)
    found = out.reshape(20, 4, 2)
    one, two = left.reshape(20, 2), right.reshape(20, 2)
    np.testing.assert_array_equal(found[:, 0], one + two)
    np.testing.assert_array_equal(found[:, 1], one - two)
    np.testing.assert_array_equal(found[:, 2], one * two + one)
    np.testing.assert_array_equal(found[:, 3], one[:, ::-1])
