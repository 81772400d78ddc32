"""What bounds training here: random rows for large tables, shared cache lines for small ones."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, kernel
from cfr_shm.kernels.parts.atomics import atomic_load, atomic_store
from cfr_shm.kernels.parts.rng import mix64


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


@kernel
def pass_to_and_fro(words, side, turns):
    """Pass a cache line to another thread and wait until it comes back, over and over.

    Args:
        words: (8,) int64, zero before; both threads', and nobody else's.
        side: 0 for the thread that begins, 1 for the one that answers.
        turns: how often the line goes and comes back.

    Neither returns without the other.
    """
    for turn in range(turns):
        while atomic_load(words, 0) != 2 * turn + side:
            pass
        atomic_store(words, 0, 2 * turn + side + 1)
