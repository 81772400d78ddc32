"""Play deals between two strategies: every deal in some seatings, actions by keyed draws.

The draws of a seat's actions are keyed by the deal, the seat and how often it has acted, never
by who sits there. So a strategy against itself plays the same hand in every seating.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.shadow import as_played, play, read_move
from cfr_shm.kernels.holdem.betting import losing_utility, pots, start_hand
from cfr_shm.kernels.jit import at, device, kernel, outlined
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.layout.betting import BET_ACTOR, BET_STATUS, BET_STREET, CALL, PLAYING
from cfr_shm.layout.following import (
    FOLLOW_IN_STEP,
    FOLLOW_NODE,
    FOLLOW_PLAYED,
    FOLLOW_TREE,
)

#: Streams of the seats' actions.
PLAY_STREAM = 128


@device
def _probability(policy, side, entry):
    """Return what a side's table holds at an entry."""
    if side == 0:
        return policy.first[at(entry)]
    return policy.second[at(entry)]


@device
def _row_of(policy, deals, row, side, seat, node, street):
    """Return the first entry of a seat's hand at a node of a side's tree."""
    number = np.int64(deals.number[at(side), at(row), at(seat), at(street)])
    return policy.row_base[at(node)] + number * policy.row_stride[at(node)]


@device
def _chosen(policy, side, entry, count, draw):
    """Return the action that a uniform number below 1 stands for; never one of no probability."""
    taken = np.int64(0)
    left = draw
    while taken + 1 < count and left >= _probability(policy, side, entry + taken):
        left -= _probability(policy, side, entry + taken)
        taken += 1
    while taken > 0 and _probability(policy, side, entry + taken) <= 0.0:
        taken -= 1
    return taken


@device
def _begin(policy, space):
    """Lay the opening of a hand out for both sides."""
    for side in range(2):
        for word in range(space.opening.shape[1]):
            space.state[at(side), FOLLOW_PLAYED, at(word)] = space.opening[0, at(word)]
            space.state[at(side), FOLLOW_TREE, at(word)] = space.opening[0, at(word)]
        space.follow[at(side), FOLLOW_NODE] = policy.root[at(side)]
        space.follow[at(side), FOLLOW_IN_STEP] = 1
    for seat in range(len(space.draws)):
        space.draws[at(seat)] = 0


@outlined
def _play_hand(tree, policy, deals, row, seating, space):
    """Play a deal in a seating to its end."""
    _begin(policy, space)
    played = space.state[0]
    while played[FOLLOW_PLAYED, BET_STATUS] == PLAYING:
        actor = played[FOLLOW_PLAYED, BET_ACTOR]
        side = 1 - ((seating >> actor) & 1)
        own, own_follow = space.state[at(side)], space.follow[at(side)]
        other, other_follow = space.state[at(1 - side)], space.follow[at(1 - side)]
        move = np.int64(CALL)
        node = own_follow[FOLLOW_NODE]
        if node >= 0:
            street = played[FOLLOW_PLAYED, BET_STREET]
            entry = _row_of(policy, deals, row, side, actor, node, street)
            key = sweep_key(deals.seed, deals.first + row, PLAY_STREAM + actor)
            draw = uniform(key, space.draws[at(actor)])
            space.draws[at(actor)] += 1
            count = np.int64(tree.nodes[at(node)]["count"])
            child = np.int64(tree.nodes[at(node)]["first_child"])
            child += _chosen(policy, side, entry, count, draw)
            move = as_played(tree, own, own_follow, child)
        # What a side did itself it reads as everybody does: all hangs on what is public.
        child = read_move(tree, own, own_follow, move)
        play(tree, own, own_follow, move, child)
        child = read_move(tree, other, other_follow, move)
        play(tree, other, other_follow, move, child)


@device
def _settle(real, strength, state, space, won):
    """Write what each seat wins of a finished hand; pots are split into equal parts."""
    for seat in range(real.players):
        won[at(seat)] = losing_utility(real, state, FOLLOW_PLAYED, seat)
    for pot in range(pots(real, state, FOLLOW_PLAYED, space.amount, space.mask)):
        best = np.int64(-1)
        tied = 0
        for seat in range(real.players):
            if (space.mask[at(pot)] >> seat) & 1:
                mine = np.int64(strength[at(seat)])
                if mine > best:
                    best = mine
                    tied = 0
                if mine == best:
                    tied += 1
        for seat in range(real.players):
            if (space.mask[at(pot)] >> seat) & 1 and np.int64(strength[at(seat)]) == best:
                won[at(seat)] += space.amount[at(pot)] / tied


@kernel
def play_deals(tree, policy, deals, won, space):
    """Play every deal in every seating.

    Args:
        tree: layout.following.FollowedTree of both sides, read-only; both have its rules.
        policy: layout.play.PlayPolicy, read-only.
        deals: layout.play.PlayDeals, read-only.
        won: (deals, seatings, players) float64, out; chips.
        space: layout.play.PlaySpace, this thread's own.
    """
    start_hand(tree.real, space.opening, 0)
    for row in range(won.shape[0]):
        for place in range(won.shape[1]):
            _play_hand(tree, policy, deals, row, deals.seating[at(place)], space)
            state = space.state[0]
            _settle(tree.real, deals.strength[at(row)], state, space, won[at(row), at(place)])
