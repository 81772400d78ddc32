"""Strategy sums of a worker's own, for tables that all workers have in their first caches.

Nobody reads a strategy sum while a task runs. Kept apart until the task is done, sums no longer
take cache lines from the other workers, and none of their adds is lost
(docs/adr/0003-updates.md).
"""

from __future__ import annotations

from cfr_shm.kernels.atomics import atomic_add
from cfr_shm.kernels.jit import at, kernel


@kernel
def hand_over(own, strategy_sum):
    """Add a worker's own strategy sums to the table's, and clear them.

    Args:
        own: (words,) float64, in and out: 0 wherever the table has no strategy sum.
        strategy_sum: (words,) float64, a wide table's, shared, added to. Words whose own sum is
            0 are left alone: they may be regrets.
    """
    for word in range(own.shape[0]):
        if own[at(word)] != 0.0:
            atomic_add(strategy_sum, word, own[at(word)])
            own[at(word)] = 0.0
