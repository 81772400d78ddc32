"""The formats that the builder of betting trees and its kernel share: menus, walks, outputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# --- action menus ------------------------------------------------------------------------

#: What an entry of a menu raises to: the highest bet plus a part of the pot after a call; so
#: many times the highest bet; a number of chips; everything; as little as the rules allow.
SIZE_POT, SIZE_TIMES, SIZE_CHIPS, SIZE_ALL_IN, SIZE_LEAST = range(5)

#: Where all-in is offered: where the menu says; always; or also where it raises by a few pots.
ALL_IN_BY_MENU, ALL_IN_ALWAYS, ALL_IN_BY_POTS = range(3)

#: What becomes of raises beyond the threshold: left out, or all-in.
BEYOND_SKIPPED, BEYOND_ALL_IN = range(2)


class Menu(NamedTuple):
    """Which of the legal bets and raises a betting tree has; see docs/hold_em.md.

    There are two tables of sizes, 0 for few players and 1 while the hand is multiway. Level r
    of a street is for the raise after r others; the last level is for all later ones.
    """

    size_kind: NDArray[np.int64]  # (sizes,), SIZE_*
    size_value: NDArray[np.float64]  # (sizes,)
    level_first: NDArray[np.int64]  # (2, streets, levels), first size; -1 beyond the last level
    level_size: NDArray[np.int64]  # (2, streets, levels), sizes of the level
    max_raises: NDArray[np.int64]  # (2, streets); then only ALL_IN_ALWAYS and ALL_IN_BY_POTS raise
    multiway_players: int  # fewest players left that make a hand multiway
    all_in: int  # ALL_IN_*
    all_in_pots: float
    threshold: float  # share of the stack
    beyond: int  # BEYOND_*
    limp: int  # 1: blinds may be called before anybody raised
    max_first_street: int  # so many in for the highest bet of the first street: no more calls
    check_down_above: int  # more players left after the first street bet no more


class TreeArrays(NamedTuple):
    """Where a betting tree is written to: room for all nodes and leaves, more than is used."""

    nodes: NDArray[Any]  # (nodes,) NODE_DTYPE; no nodes: the tree is only counted
    move: NDArray[np.int64]  # (nodes,), the move that leads to the node; 0 for the root
    parent: NDArray[np.int32]  # (nodes,), -1 for the root
    utility: NDArray[np.float64]  # (payoffs, players)
    pot_amount: NDArray[np.float64]  # (pots,)
    pot_players: NDArray[np.int64]  # (pots,)
    payoff_slot: NDArray[np.int32]  # (power of 2,), hash table: row of ``utility``, -1 if free
    pot_slot: NDArray[np.int32]  # (power of 2,), hash table: first pot of a group, -1 if free


class TreeWalk(NamedTuple):
    """How far a betting tree is walked: one row per decision node on the path, and one more."""

    state: NDArray[np.int64]  # (depth + 1, betting_words(players))
    moves: NDArray[np.int64]  # (depth + 1, most moves)
    frame: NDArray[np.int64]  # (depth + 1, TREE_FRAME_WORDS)
    counts: NDArray[np.int64]  # (TREE_COUNTS,)
    decisions: NDArray[np.int64]  # (streets, players, most moves + 1), nodes by actor and moves
    own_moves: NDArray[np.int64]  # (2, players), decisions on the path, and most of them so far
    used: NDArray[np.int64]  # (sizes,), how often a size of the menu was a move
    amount: NDArray[np.int64]  # (players,), pots of one leaf
    players_mask: NDArray[np.int64]  # (players,), who may win them


TREE_FIRST_CHILD, TREE_MOVES, TREE_NEXT_MOVE, TREE_ACTOR = range(4)
TREE_FRAME_WORDS = 4
(
    TREE_NODES,
    TREE_ENTRIES,  # of the training table
    TREE_DEPTH,  # decision nodes on the path; 0 again at the end
    TREE_PAYOFFS,
    TREE_POTS,
    TREE_FOLDED_OUT,  # leaves, by kind
    TREE_SHOWDOWNS,
    TREE_CHECKED_DOWN,  # showdowns because too many players were left to bet
    TREE_RAISES,  # moves that are bets or raises
    TREE_STUCK,  # 1: the walk stopped at a node where nothing but a fold is left
) = range(10)
TREE_COUNTS = 10
