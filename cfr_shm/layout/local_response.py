"""The memory format of local best response: the game, what the responder may do, its work space."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.betting import BettingRules
from cfr_shm.layout.following import FOLLOW_WORDS

#: What the responder does on a street: always check or call; fold or call; bet as well.
LOCAL_CALLS, LOCAL_FOLDS, LOCAL_BETS = range(3)

#: Streets of the cards.
CARD_STREETS = 4

#: Words of ``LocalSpace.follow`` after those of ``layout.following``.
LOCAL_STREET = FOLLOW_WORDS  # of the cards whose points there are, -1 for none
LOCAL_DRAWS = FOLLOW_WORDS + 1  # actions of the other seat so far
LOCAL_SEEN = FOLLOW_WORDS + 2  # street of the cards whose board the range knows, -1 for none
LOCAL_WORDS = FOLLOW_WORDS + 3

#: Columns of a decision that is recorded.
RECORD_PAIR, RECORD_SEAT, RECORD_STREET, RECORD_NODE, RECORD_MOVE, RECORD_UTILITY = range(6)
RECORD_COLUMNS = 6


class LocalGame(NamedTuple):
    """A game of hold'em for two, as local best response plays it; begins as ``FollowedTree``."""

    nodes: NDArray[Any]  # (nodes,) NODE_DTYPE
    move: NDArray[np.int64]  # (nodes,), that leads to the node
    rules: BettingRules
    real: BettingRules  # the same ones
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

    state: NDArray[np.int64]  # (FOLLOW_STATES, betting words)
    follow: NDArray[np.int64]  # (LOCAL_WORDS,)
    weight: NDArray[np.float64]  # (hands,), of the other seat's range, sums to 1
    points: NDArray[np.float64]  # (hands,), share of the pot against each hand
    chosen: NDArray[np.float64]  # (actions,), how likely the range takes each
    cards: NDArray[np.int64]  # (52,), those that are left
    amount: NDArray[np.int64]  # (2,), pots of a finished hand
    mask: NDArray[np.int64]  # (2,), who may win them
