"""The share of updates that racing workers lost in this part of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cfr_shm.engine.kernel_calls import keeps_own_table
from cfr_shm.engine.lost_updates import (
    COMPACT_ROUNDING,
    ROUNDING,
    StrategyWeights,
    total_strategy_weight,
)
from cfr_shm.engine.stats import EngineStats
from cfr_shm.games.game import Game
from cfr_shm.memory.tables import TrainingViews, table_of
from cfr_shm.run.setup import Settled


@dataclass(frozen=True)
class LossEstimate:
    """What the strategy sums should add up to; a new one after every discount.

    Attributes:
        game: whose table it is.
        compact: its layout.
        may_lose: whether several workers add to the same cells at all.
        alone: whether nobody else's sums are moved into the table.
        weights: what should be in the table.
    """

    game: Game
    compact: bool
    may_lose: bool
    alone: bool
    weights: StrategyWeights

    @classmethod
    def begin(
        cls,
        settled: Settled,
        game: Game,
        views: TrainingViews,
        *,
        resumed: bool,
        alone: bool = True,
    ) -> LossEstimate:
        """Return the estimate at the start of a run, or of a further part of it."""
        may_lose = settled.engine.races and not keeps_own_table(settled.engine, views)
        before = 0.0
        if may_lose and resumed:
            before = _total_weight(game, views.rows, settled.compact)
        return cls(game, settled.compact, may_lose, alone, StrategyWeights(before))

    def discounted(self, stats: EngineStats, factor: float) -> LossEstimate:
        """Return the estimate after all strategy sums were multiplied by ``factor``."""
        return replace(self, weights=self.weights.discounted(stats, factor))

    def share(self, rows: NDArray[np.float64], stats: EngineStats) -> float | None:
        """Return the share of updates that were lost since this part began.

        None once a worker was lost: what it had added since its last result is in the table,
        and nobody knows how much that is. None also before anything was measured, and where
        other ranks' sums come into the table.

        Args:
            rows: the table's, or a copy; nobody writes to them.
            stats: the engine's totals when the table was as it is there.
        """
        if not self.may_lose:
            return 0.0
        if stats.replayed_iterations or not self.alone:
            return None
        rounding = COMPACT_ROUNDING if self.compact else ROUNDING
        weight = _total_weight(self.game, rows, self.compact)
        return self.weights.lost(stats, weight, rounding)


def _total_weight(game: Game, rows: NDArray[np.float64], compact: bool) -> float:
    sums = table_of(rows, compact).strategy_sum
    return total_strategy_weight(game.tree, game.deals.bucket_count, sums)
