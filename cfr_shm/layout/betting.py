"""The memory format of betting rules, and of a hand that is being played by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NO_LIMIT = 0
POT_LIMIT = 1
FIXED_LIMIT = 2

#: Stands for no cap on raises.
NO_RAISE_CAP = 1 << 30


class BettingRules(NamedTuple):
    """Who may put in how many chips: hold'em betting for one hand, see docs/hold_em.md.

    Seats are numbered by position after the button: with three and more players seat 0 has the
    small blind and the last seat the button; heads-up seat 0 has both. The smallest chip is 1.
    """

    stack: NDArray[np.int64]  # (players,), before antes and blinds
    blind: NDArray[np.int64]  # (players,), straddles too
    ante: NDArray[np.int64]  # (players,)
    first_actor: NDArray[np.int64]  # (streets,), the seat asked first unless it cannot act
    bet_size: NDArray[np.int64]  # (streets,), a fixed-limit bet; otherwise the smallest one
    max_raises: NDArray[np.int64]  # (streets,), bets and raises by all; NO_RAISE_CAP if many
    limit: int  # NO_LIMIT, POT_LIMIT or FIXED_LIMIT
    dead_antes: int  # 1: antes go to the main pot whole; 0: short antes make side pots
    dead: int  # chips in the main pot that nobody at the table put in
    rake_fraction: float  # of all pots of a hand together, rounded down to whole chips
    rake_cap: int  # chips
    rake_from_street: int  # real street; 0: always; 1: no flop, no drop
    real_street: NDArray[np.int64]  # (streets,), 0 preflop to 3 river, ascending
    players: int
    streets: int


FOLD = -1
CALL = 0
PLAYING = 0
FOLDED_OUT = 1
AT_SHOWDOWN = 2

#: The words of a hand's state before those of the seats. Masks have bit s for seat s.
#: BET_RAISE is the largest bet or raise of this street, BET_SHORT the sum of the all-in raises
#: that were, together, not yet a full one. BET_STREET stays the last street that was bet on.
(
    BET_STREET,
    BET_STATUS,
    BET_ACTOR,  # -1 when the hand is over
    BET_HIGHEST,  # street bet to match
    BET_RAISE,
    BET_SHORT,
    BET_RAISES,  # bets and raises on this street
    BET_POT,  # all chips put in by now, dead ones too
    BET_FOLDED,  # mask
    BET_ALL_IN,  # mask
    BET_TO_ACT,  # mask, the actor included
    BET_ACTED,  # mask, since the last full bet or raise of this street
) = range(12)

#: Two words per seat follow: the street's bet of each seat, then all it has put in, antes too.
BET_SEATS = 12


def betting_words(players: int) -> int:
    """Return the length of one hand's betting state in int64 words."""
    return BET_SEATS + 2 * players
