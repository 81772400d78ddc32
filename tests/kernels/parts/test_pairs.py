"""Two neighbours at a time: the same as one after the other, wherever they lie."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.kernels.jit import device
from cfr_shm.kernels.parts.pairs import add_pair, subtract_pair


@device
def _add(out, index, left, left_index, right, right_index):
    add_pair(out, index, left, left_index, right, right_index)


@device
def _subtract(out, index, left, left_index, right, right_index):
    subtract_pair(out, index, left, left_index, right, right_index)


@pytest.mark.parametrize(("combine", "of"), [(_add, np.add), (_subtract, np.subtract)])
@pytest.mark.parametrize("index", [0, 1, 6])
def test_a_pair_is_combined_and_its_neighbours_are_left_alone(combine, of, index):
    random = np.random.default_rng(index)
    left, right, out = (random.normal(size=8).astype(np.float32) for _ in range(3))
    expected = out.copy()
    expected[index : index + 2] = of(left[3:5], right[5:7])
    combine(out, index, left, np.int32(3), right, 5)
    assert np.array_equal(out, expected)


def test_a_pair_may_be_combined_with_what_takes_its_place():
    regret, gained = np.arange(4, dtype=np.float32), np.full(4, 10, np.float32)
    _add(regret, 1, regret, 1, gained, 1)
    assert regret.tolist() == [0.0, 11.0, 12.0, 3.0]
