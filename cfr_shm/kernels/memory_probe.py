"""How fast this machine reaches independent random rows: the limit of large tables."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, kernel
from cfr_shm.kernels.rng import mix64


@kernel
def touch_random_words(words, first, count):
    """Add to ``count`` words at independent random places of ``words``.

    Args:
        words: (n,) float64, read and written; n a power of two.
        first: number of the first draw, so that calls do not repeat each other.
        count: places to touch.

    Nothing depends on what is read, so that as many misses overlap as the core can keep in
    flight: no traversal can visit rows faster.
    """
    mask = np.uint64(words.shape[0] - 1)
    for draw in range(count):
        words[at(mix64(np.uint64(first + draw)) & mask)] += 1.0
