"""The average strategy: what training is for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.kernels.tables.average import average_strategy
from cfr_shm.layout.table import Table


@dataclass(frozen=True)
class Strategy:
    """A behaviour strategy for every player, of as many entries as the training table; immutable.

    Both arrays are read-only and mean something at the entries of rows only:
    ``probability[row : row + actions]`` sums to 1.
    """

    probability: NDArray[np.float64]  # (entries,)
    weight: NDArray[np.float64]  # (entries,), at each row's first entry; 0: never visited

    def __post_init__(self) -> None:
        self.probability.setflags(write=False)
        self.weight.setflags(write=False)

    @classmethod
    def from_table(cls, game: Game, table: Table) -> Strategy:
        """Normalise the strategy sums of ``table``; rows never visited are uniform.

        The sums are only read, and the strategy shares no memory with the table. Nobody may
        write to the table meanwhile.
        """
        sums = np.asarray(table.strategy_sum).view()
        sums.setflags(write=False)
        probability = np.zeros(game.table_entries)
        weight = np.zeros(game.table_entries)
        average_strategy(game.tree.nodes, game.deals.bucket_count, sums, probability, weight)
        return cls(probability, weight)
