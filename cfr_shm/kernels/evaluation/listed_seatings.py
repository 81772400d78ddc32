"""Two strategies of one game at one table: who plays the first is told by a mask of seats.

The game is seen through both strategies' eyes: trees, deals and payoffs are the same, rows and
buckets are each one's own.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.kernels.parts.sampling import draw_from_row, sample_outcome
from cfr_shm.kernels.tables.best_response import NOBODY, spread
from cfr_shm.kernels.training.deal import draw_deal
from cfr_shm.layout.tree import DECISION, TERMINAL


@kernel
def seating_reach(first, second, mask, reach):
    """Write how likely each deal comes to each node when the seats of a mask play the first.

    Args:
        first: layout.exploiter.FrozenGame with listed deals, read-only.
        second: the same of the other strategy.
        mask: bit p set: seat p plays the first.
        reach: (nodes, deals) float64, out.
    """
    nodes = first.tree.nodes
    for deal in range(reach.shape[1]):
        reach[0, deal] = first.deals.probability[deal]
    for node in range(reach.shape[0]):
        if (mask >> np.int64(nodes[node]["actor"])) & 1:
            spread(first.tree, first.deals, first.probability, node, NOBODY, reach)
        else:
            spread(second.tree, second.deals, second.probability, node, NOBODY, reach)


@device
def _walk(first, second, mask, key, scratch):
    """Return the leaf that the deal in lanes 0 and 1 comes to, draws keyed by node."""
    node = np.int64(0)
    record = first.tree.nodes[0]
    while record["kind"] < TERMINAL:
        unit = uniform(key, node)
        if record["kind"] != DECISION:
            node = sample_outcome(first.tree, record, unit)
        elif (mask >> np.int64(record["actor"])) & 1:
            bucket = scratch.lane_bucket[0, at(record["actor"]), at(record["street"])]
            row = row_of(record, np.int64(bucket))
            drawn = draw_from_row(first.probability, row, np.int64(record["count"]), unit)
            node = np.int64(record["first_child"]) + drawn
        else:
            other = second.tree.nodes[at(node)]
            bucket = scratch.lane_bucket[1, at(other["actor"]), at(other["street"])]
            row = row_of(other, np.int64(bucket))
            drawn = draw_from_row(second.probability, row, np.int64(other["count"]), unit)
            node = np.int64(other["first_child"]) + drawn
        record = first.tree.nodes[at(node)]
    return node


@kernel
def play_seatings(first, second, seatings, seed, begin, won, scratch):
    """Play deals in all seatings; write what every seat wins.

    Args:
        first: layout.exploiter.FrozenGame, read-only.
        second: the same of the other strategy; both draw the same deal for the same number.
        seatings: (seatings,) int64, read-only; masks of the seats that play the first.
        seed: of deals and actions.
        begin: number of the first deal.
        won: (deals, seatings, players) float64, out; the utility's unit.
        scratch: layout.Scratch of two lanes, this thread's own.

    Draws are keyed by deal and node, never by who sits there: in seatings in which both
    strategies do the same the same happens.
    """
    for deal in range(won.shape[0]):
        draw_deal(first.deals, seed, begin + deal, 0, scratch)
        draw_deal(second.deals, seed, begin + deal, 1, scratch)
        key = sweep_key(seed, begin + deal, 0)
        for place in range(won.shape[1]):
            node = _walk(first, second, seatings[at(place)], key, scratch)
            for player in range(won.shape[2]):
                found = leaf_utility(first.tree, node, player, scratch.lane_strength, 0)
                won[at(deal), at(place), at(player)] = found
