"""Hands on the boards that begin with fixed cards, numbered with all suits told apart.

The same tables as ``cards.isomorphism.card_index``, which the kernels read alike: but they know
the boards that extend the fixed cards only, and every two cards on each of them have a number of
their own, whatever renamings of suits the deck has. On such a board a suit means something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.isomorphism import BOARD_CARDS, CardIndex, card_index, hand_numbers
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.kernels.holdem.card_index import LABEL_RANKS, PERMUTATION_BITS

#: Numbers of a board: one for each pair of labels; those that the board blocks have no hand.
_LABELS = LABEL_RANKS * SUIT_COUNT
_PAIRS = _LABELS * (_LABELS - 1) // 2


class BoardIndex(NamedTuple):
    """Numbers of hands, and the boards of each street that they are on."""

    deck: Deck
    tables: CardIndex
    boards: tuple[NDArray[np.int64], ...]  # preflop to river, (boards, cards)

    def numbers(self, street: int) -> NDArray[np.int64]:
        """Return (boards, hands) the number of each of the deck's hands, -1 where it is blocked."""
        boards, holes = self.boards[street], hand_pairs(self.deck)
        found = np.full((len(boards), len(holes)), -1, np.int64)
        for place, board in enumerate(boards):
            fits = ~np.isin(holes, board).any(axis=1)
            cards = np.empty((int(fits.sum()), 2 + len(board)), np.uint8)
            cards[:, :2], cards[:, 2:] = holes[fits], board
            found[place, fits] = hand_numbers(self.deck, street, cards, self.tables)
        return found


def board_index(deck: Deck, fixed: Sequence[int]) -> BoardIndex:
    """Return the numbers of hands on the boards that begin with ``fixed``.

    Args:
        deck: the deck.
        fixed: at least a flop, so that there are 1,176 river boards at most.
    """
    whole = card_index(deck)
    streets = [_boards(deck, fixed, count) for count in BOARD_CARDS]
    counts = [len(boards) for boards in streets]
    first_board = np.cumsum([0, *counts]).astype(np.int64)
    code = np.zeros_like(whole.board_code)
    mask = np.zeros(int(first_board[-1]), np.uint64)
    for street, boards in enumerate(streets):
        for place, board in enumerate(boards.tolist()):
            number = int(first_board[street]) + place
            raw = sum(math.comb(card, 1 + at) for at, card in enumerate(sorted(board)))
            code[int(whole.first_raw[street]) + raw] = number << PERMUTATION_BITS
            mask[number] = sum(1 << (16 * (c % SUIT_COUNT) + c // SUIT_COUNT) for c in board)
    within = np.concatenate([np.arange(count) for count in counts])
    index = whole._replace(
        board_code=code,
        first_board=first_board,
        board_mask=mask,
        board_weight=np.ones(len(mask), np.int32),
        first_hand=(_PAIRS * within).astype(np.int64),
        hand_count=_PAIRS * np.array(counts, np.int64),
        pattern=np.zeros(len(mask), np.uint8),
        slot=np.arange(_PAIRS, dtype=np.uint16)[None, :].copy(),
        slot_count=np.array([_PAIRS], np.int64),
        slot_pair=_pairs_of_labels(),
        slot_weight=np.ones((1, _PAIRS), np.uint8),
    )
    for array in index:
        array.flags.writeable = False
    return BoardIndex(deck, index, tuple(streets))


def _boards(deck: Deck, fixed: Sequence[int], count: int) -> NDArray[np.int64]:
    """Return the boards of ``count`` cards that begin with the fixed ones, or with some of them."""
    begun = list(fixed[:count])
    left = [card for card in range(deck.card_count) if card not in fixed]
    rows = [[*begun, *more] for more in combinations(left, count - len(begun))]
    return np.array(rows, np.int64).reshape(len(rows), count)


def _pairs_of_labels() -> NDArray[np.uint8]:
    second, first = np.tril_indices(_LABELS, -1)
    return np.stack([first, second], axis=1).astype(np.uint8)[None, :, :].copy()
