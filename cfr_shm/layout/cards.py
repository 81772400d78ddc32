"""The memory format of dealing cards: the arrays that kernels/holdem/card_deal.py reads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Words of ``CardDeals.setting``.
CARDS_IN_DECK = 0
FIXED_BOARD_CARDS = 1
FIRST_STREET = 2  # of the cards: 0 preflop; the game's street 0
RANGES_WEIGHTED = 3  # 0: every hole hand of every player is equally likely
CARD_SETTINGS = 4

HOLE_CARDS = 2
FULL_BOARD = 5

#: Deals that are made ready together, from a multiple of as many iterations on.
DEALS_READY = 8


class CardDeals(NamedTuple):
    """What hold'em hands are dealt from, numbered, bucketed and compared by.

    Hole hands that a player may hold are ``range_first[player]`` to ``range_first[player + 1]``
    of the ``range_*`` arrays, an alias table each. The arrays from ``binomial`` to ``slot`` are
    those of ``cards.isomorphism.CardIndex``, from ``card_key`` to ``multiplier`` those of
    ``cards.evaluator.HandRankTables``. ``preflop`` to ``river`` hold each hand's bucket in
    ``bucket_bytes[street]`` bytes, low byte first; they are maps of a file that all workers
    share. Games that deal no cards have arrays of one element, or none.
    """

    setting: NDArray[np.int64]  # (CARD_SETTINGS,)
    fixed_board: NDArray[np.int64]  # (5,), the first FIXED_BOARD_CARDS count
    range_first: NDArray[np.int64]  # (players + 1,)
    range_hole: NDArray[np.int64]  # (range hands, 2), cards
    range_threshold: NDArray[np.float64]  # (range hands,), in [0, 1]
    range_other: NDArray[np.int64]  # (range hands,), counted from the player's first
    binomial: NDArray[np.int64]  # (53, 6)
    permutation: NDArray[np.uint8]  # (24, 4)
    first_raw: NDArray[np.int64]  # (5,)
    board_code: NDArray[np.uint32]  # (raw boards,)
    board_mask: NDArray[np.uint64]  # (boards,)
    first_hand: NDArray[np.int64]  # (boards,)
    pattern: NDArray[np.uint8]  # (boards,)
    slot: NDArray[np.uint16]  # (patterns, 1326)
    card_key: NDArray[np.uint64]  # (cards,)
    card_mask: NDArray[np.uint64]  # (cards,)
    flush_value: NDArray[np.uint16]  # (8192,)
    value: NDArray[np.uint16]  # (2**18,)
    displacement: NDArray[np.uint16]  # (4096,)
    multiplier: NDArray[np.uint64]  # (1,)
    bucket_bytes: NDArray[np.int64]  # (4,)
    preflop: NDArray[np.uint8]  # (hands * bucket_bytes[0],)
    flop: NDArray[np.uint8]  # (hands * bucket_bytes[1],)
    turn: NDArray[np.uint8]  # (hands * bucket_bytes[2],)
    river: NDArray[np.uint8]  # (hands * bucket_bytes[3],)


#: Dtype and dimensions of each array of ``CardDeals``.
CARD_ARRAYS: dict[str, tuple[type[np.generic], int]] = {
    "setting": (np.int64, 1),
    "fixed_board": (np.int64, 1),
    "range_first": (np.int64, 1),
    "range_hole": (np.int64, 2),
    "range_threshold": (np.float64, 1),
    "range_other": (np.int64, 1),
    "binomial": (np.int64, 2),
    "permutation": (np.uint8, 2),
    "first_raw": (np.int64, 1),
    "board_code": (np.uint32, 1),
    "board_mask": (np.uint64, 1),
    "first_hand": (np.int64, 1),
    "pattern": (np.uint8, 1),
    "slot": (np.uint16, 2),
    "card_key": (np.uint64, 1),
    "card_mask": (np.uint64, 1),
    "flush_value": (np.uint16, 1),
    "value": (np.uint16, 1),
    "displacement": (np.uint16, 1),
    "multiplier": (np.uint64, 1),
    "bucket_bytes": (np.int64, 1),
    "preflop": (np.uint8, 1),
    "flop": (np.uint8, 1),
    "turn": (np.uint8, 1),
    "river": (np.uint8, 1),
}

#: Those of them that are maps of a bucket file.
BUCKET_ARRAYS = ("preflop", "flop", "turn", "river")
