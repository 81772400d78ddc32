"""The memory format of local best response: the game, what the responder may do, its work space."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.betting import BettingRules

#: What the responder does on a street: always check or call; fold or call; bet as well.
LOCAL_CALLS, LOCAL_FOLDS, LOCAL_BETS = range(3)

#: Streets of the cards.
CARD_STREETS = 4

#: Rows of ``LocalSpace.state``: the hand as played, the tree's, and what each would become.
LOCAL_PLAYED, LOCAL_TREE, LOCAL_PLAYED_NEXT, LOCAL_TREE_NEXT = range(4)
LOCAL_STATES = 4

#: Words of ``LocalSpace.follow``.
LOCAL_NODE = 0  # of the tree, -1 once the hand as played has left it
LOCAL_IN_STEP = 1  # 1: both hands are the same
LOCAL_STREET = 2  # of the cards whose points there are, -1 for none
LOCAL_DRAWS = 3  # actions of the other seat so far
LOCAL_SEEN = 4  # street of the cards whose board the range knows, -1 for none
LOCAL_WORDS = 5

#: Columns of a decision that is recorded.
RECORD_PAIR, RECORD_SEAT, RECORD_STREET, RECORD_NODE, RECORD_MOVE, RECORD_UTILITY = range(6)
RECORD_COLUMNS = 6


class LocalGame(NamedTuple):
    """A game of hold'em for two, as local best response plays it."""

    nodes: NDArray[Any]  # (nodes,) NODE_DTYPE
    move: NDArray[np.int64]  # (nodes,), that leads to the node
    rules: BettingRules
    holes: NDArray[np.int64]  # (hands, 2)
    start: NDArray[np.float64]  # (2, hands), weights of the starting ranges
    first_street: int  # of the cards


class LocalMoves(NamedTuple):
    """What the responder may do."""

    on_street: NDArray[np.int64]  # (CARD_STREETS,), LOCAL_*
    size: NDArray[np.float64]  # (sizes,), bets as parts of the pot after calling, ascending
    all_in: int  # 1: also everything


class LocalPairs(NamedTuple):
    """Deals that are played twice, the responder in either seat; a row for each."""

    seed: int
    first: int  # number of the first pair
    dealt: NDArray[np.int64]  # (pairs, 9), board and both seats' hole cards
    won: NDArray[np.float64]  # (pairs, 2), out: by the responder's seat, chips
    record: NDArray[np.float64]  # (most decisions, RECORD_COLUMNS), out; no rows: nothing kept
    recorded: NDArray[np.int64]  # (1,), in and out: rows written


class LocalSpace(NamedTuple):
    """What playing one hand writes to."""

    state: NDArray[np.int64]  # (LOCAL_STATES, betting words)
    follow: NDArray[np.int64]  # (LOCAL_WORDS,)
    weight: NDArray[np.float64]  # (hands,), of the other seat's range, sums to 1
    points: NDArray[np.float64]  # (hands,), share of the pot against each hand
    chosen: NDArray[np.float64]  # (actions,), how likely the range takes each
    cards: NDArray[np.int64]  # (52,), those that are left
    amount: NDArray[np.int64]  # (2,), pots of a finished hand
    mask: NDArray[np.int64]  # (2,), who may win them
