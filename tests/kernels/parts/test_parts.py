"""Parts of kernels are called by kernels, and from Python by tests."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.kernels.jit import device, kernel, outlined


def add_one(number):
    return number + 1


@pytest.mark.parametrize("decorate", [device, outlined])
def test_a_part_works_in_a_kernel_and_by_itself(decorate):
    part = decorate(add_one)

    @kernel
    def call(numbers):
        numbers[0] = part(numbers[0])

    numbers = np.array([41])
    call(numbers)
    assert numbers[0] == 42
    assert part(1) == 2
    assert part(1.5) == 2.5
