"""The memory format of playing hands between two strategies, each on a betting tree of its own.

Both trees lie in one array of nodes, the second behind the first; a *side* is one of the two
strategies, 0 or 1. A *seating* is a mask of seats: bit s set means that side 0 has seat s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDES = 2


class PlayPolicy(NamedTuple):
    """What both sides do; ``row = row_base[node] + number * row_stride[node]``."""

    root: NDArray[np.int64]  # (SIDES,), node at which each tree begins; -1: it has no table
    first: NDArray[np.float64]  # (entries,), probabilities of side 0
    second: NDArray[np.float64]  # (entries,), of side 1
    row_base: NDArray[np.int64]  # (nodes of both,)
    row_stride: NDArray[np.int64]  # (nodes of both,)


class PlayDeals(NamedTuple):
    """Deals that are played in some seatings; a row for each."""

    seed: int
    first: int  # number of the first deal
    number: NDArray[np.int32]  # (SIDES, deals, players, streets), of each side's rows
    strength: NDArray[np.int32]  # (deals, players), at the showdown; higher wins
    seating: NDArray[np.int64]  # (seatings,), masks


class PlaySpace(NamedTuple):
    """What playing one hand writes to."""

    state: NDArray[np.int64]  # (SIDES, FOLLOW_STATES, betting words)
    opening: NDArray[np.int64]  # (1, betting words)
    follow: NDArray[np.int64]  # (SIDES, FOLLOW_WORDS)
    draws: NDArray[np.int64]  # (players,), of each seat's actions so far
    chances: NDArray[np.float64]  # (actions,), of a row
    amount: NDArray[np.int64]  # (players,), pots of a finished hand
    mask: NDArray[np.int64]  # (players,), who may win them


#: Run-outs that stand for all of them before the turn; room for those of the turn too.
RUN_OUTS = 64
#: Streets of the cards.
CARD_STREETS = 4


class PlayLuck(NamedTuple):
    """What taking luck out of results reads and writes; empty arrays where nothing is taken out.

    Run-outs and shares are kept for a deal until the next one, whatever its seatings.
    """

    dealt: NDArray[np.int64]  # (deals, 5 + 2 * players), read; no rows: luck stays in
    luck: NDArray[np.float64]  # (deals, seatings, players), out: chips
    strength: NDArray[np.int32]  # (CARD_STREETS, RUN_OUTS, players), of each run-out
    runs: NDArray[np.int64]  # (CARD_STREETS,), run-outs; 0: not made yet
    share: NDArray[np.float64]  # (CARD_STREETS, masks, players), of the pot, by who is in it
    known: NDArray[np.int64]  # (CARD_STREETS, masks), 1: the shares are there
    value: NDArray[np.float64]  # (VALUES, players), one row for each LUCK_* below
    cards: NDArray[np.int64]  # (64,), scratch


#: Rows of ``PlayLuck.value``: of one outcome, of the one that was taken, of all on average.
LUCK_OUTCOME, LUCK_TAKEN, LUCK_MEAN = range(3)
LUCK_VALUES = 3


class PlayAsked(NamedTuple):
    """A hand that is played on from one question to the next."""

    words: NDArray[np.int64]  # (ASKED_WORDS,)
    moves: NDArray[np.int64]  # (most,), out: that sides with a table made since the last call
    draw: NDArray[np.float64]  # (1,), out: the uniform number by which the side asked chooses


#: Words of ``PlayAsked``: the deal's row, the seating's place, the answer to the last question, and
#: how many moves were made since, which is written.
ASKED_ROW, ASKED_SEATING, ASKED_ANSWER, ASKED_MOVES = range(4)
ASKED_WORDS = 4
#: Answers that are no moves: the hand begins; it goes on, for nobody was asked.
ASKED_BEGIN, ASKED_GO_ON = -2, -3
#: Why ``play_on`` returns: the hand is over; a side without a table is to act; there is no more
#: room for moves.
ASKED_OVER, ASKED_A_SIDE, ASKED_NOBODY = range(3)
