"""Play deals between two strategies: every deal in some seatings, actions by keyed draws.

The draws of a seat's actions are keyed by the deal, the seat and how often it has acted, never
by who sits there. So a strategy against itself plays the same hand in every seating.

``play_on`` plays hand by hand and waits where a side acts that has no table: whoever that is
is asked outside.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.luck import account_cards, account_choice, forget_deal
from cfr_shm.kernels.evaluation.shadow import as_played, play, read_move
from cfr_shm.kernels.holdem.betting import losing_utility, pots, start_hand
from cfr_shm.kernels.jit import at, device, kernel, outlined
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.layout.betting import BET_ACTOR, BET_STATUS, BET_STREET, CALL, FOLDED_OUT, PLAYING
from cfr_shm.layout.following import (
    FOLLOW_IN_STEP,
    FOLLOW_NODE,
    FOLLOW_PLAYED,
    FOLLOW_TREE,
)
from cfr_shm.layout.play import (
    ASKED_A_SIDE,
    ASKED_ANSWER,
    ASKED_BEGIN,
    ASKED_GO_ON,
    ASKED_MOVES,
    ASKED_NOBODY,
    ASKED_OVER,
    ASKED_ROW,
    ASKED_SEATING,
)

#: Streams of the seats' actions.
PLAY_STREAM = 128
_RIVER = 3


@device
def _read_chances(policy, side, entry, count, chances):
    """Copy what a side's table holds for the actions of a row."""
    for action in range(count):
        if side == 0:
            chances[at(action)] = policy.first[at(entry + action)]
        else:
            chances[at(action)] = policy.second[at(entry + action)]


@device
def _row_of(policy, deals, row, side, seat, node, street):
    """Return the first entry of a seat's hand at a node of a side's tree."""
    number = np.int64(deals.number[at(side), at(row), at(seat), at(street)])
    return policy.row_base[at(node)] + number * policy.row_stride[at(node)]


@device
def _chosen(chances, count, draw):
    """Return the action that a uniform number below 1 stands for; never one of no probability."""
    taken = np.int64(0)
    left = draw
    while taken + 1 < count and left >= chances[at(taken)]:
        left -= chances[at(taken)]
        taken += 1
    while taken > 0 and chances[at(taken)] <= 0.0:
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


@device
def _side_to_move(seating, state):
    """Return which side the seat to move is of."""
    return 1 - ((seating >> state[at(FOLLOW_PLAYED), at(BET_ACTOR)]) & 1)


@device
def _next_draw(deals, row, actor, space):
    """Return the uniform number by which a seat chooses its next action."""
    key = sweep_key(deals.seed, deals.first + row, PLAY_STREAM + actor)
    draw = uniform(key, space.draws[at(actor)])
    space.draws[at(actor)] += 1
    return draw


@device
def _choose(tree, policy, ranks, deals, luck, where, side, space):
    """Return the move of a side that has a table, and account for its luck."""
    row, place = where
    own, follow = space.state[at(side)], space.follow[at(side)]
    node = follow[FOLLOW_NODE]
    if node < 0:
        return np.int64(CALL)
    actor = own[FOLLOW_PLAYED, BET_ACTOR]
    street = own[FOLLOW_PLAYED, BET_STREET]
    entry = _row_of(policy, deals, row, side, actor, node, street)
    draw = _next_draw(deals, row, actor, space)
    count = np.int64(tree.nodes[at(node)]["count"])
    _read_chances(policy, side, entry, count, space.chances)
    taken = _chosen(space.chances, count, draw)
    move = as_played(tree, own, follow, np.int64(tree.nodes[at(node)]["first_child"]) + taken)
    if luck.dealt.shape[0] > 0:
        choice = (row, place, tree.real.real_street[at(street)], taken)
        account_choice(tree, ranks, luck, deals, choice, own, follow, space.chances)
    return move


@device
def _make(tree, ranks, deals, luck, where, side, move, space):
    """Make a side's move, as both read it, and account for the luck of cards that come then."""
    row, place = where
    real, played = tree.real, space.state[0]
    own, own_follow = space.state[at(side)], space.follow[at(side)]
    other, other_follow = space.state[at(1 - side)], space.follow[at(1 - side)]
    before = real.real_street[at(played[FOLLOW_PLAYED, BET_STREET])]
    # What a side did itself it reads as everybody does: all hangs on what is public.
    child = read_move(tree, own, own_follow, move)
    play(tree, own, own_follow, move, child)
    child = read_move(tree, other, other_follow, move)
    play(tree, other, other_follow, move, child)
    if luck.dealt.shape[0] > 0 and played[FOLLOW_PLAYED, BET_STATUS] != FOLDED_OUT:
        after = np.int64(_RIVER)
        if played[FOLLOW_PLAYED, BET_STATUS] == PLAYING:
            after = real.real_street[at(played[FOLLOW_PLAYED, BET_STREET])]
        if after != before:
            streets = before | after << 8
            account_cards(real, ranks, luck, deals, row, streets, played[FOLLOW_PLAYED], place)


@outlined
def _play_hand(tree, policy, ranks, deals, luck, row, place, space):
    """Play a deal in a seating to its end."""
    _begin(policy, space)
    seating, played = deals.seating[at(place)], space.state[0]
    where = (row, place)
    while played[FOLLOW_PLAYED, BET_STATUS] == PLAYING:
        side = _side_to_move(seating, played)
        move = _choose(tree, policy, ranks, deals, luck, where, side, space)
        _make(tree, ranks, deals, luck, where, side, move, space)


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
def play_deals(tree, policy, ranks, deals, luck, won, space):
    """Play every deal in every seating.

    Args:
        tree: layout.following.FollowedTree of both sides, read-only; both have its rules.
        policy: layout.play.PlayPolicy, read-only.
        ranks: cards.evaluator.HandRankTables, read-only.
        deals: layout.play.PlayDeals, read-only.
        luck: layout.play.PlayLuck; ``luck`` is added to.
        won: (deals, seatings, players) float64, out; chips, luck and all.
        space: layout.play.PlaySpace, this thread's own.
    """
    start_hand(tree.real, space.opening, 0)
    for row in range(won.shape[0]):
        if luck.dealt.shape[0] > 0:
            forget_deal(luck)
        for place in range(won.shape[1]):
            _play_hand(tree, policy, ranks, deals, luck, row, place, space)
            state = space.state[0]
            _settle(tree.real, deals.strength[at(row)], state, space, won[at(row), at(place)])


@kernel
def play_on(tree, policy, ranks, deals, luck, won, space, asked):
    """Play one hand on, to its end or to a side that has no table; return ASKED_*.

    The draws, cards and luck are those of ``play_deals``; choices of a side without a table are
    never accounted for, because nobody knows how likely they were.

    Args:
        tree: layout.following.FollowedTree of the sides that have a table, read-only.
        policy: layout.play.PlayPolicy, read-only; root -1: the side has no table.
        ranks: cards.evaluator.HandRankTables, read-only.
        deals: layout.play.PlayDeals, read-only.
        luck: layout.play.PlayLuck; ``luck`` is added to.
        won: (deals, seatings, players) float64, out, once the hand is over.
        space: layout.play.PlaySpace; holds the hand between two calls.
        asked: layout.play.PlayAsked; says where and with which answer, and is told what was done.
    """
    row, place = asked.words[ASKED_ROW], asked.words[ASKED_SEATING]
    answer, count = asked.words[ASKED_ANSWER], 0
    where = (row, place)
    seating, played = deals.seating[at(place)], space.state[0]
    if answer == ASKED_BEGIN:
        start_hand(tree.real, space.opening, 0)
        if luck.dealt.shape[0] > 0 and place == 0:
            forget_deal(luck)
        _begin(policy, space)
    elif answer != ASKED_GO_ON:
        side = _side_to_move(seating, played)
        _make(tree, ranks, deals, luck, where, side, answer, space)
    while played[FOLLOW_PLAYED, BET_STATUS] == PLAYING and count < len(asked.moves):
        side = _side_to_move(seating, played)
        if policy.root[at(side)] < 0:
            actor = played[FOLLOW_PLAYED, BET_ACTOR]
            asked.draw[0] = _next_draw(deals, row, actor, space)
            asked.words[ASKED_MOVES] = count
            return np.int64(ASKED_A_SIDE)
        move = _choose(tree, policy, ranks, deals, luck, where, side, space)
        asked.moves[at(count)] = move
        count += 1
        _make(tree, ranks, deals, luck, where, side, move, space)
    asked.words[ASKED_MOVES] = count
    if played[FOLLOW_PLAYED, BET_STATUS] == PLAYING:
        return np.int64(ASKED_NOBODY)
    _settle(tree.real, deals.strength[at(row)], played, space, won[at(row), at(place)])
    return np.int64(ASKED_OVER)
