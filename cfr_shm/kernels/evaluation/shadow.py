"""Follow a hand through a betting tree that does not have its sizes: the tree's own hand beside it.

Two betting states are kept, the hand as played and the tree's. Sizes that the tree does not have
are read as those that it has by the pseudo-harmonic mapping, the likelier neighbour; sizes of the
tree are played as the same part of the pot as played. Where the two hands ask different seats or
streets, the tree has nothing to say any more.

Source: Ganzfried & Sandholm 2013, "Action translation in extensive-form games with large action
spaces: axioms, paradoxes, and the pseudo-harmonic mapping", section 6.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.betting import (
    apply_move,
    call_amount,
    raise_bounds,
    stack_left,
    start_hand,
)
from cfr_shm.kernels.jit import at, device, kernel, outlined
from cfr_shm.layout.betting import (
    BET_ACTOR,
    BET_HIGHEST,
    BET_POT,
    BET_SEATS,
    BET_STATUS,
    BET_STREET,
    CALL,
    PLAYING,
)
from cfr_shm.layout.following import (
    FOLLOW_IN_STEP,
    FOLLOW_NODE,
    FOLLOW_PLAYED,
    FOLLOW_PLAYED_NEXT,
    FOLLOW_TREE,
    FOLLOW_TREE_NEXT,
)
from cfr_shm.layout.tree import DECISION

#: 0.29 * 100 is a little less than 29.
_ROUNDING = 1e-6


@outlined
def advance(rules, state, source_row, target_row, move):
    """Do what ``apply_move`` does, compiled once: inlined everywhere it takes half a minute."""
    apply_move(rules, state, source_row, target_row, move)


@outlined
def bounds_of(rules, state, row):
    """Return what ``raise_bounds`` returns, compiled once."""
    return raise_bounds(rules, state, row)


@device
def all_in_of(rules, state, row):
    """Return the chips that the actor's all-in raises to."""
    actor = state[at(row), at(BET_ACTOR)]
    return state[at(row), at(BET_SEATS + actor)] + stack_left(rules, state, row, actor)


@device
def pot_fraction(rules, state, row, move):
    """Return what a bet or raise adds to the highest bet, as a part of the pot after calling."""
    pot = state[at(row), at(BET_POT)] + call_amount(rules, state, row)
    return (move - state[at(row), at(BET_HIGHEST)]) / np.float64(pot)


@outlined
def sized(rules, state, row, fraction):
    """Return the legal move nearest to a bet of a part of the pot; CALL where none is legal."""
    least, most = bounds_of(rules, state, row)
    if most <= 0:
        return np.int64(CALL)
    pot = state[at(row), at(BET_POT)] + call_amount(rules, state, row)
    move = state[at(row), at(BET_HIGHEST)] + np.int64(np.floor(fraction * pot + _ROUNDING))
    return min(max(move, least), most)


@device
def _asks_the_same(state, one, two):
    """Return whether two hands are both over, or both wait for the same seat on one street."""
    if state[at(one), at(BET_STATUS)] != PLAYING or state[at(two), at(BET_STATUS)] != PLAYING:
        return state[at(one), at(BET_STATUS)] == state[at(two), at(BET_STATUS)]
    return (
        state[at(one), at(BET_ACTOR)] == state[at(two), at(BET_ACTOR)]
        and state[at(one), at(BET_STREET)] == state[at(two), at(BET_STREET)]
    )


@device
def child_with(game, node, move):
    """Return the child that a move leads to, -1 where the node has no such move."""
    first = np.int64(game.nodes[at(node)]["first_child"])
    for child in range(first, first + np.int64(game.nodes[at(node)]["count"])):
        if game.move[at(child)] == move:
            return child
    return np.int64(-1)


@outlined
def read_size(game, state, node, move):
    """Return the child that stands for a bet or raise which the tree does not have, or -1.

    Args:
        game: layout.following.FollowedTree, or LocalGame, read-only.
        state: (FOLLOW_STATES, words) int64; rows FOLLOW_PLAYED and FOLLOW_TREE are read, before the
            move; the other two are written.
        node: the tree's.
        move: chips, in the hand as played.
    """
    rules, real = game.rules, game.real
    size = pot_fraction(real, state, FOLLOW_PLAYED, move)
    all_in = move == all_in_of(real, state, FOLLOW_PLAYED)
    tree_all_in = all_in_of(rules, state, FOLLOW_TREE)
    below, above = np.int64(-1), np.int64(-1)
    below_size, above_size = 0.0, 0.0
    first = np.int64(game.nodes[at(node)]["first_child"])
    for child in range(first, first + np.int64(game.nodes[at(node)]["count"])):
        known = game.move[at(child)]
        if known == CALL and game.nodes[at(child)]["kind"] == DECISION:
            # A small bet may stand for a check or call, if the same seat is asked then.
            advance(real, state, FOLLOW_PLAYED, FOLLOW_PLAYED_NEXT, move)
            advance(rules, state, FOLLOW_TREE, FOLLOW_TREE_NEXT, CALL)
            if _asks_the_same(state, FOLLOW_PLAYED_NEXT, FOLLOW_TREE_NEXT):
                below, below_size = child, 0.0
        elif known > 0:
            if all_in and known == tree_all_in:
                return child
            fraction = pot_fraction(rules, state, FOLLOW_TREE, known)
            if fraction <= size and (below < 0 or fraction >= below_size):
                below, below_size = child, fraction
            if fraction >= size and (above < 0 or fraction < above_size):
                above, above_size = child, fraction
    if below < 0 or above < 0 or below_size == size:
        return above if below < 0 else below
    smaller = (above_size - size) * (1.0 + below_size)
    smaller /= (above_size - below_size) * (1.0 + size)
    return below if smaller > 0.5 else above


@outlined
def read_move(game, state, follow, move):
    """Return the node that a move of the hand as played leads to in the tree, -1 for none.

    ``state`` and ``follow`` are as ``play`` takes them, before the move.
    """
    node = follow[at(FOLLOW_NODE)]
    if node < 0:
        return np.int64(-1)
    if move <= 0 or follow[at(FOLLOW_IN_STEP)]:
        child = child_with(game, node, move)
        if child >= 0 or move <= 0:
            return child
    return read_size(game, state, node, move)


@outlined
def play(game, state, follow, move, child):
    """Make a move in the hand as played, and what it stands for in the tree's.

    Args:
        game: layout.following.FollowedTree, or LocalGame, read-only.
        state: (FOLLOW_STATES, words) int64; rows FOLLOW_PLAYED and FOLLOW_TREE go on.
        follow: (at least FOLLOW_WORDS,) int64; FOLLOW_NODE and FOLLOW_IN_STEP go on.
        move: legal in the hand as played (unchecked).
        child: of the tree's node, that the move stands for; -1: the tree does not go on.
    """
    advance(game.real, state, FOLLOW_PLAYED, FOLLOW_PLAYED, move)
    if child >= 0:
        known = game.move[at(child)]
        if known != move:
            follow[at(FOLLOW_IN_STEP)] = 0
        advance(game.rules, state, FOLLOW_TREE, FOLLOW_TREE, known)
        goes_on = game.nodes[at(child)]["kind"] == DECISION
        if not goes_on or not _asks_the_same(state, FOLLOW_PLAYED, FOLLOW_TREE):
            child = np.int64(-1)
    follow[at(FOLLOW_NODE)] = child


@outlined
def as_played(game, state, follow, child):
    """Return the move, in the hand as played, for what the tree's actor does."""
    rules, real = game.rules, game.real
    known = game.move[at(child)]
    if known <= 0 or follow[at(FOLLOW_IN_STEP)]:
        if known < 0 and call_amount(real, state, FOLLOW_PLAYED) == 0:
            return np.int64(CALL)
        return known
    if known == all_in_of(rules, state, FOLLOW_TREE):
        _, most = bounds_of(real, state, FOLLOW_PLAYED)
        return most if most > 0 else np.int64(CALL)
    return sized(real, state, FOLLOW_PLAYED, pot_fraction(rules, state, FOLLOW_TREE, known))


@kernel
def begin_following(game, state, follow, in_step):
    """Write the blinds of both hands; ``in_step``: 1 where both are played in the same chips.

    The arguments are those of ``play``.
    """
    start_hand(game.real, state, FOLLOW_PLAYED)
    start_hand(game.rules, state, FOLLOW_TREE)
    follow[at(FOLLOW_NODE)] = 0
    follow[at(FOLLOW_IN_STEP)] = in_step


@kernel
def take_move(game, state, follow, move):
    """Follow a move that is legal in the hand as played (unchecked); return how it is read.

    That is a child of the tree's node, -1 where the tree has none for it. The arguments are
    those of ``play``.
    """
    child = read_move(game, state, follow, move)
    play(game, state, follow, move, child)
    return child


@kernel
def moves_as_played(game, state, follow, moves):
    """Write the moves, in the hand as played, that the tree's node has; return how many.

    Args:
        game: layout.following.FollowedTree, read-only.
        state: (FOLLOW_STATES, words) int64, read-only.
        follow: (FOLLOW_WORDS,) int64, read-only; at a decision node (unchecked).
        moves: (actions,) int64, out; in the order of the node's actions, some perhaps the same.
    """
    node = follow[at(FOLLOW_NODE)]
    first, count = (
        np.int64(game.nodes[at(node)]["first_child"]),
        np.int64(game.nodes[at(node)]["count"]),
    )
    for action in range(count):
        moves[at(action)] = as_played(game, state, follow, first + action)
    return count
