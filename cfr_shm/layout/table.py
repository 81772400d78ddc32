"""The memory format of the training table, and of what is added to it from elsewhere."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.exchange import NO_EXCHANGE, Exchange
from cfr_shm.layout.rows import first_regret, first_sum

#: Words of increments for each entry of the table.
BLOCK_WORDS = 3


class Increments(NamedTuple):
    """What a freeze adds to the table, in units: whole numbers, whose sums have no order.

    Row ``r`` with ``n`` actions has a block from word ``BLOCK_WORDS * r`` on: ``n`` units of its
    strategy sums, ``n`` float32 regrets as the table has them, padded to a whole word, ``n``
    units of its regrets (``kernels.parts.increments``).
    """

    units: NDArray[np.int64]  # (3 * entries,), one worker's own or everybody's
    regret: NDArray[np.float32]  # ``units``, as regrets
    per_weight: float  # units for each 1.0 of strategy weight, a power of 2
    per_chip: float  # units for each chip of regret, a power of 2
    per_utility: float  # units for each chip of utility, a power of 2


class NoIncrements(NamedTuple):
    """As ``Increments``, of a table that is added to at once.

    A class of its own, so that kernels know which of the two it is when they are compiled
    (``kernels.parts.rows.is_frozen``), with the same fields, so that both are compiled.
    """

    units: NDArray[np.int64]
    regret: NDArray[np.float32]
    per_weight: float
    per_chip: float
    per_utility: float


NO_INCREMENTS = NoIncrements(np.zeros(0, np.int64), np.zeros(0, np.float32), 1.0, 1.0, 1.0)


class Table(NamedTuple):
    """Two typed views of the same rows, and what a freeze or other workers add to them."""

    strategy_sum: NDArray[Any]  # float64, or float32 if compact; weighted policy sums
    regret: NDArray[np.float32]  # the same memory; cumulative, chips
    increments: Increments | NoIncrements = NO_INCREMENTS
    exchange: Exchange = NO_EXCHANGE

    @property
    def compact(self) -> bool:
        """Whether the table has the compact layout."""
        return bool(self.strategy_sum.dtype == np.float32)

    def sums_of(self, row: int, count: int) -> NDArray[Any]:
        """Return a view of one row's strategy sums, (count,)."""
        return self.strategy_sum[first_sum(row, count, self.compact) :][:count]

    def regrets_of(self, row: int, count: int) -> NDArray[np.float32]:
        """Return a view of one row's regrets, (count,)."""
        return self.regret[first_regret(row, count, self.compact) :][:count]
