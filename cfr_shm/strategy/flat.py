"""Arrays of pieces of different lengths, one after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each of some pieces begins.

    >>> starts(np.array([2, 0, 3])).tolist()
    [0, 2, 2]
    """
    found: NDArray[np.int64] = np.cumsum(counts) - counts
    return found


def ranges(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ``count[i]`` numbers from ``first[i]`` on, of all i one after another.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    total = int(count.sum())
    found: NDArray[np.int64] = np.repeat(first - starts(count), count) + np.arange(total)
    return found
