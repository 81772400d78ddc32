"""How likely a strategy profile comes to each infoset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.kernels.best_response import NOBODY, reach_probability, row_reach
from cfr_shm.strategy.average import Strategy


def reach_of_rows(game: Game, strategy: Strategy) -> NDArray[np.float64]:
    """Return (words,): at each row's first word, the probability that play comes to the row.

    Chance and all players count. Rows that several infosets share have the sum of theirs.

    Raises:
        GameError: the game's deals cannot be enumerated.
    """
    game.require_enumerable("computing the reach")
    pair = np.empty((len(game.tree.nodes), len(game.deals.probability)))
    reach_probability(game.tree, game.deals, strategy.probability, NOBODY, pair)
    total = np.empty(game.table_words)
    row_reach(game.tree, game.deals, pair, total)
    return total
