"""Exact values and best responses on an enumerated game, for any number of players.

Everything is a sum over (node, deal) pairs of *weighted* values: reach times utility. A node's
weighted value is then the sum of its children's, whoever moves and whatever chance does, except
where the responder chooses. The array that brings the reach down carries the values back up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import device, kernel
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.kernels.parts.rows import row_of
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.tree import CHANCE, DECISION, Tree

#: As ``responder``: nobody deviates.
NOBODY = -1


@device
def _row_under(record, deals, deal):
    """Return the row that a decision node uses under a deal."""
    return row_of(record, deals.bucket[deal, record["actor"], record["street"]])


@device
def spread(tree, deals, probability, node, responder, reach):
    """Fill the children's rows of ``reach`` (nodes, deals) from the node's own; leaves have none.

    The choices of ``responder``, if anybody's, count as 1.
    """
    record = tree.nodes[node]
    count = int(record["count"])
    child = int(record["first_child"])
    if record["kind"] == DECISION:
        chosen_later = record["actor"] == responder
        for deal in range(reach.shape[1]):
            own = reach[node, deal]
            row = _row_under(record, deals, deal)
            for action in range(count):
                share = 1.0 if chosen_later else probability[row + action]
                reach[child + action, deal] = own * share
    elif record["kind"] == CHANCE:
        before = 0.0
        for outcome in range(count):
            cumulative = tree.outcome_cumulative[record["detail"] + outcome]
            for deal in range(reach.shape[1]):
                reach[child + outcome, deal] = reach[node, deal] * (cumulative - before)
            before = cumulative


@kernel
def reach_probability(
    tree: Tree,
    deals: Deals,
    probability: NDArray[np.float64],
    responder: int,
    reach: NDArray[np.float64],
) -> None:
    """Write each (node, deal)'s reach probability, without the responder's own part.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals of kind DEALS_TABLE, read-only.
        probability: (entries,) float64, read-only; the strategy of every row.
        responder: the player whose own choices count as 1, or NOBODY.
        reach: (nodes, deals) float64, out.
    """
    for deal in range(reach.shape[1]):
        reach[0, deal] = deals.probability[deal]
    for node in range(reach.shape[0]):
        spread(tree, deals, probability, node, responder, reach)


@kernel
def profile_values(
    tree: Tree,
    deals: Deals,
    reach: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    """Write every player's expected utility under the profile that ``reach`` stands for.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals of kind DEALS_TABLE, read-only.
        reach: (nodes, deals) float64, read-only; with responder NOBODY.
        values: (players,) float64, out; in the utility's unit.
    """
    values[:] = 0.0
    for node in range(reach.shape[0]):
        kind = tree.nodes[node]["kind"]
        if kind != DECISION and kind != CHANCE:
            for deal in range(reach.shape[1]):
                share = reach[node, deal]
                if share > 0.0:
                    for player in range(values.shape[0]):
                        utility = leaf_utility(tree, node, player, deals.strength, deal)
                        values[player] += share * utility


@kernel
def row_reach(
    tree: Tree,
    deals: Deals,
    reach: NDArray[np.float64],
    total: NDArray[np.float64],
) -> None:
    """Add up the reach of every row over the nodes and deals that use it.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals of kind DEALS_TABLE, read-only.
        reach: (nodes, deals) float64, read-only.
        total: (entries,) float64, out; at each row's first entry.
    """
    total[:] = 0.0
    for node in range(reach.shape[0]):
        record = tree.nodes[node]
        if record["kind"] == DECISION:
            for deal in range(reach.shape[1]):
                total[_row_under(record, deals, deal)] += reach[node, deal]


@device
def _own_moves(tree, responder, moves):
    """Write how often the responder has moved before each node; return the most plus one."""
    most = 0
    moves[0] = 0
    for node in range(moves.shape[0]):
        record = tree.nodes[node]
        if record["kind"] == DECISION or record["kind"] == CHANCE:
            own = record["kind"] == DECISION and record["actor"] == responder
            after = moves[node] + 1 if own else moves[node]
            most = max(most, after)
            child = int(record["first_child"])
            for each in range(child, child + int(record["count"])):
                moves[each] = after
    return most + 1


@device
def _weigh_actions(tree, deals, responder, node, value, entry_value):
    """Add a responder node's weighted action values to the entries of its rows."""
    record = tree.nodes[node]
    if record["kind"] == DECISION and record["actor"] == responder:
        child = int(record["first_child"])
        for deal in range(value.shape[1]):
            row = _row_under(record, deals, deal)
            for action in range(int(record["count"])):
                entry_value[row + action] += value[child + action, deal]


@device
def _settle(tree, deals, responder, node, value, entry_value):
    """Turn a node's reach into its weighted value; everything below is settled."""
    record = tree.nodes[node]
    count = int(record["count"])
    child = int(record["first_child"])
    if record["kind"] == DECISION and record["actor"] == responder:
        for deal in range(value.shape[1]):
            row = _row_under(record, deals, deal)
            best = 0
            for action in range(1, count):
                if entry_value[row + action] > entry_value[row + best]:
                    best = action
            value[node, deal] = value[child + best, deal]
    elif record["kind"] == DECISION or record["kind"] == CHANCE:
        for deal in range(value.shape[1]):
            total = 0.0
            for each in range(child, child + count):
                total += value[each, deal]
            value[node, deal] = total
    else:
        for deal in range(value.shape[1]):
            value[node, deal] *= leaf_utility(tree, node, responder, deals.strength, deal)


@kernel
def best_response(
    tree: Tree,
    deals: Deals,
    probability: NDArray[np.float64],
    responder: int,
    moves: NDArray[np.int32],
    value: NDArray[np.float64],
    entry_value: NDArray[np.float64],
) -> float:
    """Return what ``responder`` gets from the best reply to everybody else's strategy.

    Args:
        tree: layout.Tree, read-only; the responder has perfect recall in it.
        deals: layout.Deals of kind DEALS_TABLE, read-only.
        probability: (entries,) float64, read-only; the strategy of every row.
        responder: player index.
        moves: (nodes,) int32, scratch.
        value: (nodes, deals) float64, scratch; first reach, then weighted values.
        entry_value: (entries,) float64, out; each responder entry's weighted value.

    Layers of the responder's own moves are settled from the deepest up: a row's action values
    are complete once every node that is one own move further is settled, wherever in the tree
    the row's nodes lie. Within a layer children come after parents, hence the reverse order.
    Source of the public-tree walk: Johanson et al. 2011, "Accelerating best response
    calculation in large extensive games"; the layers extend it to shared infosets.
    """
    for deal in range(value.shape[1]):
        value[0, deal] = deals.probability[deal]
    for node in range(value.shape[0]):
        spread(tree, deals, probability, node, responder, value)
    entry_value[:] = 0.0
    for layer in range(_own_moves(tree, responder, moves) - 1, -1, -1):
        for node in range(value.shape[0]):
            if moves[node] == layer:
                _weigh_actions(tree, deals, responder, node, value, entry_value)
        for node in range(value.shape[0] - 1, -1, -1):
            if moves[node] == layer:
                _settle(tree, deals, responder, node, value, entry_value)
    total = 0.0
    for deal in range(value.shape[1]):
        total += value[0, deal]
    return total
