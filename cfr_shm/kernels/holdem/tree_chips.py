"""What lies in the pot, and what everybody has put in, at every node of a betting tree."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.shadow import advance
from cfr_shm.kernels.holdem.betting import call_amount, start_hand
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.layout.betting import BET_ACTOR, BET_POT, BET_SEATS
from cfr_shm.layout.tree import DECISION

#: Columns of ``chips`` before those of the seats. A call's total is what the actor then has bet
#: on the street; both are -1 where nobody is to act.
CHIPS_POT, CHIPS_TO_CALL, CHIPS_CALL_TOTAL, CHIPS_SEATS = range(4)


@device
def _write_chips(rules, state, row, decides, chips, place):
    """Write what ``state[row]`` says of the chips to ``chips[place]``."""
    chips[at(place), CHIPS_POT] = state[at(row), at(BET_POT)]
    chips[at(place), CHIPS_TO_CALL] = -1
    chips[at(place), CHIPS_CALL_TOTAL] = -1
    if decides:
        call = call_amount(rules, state, row)
        actor = state[at(row), at(BET_ACTOR)]
        chips[at(place), CHIPS_TO_CALL] = call
        chips[at(place), CHIPS_CALL_TOTAL] = call + state[at(row), at(BET_SEATS + actor)]
    for seat in range(rules.players):
        put = state[at(row), at(BET_SEATS + rules.players + seat)]
        chips[at(place), at(CHIPS_SEATS + seat)] = put


@kernel
def tree_chips(rules, tree, order, walk, chips):
    """Write the chips at the children of some decision nodes, which come depth first.

    Args:
        rules: layout.BettingRules, read-only.
        tree: (nodes, move, parent) of the betting tree, read-only.
        order: (chosen,) int64, read-only; decision nodes that follow those of the last call.
        walk: (path, state): (depth,) int64, the nodes that led to the last one, -1 before the
            first call, and (depth + 1, betting_words(players)) int64, the states there.
        chips: (children, CHIPS_SEATS + players) int64, out; of all their children in turn.
    """
    nodes, move, parent = tree
    path, state = walk
    last = np.int64(state.shape[0] - 1)
    row = np.int64(0)
    for place in range(order.shape[0]):
        node = order[at(place)]
        depth = np.int64(0)
        if parent[at(node)] < 0:
            start_hand(rules, state, 0)
        else:
            while path[at(depth)] != parent[at(node)]:
                depth += 1
            depth += 1
            advance(rules, state, depth - 1, depth, move[at(node)])
        path[at(depth)] = node
        first = np.int64(nodes[at(node)]["first_child"])
        for child in range(first, first + np.int64(nodes[at(node)]["count"])):
            advance(rules, state, depth, last, move[at(child)])
            _write_chips(rules, state, last, nodes[at(child)]["kind"] == DECISION, chips, row)
            row += 1


@kernel
def first_chips(rules, state, chips):
    """Write the chips at the start of a hand to ``chips[0]``; ``state`` has room for one."""
    start_hand(rules, state, 0)
    _write_chips(rules, state, 0, True, chips, 0)
