"""Parts of kernels are called by kernels alone."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.kernels.jit import JIT_DISABLED, device, kernel, outlined


def add_one(number):
    return number + 1


@pytest.mark.parametrize("decorate", [device, outlined])
def test_a_part_works_in_a_kernel_and_says_so_where_it_does_not(decorate):
    part = decorate(add_one)

    @kernel
    def call(numbers):
        numbers[0] = part(numbers[0])

    numbers = np.array([41])
    call(numbers)
    assert numbers[0] == 42
    if JIT_DISABLED:
        assert part(1) == 2
    else:
        with pytest.raises(TypeError, match="add_one is a part of kernels"):
            part(1)
