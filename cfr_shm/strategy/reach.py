"""How likely a strategy profile comes to each infoset."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.bucket_file import let_pages_go
from cfr_shm.games.game import Game
from cfr_shm.kernels.holdem.depth_first import next_decisions
from cfr_shm.kernels.tables.best_response import NOBODY, reach_probability, row_reach
from cfr_shm.kernels.training.deal import deal_many
from cfr_shm.layout.tree import DECISION
from cfr_shm.memory.tables import allocate_scratch
from cfr_shm.strategy.average import Strategy

#: Nodes times deals that an estimate of the reach takes, a few seconds' work.
SAMPLED_PAIRS = 1 << 26
LEAST_DEALS, MOST_DEALS = 64, 1 << 16

#: Deals of estimates that are dealt before card buckets are let go from this process's memory: each
#: brings 64 KiB of them for every seat, or 2 MiB where pages are huge (256 of them brought 60 MB
#: more), and 64 Ki of deals the whole file.
DEALS_TOGETHER = 32

#: Decision nodes that are found at a time.
NODES_TOGETHER = 1024

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
    """Estimate ``reach_of_rows`` where deals are drawn; return it and the number of deals."""
    sampled = SampledReach(game)
    total = np.zeros(game.table_entries)
    for nodes in sampled.parts():
        for node in nodes.tolist():
            rows = rows_at(game, node)
            entry = rows[:, None] + np.arange(int(game.tree.nodes[node]["count"]))
            total[rows] += sampled.take(node, strategy.probability[entry])
    return total, sampled.deal_count


class SampledReach:
    """Estimates how likely play comes to each row, in one walk down the tree of hold'em.

    Unbiased: play is followed through the whole tree for each of so many deals, always the
    same ones, that about ``SAMPLED_PAIRS`` nodes are visited. Reaches far below one in the
    number of deals may come out as 0. Only nodes that wait to be visited take memory.

    Attributes:
        deal_count: how many deals are followed.
    """

    def __init__(self, game: Game) -> None:
        nodes = game.tree.nodes
        self._nodes, self._buckets = nodes, game.deals.bucket_count
        self._kind = nodes["kind"]
        self.deal_count = min(MOST_DEALS, max(LEAST_DEALS, SAMPLED_PAIRS // len(nodes)))
        self._bucket = _dealt(game, self.deal_count)
        self._waiting_room = game.max_depth * game.player_count * game.max_actions + 2
        self._waiting = {0: np.full(self.deal_count, 1.0 / self.deal_count)}

    def parts(self) -> Iterator[NDArray[np.int64]]:
        """Yield the decision nodes in the order in which they have to be taken, some at a time.

        Depth first, as their rows lie. Each part is to be used before the next is asked for.
        """
        waiting, found = np.zeros(self._waiting_room, np.int64), np.empty(NODES_TOGETHER, np.int64)
        waiting[0] = 1
        while count := next_decisions(self._nodes, waiting, found):
            yield found[:count]

    def take(self, node: int, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Go on from the next node of ``parts``; return (buckets,) the reach of its rows.

        Args:
            node: the next one.
            probability: (buckets, actions) of its rows.
        """
        record = self._nodes[node]
        actor, street = int(record["actor"]), int(record["street"])
        own = self._waiting.pop(node)
        bucket = self._bucket[:, actor, street]
        child = int(record["first_child"])
        kinds = self._kind[child : child + int(record["count"])].tolist()
        for action, kind in enumerate(kinds):
            if kind == DECISION:
                self._waiting[child + action] = own * probability[bucket, action]
        count = int(self._buckets[actor, street])
        return np.bincount(bucket, weights=own, minlength=count).astype(np.float64)


def _dealt(game: Game, count: int) -> NDArray[np.int32]:
    """Return (deals, players, streets) the buckets of so many deals."""
    players, streets = game.deals.bucket_count.shape
    bucket = np.zeros((count, players, streets), np.int32)
    strength = np.zeros((DEALS_TOGETHER, players), np.int32)
    scratch = allocate_scratch(players, streets, 1, 1, 1)
    for first in range(0, count, DEALS_TOGETHER):
        some = bucket[first : first + DEALS_TOGETHER]
        deal_many(game.deals, REACH_SEED, first, scratch, some, strength[: len(some)])
        let_pages_go()
    return bucket


def rows_at(game: Game, node: int) -> NDArray[np.int64]:
    """Return (buckets,) the rows of a decision node."""
    record = game.tree.nodes[node]
    buckets = int(game.deals.bucket_count[record["actor"], record["street"]])
    return int(record["row_base"]) + np.arange(buckets) * int(record["row_stride"])
