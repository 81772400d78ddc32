"""How many updates racing workers lost, measured on a quantity that should be conserved.

A plain add by two workers to one cell at the same moment loses one of the two. Each worker
privately counts the strategy weight that it adds (a policy sums to 1, so that a visit adds
exactly the iteration's weight to its row), and the coordinator sums the counts. What the table
has grown by is what arrived. So::

    estimate = (weight that workers added - growth of all strategy sums) / weight that they added

is the share of strategy weight that was lost: exact up to rounding (about 1e-10). It costs one
float64 add per visit and one pass over the table. Regrets lie in the same rows, are added at
the same visits' other end, and are lost at a similar rate. Tables of the workers' own
(docs/adr/0003-updates.md) have one writer each: nothing is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.engine.stats import EngineStats
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.rows import entry_words, first_sum
from cfr_shm.layout.tree import Tree

#: Differences below this are rounding of the sums, not lost updates.
ROUNDING = 1e-9

#: Float32 sums are rounded at random: a million adds to one are right to about 2e-5.
COMPACT_ROUNDING = 1e-5


def estimate_lost_updates(
    weight_added: float, weight_before: float, weight_after: float, rounding: float = ROUNDING
) -> float | None:
    """Return the share of updates that were lost, in [0, 1]; None if none were made.

    Args:
        weight_added: ``EngineStats.strategy_weight``: what workers counted.
        weight_before: ``total_strategy_weight`` of the table at the start.
        weight_after: the same at the end, with nobody writing.
        rounding: a smaller share is taken for rounding of the sums.

    >>> estimate_lost_updates(1000.0, 50.0, 800.0)
    0.25
    """
    if weight_added <= 0:
        return None
    lost = weight_added - (weight_after - weight_before)
    return min(1.0, lost / weight_added) if lost > rounding * weight_added else 0.0


@dataclass(frozen=True)
class StrategyWeights:
    """What the strategy sums should add up to, through discounts of the whole table.

    Attributes:
        before: what they added up to at the start, discounted since.
        kept: what workers had added by the last discount, discounted.
        counted: the same, not discounted.
    """

    before: float
    kept: float = 0.0
    counted: float = 0.0

    def discounted(self, stats: EngineStats, factor: float) -> StrategyWeights:
        """Return the account after a discount by ``factor``."""
        return StrategyWeights(
            before=self.before * factor,
            kept=self._added(stats) * factor,
            counted=stats.strategy_weight,
        )

    def lost(
        self, stats: EngineStats, weight_after: float, rounding: float = ROUNDING
    ) -> float | None:
        """Return the share of updates that were lost, ``estimate_lost_updates``'s.

        Args:
            stats: the engine's totals.
            weight_after: ``total_strategy_weight`` of the table.
            rounding: a smaller share is taken for rounding of the sums.
        """
        return estimate_lost_updates(self._added(stats), self.before, weight_after, rounding)

    def _added(self, stats: EngineStats) -> float:
        return self.kept + stats.strategy_weight - self.counted


def total_strategy_weight(
    tree: Tree, bucket_count: NDArray[np.int64], strategy_sum: NDArray[Any]
) -> float:
    """Return the sum of every strategy sum in the table.

    Args:
        tree: the public tree.
        bucket_count: (players, streets).
        strategy_sum: the table's; what lies between are regrets and is left out.

    Rows that several nodes share are counted once.
    """
    sets = row_sets(tree, bucket_count)
    compact = strategy_sum.dtype == np.float32
    total = 0.0
    for base, stride, count, rows in np.stack(sets[2:], axis=1).tolist():
        # The sums of every second row are equally far apart.
        apart = max(1, (2 * stride * entry_words(compact) * 4) // strategy_sum.itemsize)
        for bucket in range(min(rows, 2)):
            begin = first_sum(base + bucket * stride, count, compact)
            span = (rows - 1 - bucket) // 2 * apart + 1
            for each in range(begin, begin + count):
                total += float(strategy_sum[each : each + span : apart].sum(dtype=np.float64))
    return total
