"""How likely a strategy profile comes to each infoset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.kernels.tables.best_response import NOBODY, reach_probability, row_reach
from cfr_shm.kernels.training.deal import deal_many
from cfr_shm.layout.deals import DEALS_TABLE
from cfr_shm.memory.tables import allocate_scratch
from cfr_shm.strategy.average import Strategy

#: Nodes times deals that an estimate of the reach takes, a few seconds' work, and at once.
SAMPLED_PAIRS = 1 << 26
CHUNK_PAIRS = 1 << 23
LEAST_DEALS, MOST_DEALS = 64, 1 << 16

#: Of the deals of estimates: not one that anybody trains with by chance.
REACH_SEED = 0x7EAC4


def reach_of_rows(game: Game, strategy: Strategy) -> NDArray[np.float64]:
    """Return (entries,): at each row's first entry, the probability that play comes to the row.

    Chance and all players count. Rows that several infosets share have the sum of theirs.

    Raises:
        GameError: the game's deals cannot be enumerated.
    """
    game.require_enumerable("computing the reach")
    pair = np.empty((len(game.tree.nodes), len(game.deals.probability)))
    reach_probability(game.tree, game.deals, strategy.probability, NOBODY, pair)
    total = np.empty(game.table_entries)
    row_reach(game.tree, game.deals, pair, total)
    return total


def sampled_reach_of_rows(game: Game, strategy: Strategy) -> tuple[NDArray[np.float64], int]:
    """Estimate ``reach_of_rows`` where deals are drawn; return it and the number of deals.

    Unbiased: play is followed through the whole tree for each of so many deals, always the
    same ones, that about ``SAMPLED_PAIRS`` nodes are visited. Reaches far below one in the
    number of deals may come out as 0.
    """
    players, streets = game.deals.bucket_count.shape
    nodes = len(game.tree.nodes)
    deal_count = min(MOST_DEALS, max(LEAST_DEALS, SAMPLED_PAIRS // nodes))
    together = max(1, min(deal_count, CHUNK_PAIRS // nodes))
    scratch = allocate_scratch(players, streets, 1, 1, 1)
    total, part = np.zeros(game.table_entries), np.empty(game.table_entries)
    for first in range(0, deal_count, together):
        count = min(together, deal_count - first)
        bucket = np.zeros((count, players, streets), np.int32)
        strength = np.zeros((count, players), np.int32)
        deal_many(game.deals, REACH_SEED, first, scratch, bucket, strength)
        listed = game.deals._replace(
            kind=DEALS_TABLE,
            probability=np.full(count, 1.0 / deal_count),
            bucket=bucket,
            strength=strength,
        )
        for array in (listed.probability, bucket, strength):
            array.setflags(write=False)
        pair = np.empty((nodes, count))
        reach_probability(game.tree, listed, strategy.probability, NOBODY, pair)
        row_reach(game.tree, listed, pair, part)
        total += part
    return total, deal_count
