"""Three kernels that compile in a moment; run as a script, a process that makes them ready.

    python tiny_kernels.py ORDER

ORDER numbers kernels, ``021``; they are called in this order. What was told, and which kernels
were compiled, is printed as JSON.
"""

import json
import sys
from functools import partial

import numpy as np

from cfr_shm.kernels.jit import at, device, kernel


@device
def twice(value):
    """Return two times ``value``."""
    return 2.0 * value


@kernel
def add_up(values, total):
    """Write the sum of ``values`` to ``total[0]``."""
    total[0] = 0.0
    for index in range(values.shape[0]):
        total[0] += twice(values[at(index)])


@kernel
def largest(values, total):
    """Write the largest of ``values`` to ``total[0]``."""
    total[0] = values[0]
    for index in range(values.shape[0]):
        if values[at(index)] > total[0]:
            total[0] = values[at(index)]


@kernel
def count_positive(values, total):
    """Write how many of ``values`` are positive to ``total[0]``."""
    total[0] = 0.0
    for index in range(values.shape[0]):
        if values[at(index)] > 0.0:
            total[0] += 1.0


KERNELS = (add_up, largest, count_positive)
EXPECTED = (4.0, 3.0, 2.0)


def call(which):
    """Call one of the kernels and check what it returns."""
    total = np.zeros(1)
    KERNELS[which](np.array([1.0, -2.0, 3.0]), total)
    assert total[0] == EXPECTED[which]


def main():
    """Make the kernels ready in the order given, and print what happened."""
    from compiled_kernels import counting_compiled

    from cfr_shm.kernels.warm import make_ready

    told = []
    with counting_compiled() as compiled:
        for which in map(int, sys.argv[1]):
            make_ready(partial(call, which), f"compiling {which}", told.append)
    json.dump({"told": told, "compiled": compiled}, sys.stdout)


if __name__ == "__main__":
    import tiny_kernels

    tiny_kernels.main()  # whose kernels are named as those of whoever imports them
