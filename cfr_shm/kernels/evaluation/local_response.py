"""Local best response: one hand against a strategy's range, looking one action ahead.

The responder knows its hand and the board, and carries the other seat's range: which hands it
may hold, weighted by how likely each plays what was played. At a decision it compares folding,
calling and some bets as if both then checked and called to the showdown, and as if the other
seat, to a bet, either folded or called. It takes the best, and decides afresh when it is asked
again. What it really wins is told, never what it hoped for: so the number bounds from below
what a best response wins, however coarse the comparison is.

The other seat's action is drawn from what its whole range does, and a showdown is worth the mean
over that range: both are expectations over the hand that it holds, given all that is known.

Source: Lisy & Bowling 2017, "Equilibrium approximation quality of current no-limit poker bots".
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.evaluation.points import points_of
from cfr_shm.kernels.evaluation.shadow import (
    all_in_of,
    as_played,
    bounds_of,
    child_with,
    play,
    read_move,
    sized,
)
from cfr_shm.kernels.holdem.betting import (
    call_amount,
    losing_utility,
    pots,
    stack_left,
    start_hand,
)
from cfr_shm.kernels.jit import at, device, kernel, outlined
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.layout.betting import (
    BET_ACTOR,
    BET_FOLDED,
    BET_HIGHEST,
    BET_POT,
    BET_SEATS,
    BET_STATUS,
    BET_STREET,
    CALL,
    FOLD,
    FOLDED_OUT,
    PLAYING,
)
from cfr_shm.layout.following import (
    FOLLOW_IN_STEP,
    FOLLOW_NODE,
    FOLLOW_PLAYED,
    FOLLOW_TREE,
)
from cfr_shm.layout.local_response import (
    LOCAL_BETS,
    LOCAL_CALLS,
    LOCAL_DRAWS,
    LOCAL_SEEN,
    LOCAL_STREET,
    RECORD_MOVE,
    RECORD_NODE,
    RECORD_PAIR,
    RECORD_SEAT,
    RECORD_STREET,
    RECORD_UTILITY,
)
from cfr_shm.layout.tree import DECISION

_ONE = np.uint64(1)
_RIVER = 3
#: Bets that are better by less, in pots, are as good: then the smallest one is taken.
_TIE = 1e-9
#: Streams of the draws beyond those of players and deals.
_ACTION_STREAM = 64
_BOARD_STREAM = 80


@device
def _shown(card_street):
    """Return how many board cards lie there on a street of the cards."""
    return card_street + 2 if card_street > 0 else 0


@device
def _block(game, used, weight):
    """Take the hands that share a card with a mask out of a range; return what is left of it."""
    total = 0.0
    for hand in range(len(weight)):
        one, two = game.holes[at(hand), 0], game.holes[at(hand), 1]
        if used & ((_ONE << np.uint64(one)) | (_ONE << np.uint64(two))):
            weight[at(hand)] = 0.0
        total += weight[at(hand)]
    return total


@device
def _scale(weight, total):
    """Make a range sum to 1."""
    if total > 0.0:
        for hand in range(len(weight)):
            weight[at(hand)] /= total


@outlined
def _see_cards(game, pairs, row, seat, card_street, space):
    """Take the hands that a street's board and the own hand block out of the range."""
    board = pairs.dealt[at(row)]
    used = _ONE << np.uint64(board[at(5 + 2 * seat)])
    used |= _ONE << np.uint64(board[at(6 + 2 * seat)])
    for place in range(_shown(card_street)):
        used |= _ONE << np.uint64(board[at(place)])
    _scale(space.weight, _block(game, used, space.weight))
    space.follow[LOCAL_SEEN] = card_street


@outlined
def _compare(ranks, pairs, row, seat, card_street, space):
    """Write the own hand's points against every hand on a street's board."""
    board = pairs.dealt[at(row)]
    hole = board[at(5 + 2 * seat)] | board[at(6 + 2 * seat)] << 8
    key = sweep_key(pairs.seed, pairs.first + row, _BOARD_STREAM + seat)
    points_of(ranks, board, _shown(card_street), hole, key, space.cards, space.points)
    space.follow[LOCAL_STREET] = card_street


@device
def _row_of(game, policy, row, node, hand):
    """Return the first entry of a hand at a decision node of the tree, -1 if it is blocked."""
    street = np.int64(game.nodes[at(node)]["street"])
    number = np.int64(policy.number[at(row), at(street), at(hand)])
    if number < 0:
        return np.int64(-1)
    return policy.row_base[at(node)] + number * policy.row_stride[at(node)]


@device
def _won_at_showdown(weight, points):
    """Return the share of the pot that the own hand gets of a range that sums to 1."""
    share = 0.0
    for hand in range(len(weight)):
        share += weight[at(hand)] * points[at(hand)]
    return share


@device
def _folds_and_rest(game, policy, row, node, space):
    """Return how much of the range folds at a node, and what the rest loses to the own hand."""
    fold = child_with(game, node, FOLD)
    action = fold - np.int64(game.nodes[at(node)]["first_child"])
    folds = 0.0
    rest = 0.0
    for hand in range(len(space.weight)):
        weight = space.weight[at(hand)]
        if weight > 0.0:
            gone = 0.0
            if fold >= 0:
                entry = _row_of(game, policy, row, node, hand)
                if entry >= 0:
                    gone = weight * policy.probability[at(entry + action)]
            folds += gone
            rest += (weight - gone) * space.points[at(hand)]
    return folds, rest


@outlined
def _utility_of_bet(game, policy, row, move, child, space):
    """Return what a bet or raise is worth, one action ahead."""
    rules, state = game.rules, space.state
    actor = state[FOLLOW_PLAYED, BET_ACTOR]
    other = 1 - actor
    pot = np.float64(state[FOLLOW_PLAYED, BET_POT])
    asked = np.float64(call_amount(rules, state, FOLLOW_PLAYED))
    # Chips that the other seat cannot call come back.
    reachable = state[FOLLOW_PLAYED, at(BET_SEATS + other)]
    reachable += stack_left(rules, state, FOLLOW_PLAYED, other)
    added = np.float64(min(move, reachable) - state[FOLLOW_PLAYED, BET_HIGHEST])
    folds, rest = 0.0, 0.0
    asks_other = child >= 0 and game.nodes[at(max(child, 0))]["kind"] == DECISION
    if asks_other and game.nodes[at(child)]["actor"] == other:
        folds, rest = _folds_and_rest(game, policy, row, child, space)
    else:
        rest = _won_at_showdown(space.weight, space.points)
    lost = 1.0 - folds - rest
    return folds * pot + rest * (pot + added) - lost * (asked + added)


@outlined
def _decide(game, policy, moves, row, space):
    """Return the responder's move, the child that it leads to, and what it seems worth."""
    rules, state, follow = game.rules, space.state, space.follow
    allowed = moves.on_street[at(game.first_street + state[FOLLOW_PLAYED, BET_STREET])]
    call_child = read_move(game, state, follow, CALL)
    callable_there = call_child >= 0 or follow[FOLLOW_NODE] < 0
    if allowed == LOCAL_CALLS and callable_there:
        return np.int64(CALL), call_child, 0.0
    share = _won_at_showdown(space.weight, space.points)
    pot = np.float64(state[FOLLOW_PLAYED, BET_POT])
    asked = call_amount(rules, state, FOLLOW_PLAYED)
    best = np.int64(FOLD)
    best_child = read_move(game, state, follow, FOLD)
    best_utility = 0.0
    if callable_there:
        utility = share * pot - (1.0 - share) * asked
        if utility > 0.0 or asked == 0:
            best, best_child, best_utility = np.int64(CALL), call_child, utility
    if allowed == LOCAL_BETS or not callable_there:
        last = np.int64(0)
        for place in range(len(moves.size) + moves.all_in):
            move = np.int64(0)
            if place < len(moves.size):
                move = sized(rules, state, FOLLOW_PLAYED, moves.size[at(place)])
            else:
                _, most = bounds_of(rules, state, FOLLOW_PLAYED)
                if most > 0:
                    move = min(most, all_in_of(rules, state, FOLLOW_PLAYED))
            if move > 0 and move != last:
                last = move
                child = read_move(game, state, follow, move)
                if child >= 0 or follow[FOLLOW_NODE] < 0:
                    utility = _utility_of_bet(game, policy, row, move, child, space)
                    if utility > best_utility + _TIE * pot:
                        best, best_child, best_utility = move, child, utility
    return best, best_child, best_utility


@outlined
def _answer(game, policy, row, key, space):
    """Let the other seat act: draw what its range does, and keep the hands that do it."""
    state, follow = space.state, space.follow
    node = follow[FOLLOW_NODE]
    if node < 0 or game.nodes[at(max(node, 0))]["kind"] != DECISION:
        play(game, state, follow, np.int64(CALL), np.int64(-1))
        return
    first = np.int64(game.nodes[at(node)]["first_child"])
    count = np.int64(game.nodes[at(node)]["count"])
    for action in range(count):
        space.chosen[at(action)] = 0.0
    for hand in range(len(space.weight)):
        weight = space.weight[at(hand)]
        if weight > 0.0:
            entry = _row_of(game, policy, row, node, hand)
            for action in range(count):
                space.chosen[at(action)] += weight * policy.probability[at(entry + action)]
    left = uniform(key, follow[LOCAL_DRAWS])
    follow[LOCAL_DRAWS] += 1
    taken = np.int64(0)
    while taken + 1 < count and left >= space.chosen[at(taken)]:
        left -= space.chosen[at(taken)]
        taken += 1
    while space.chosen[at(taken)] <= 0.0 and taken > 0:
        taken -= 1
    for hand in range(len(space.weight)):
        weight = space.weight[at(hand)]
        if weight > 0.0:
            entry = _row_of(game, policy, row, node, hand)
            space.weight[at(hand)] = weight * policy.probability[at(entry + taken)]
    _scale(space.weight, space.chosen[at(taken)])
    play(game, state, follow, as_played(game, state, follow, first + taken), first + taken)


@outlined
def _settle(game, seat, space):
    """Return what the responder wins of a finished hand; its points are of the last board."""
    rules, state = game.rules, space.state
    won = np.float64(losing_utility(rules, state, FOLLOW_PLAYED, seat))
    share = 1.0
    if state[FOLLOW_PLAYED, BET_STATUS] != FOLDED_OUT:
        share = _won_at_showdown(space.weight, space.points)
    elif (state[FOLLOW_PLAYED, BET_FOLDED] >> seat) & 1:
        share = 0.0
    for pot in range(pots(rules, state, FOLLOW_PLAYED, space.amount, space.mask)):
        won += share * space.amount[at(pot)]
    return won


@outlined
def _play_hand(game, policy, ranks, moves, pairs, row, seat, space):
    """Play one deal with the responder in a seat; return what it wins."""
    rules, state, follow = game.rules, space.state, space.follow
    key = sweep_key(pairs.seed, pairs.first + row, _ACTION_STREAM + seat)
    start_hand(rules, state, FOLLOW_PLAYED)
    start_hand(rules, state, FOLLOW_TREE)
    follow[FOLLOW_NODE] = 0
    follow[FOLLOW_IN_STEP] = 1
    follow[LOCAL_STREET] = -1
    follow[LOCAL_SEEN] = -1
    follow[LOCAL_DRAWS] = 0
    for hand in range(len(space.weight)):
        space.weight[at(hand)] = game.start[at(1 - seat), at(hand)]
    while state[FOLLOW_PLAYED, BET_STATUS] == PLAYING:
        card_street = game.first_street + state[FOLLOW_PLAYED, BET_STREET]
        acts = state[FOLLOW_PLAYED, BET_ACTOR] == seat
        if follow[LOCAL_SEEN] != card_street:
            _see_cards(game, pairs, row, seat, card_street, space)
        if acts:
            compares = moves.on_street[at(card_street)] != LOCAL_CALLS
            if compares and follow[LOCAL_STREET] != card_street:
                _compare(ranks, pairs, row, seat, card_street, space)
            move, child, utility = _decide(game, policy, moves, row, space)
            _note(pairs, row, seat, card_street, move, utility, space)
            play(game, state, follow, move, child)
        else:
            _answer(game, policy, row, key, space)
    # Points of all boards to come are better than those of the one that was dealt.
    all_boards = follow[LOCAL_STREET] == follow[LOCAL_SEEN] and follow[LOCAL_STREET] > 0
    if state[FOLLOW_PLAYED, BET_STATUS] != FOLDED_OUT and not all_boards:
        _see_cards(game, pairs, row, seat, _RIVER, space)
        _compare(ranks, pairs, row, seat, _RIVER, space)
    return _settle(game, seat, space)


@device
def _note(pairs, row, seat, card_street, move, utility, space):
    """Record a decision, where there is room for it."""
    place = pairs.recorded[0]
    if place < pairs.record.shape[0]:
        pairs.record[at(place), RECORD_PAIR] = pairs.first + row
        pairs.record[at(place), RECORD_SEAT] = seat
        pairs.record[at(place), RECORD_STREET] = card_street
        pairs.record[at(place), RECORD_NODE] = space.follow[FOLLOW_NODE]
        pairs.record[at(place), RECORD_MOVE] = move
        pairs.record[at(place), RECORD_UTILITY] = utility
        pairs.recorded[0] = place + 1


@kernel
def play_pairs(game, policy, ranks, moves, pairs, space):
    """Play every deal twice, the responder in either seat.

    Args:
        game: layout.local_response.LocalGame, read-only.
        policy: layout.policy.BoardPolicy of the other seat, read-only; a row for each pair.
        ranks: cards.evaluator.HandRankTables, read-only.
        moves: layout.local_response.LocalMoves, read-only.
        pairs: layout.local_response.LocalPairs; ``won`` is written.
        space: layout.local_response.LocalSpace, this thread's own.
    """
    for row in range(pairs.dealt.shape[0]):
        for seat in range(2):
            pairs.won[at(row), at(seat)] = _play_hand(
                game, policy, ranks, moves, pairs, row, seat, space
            )
