"""The buckets of all hands of a deck on given boards, street by street."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.card_deal import bucket_of
from cfr_shm.kernels.holdem.card_index import board_code, hand_number
from cfr_shm.kernels.jit import at, kernel
from cfr_shm.layout.cards import FIRST_STREET
from cfr_shm.layout.policy import BLOCKED

_ONE = np.uint64(1)


@kernel
def bucket_boards(cards, holes, boards, number):
    """Write every hand's bucket on each street of each board.

    Args:
        cards: layout.CardDeals, read-only.
        holes: (hands, 2) int64, read-only; different cards (unchecked).
        boards: (boards, cards) int64, read-only; as many cards as the last street has, in the
            order in which they are dealt.
        number: (boards, streets, hands) int32, out; BLOCKED where the hand shares a card with
            the board of the street.
    """
    for row in range(boards.shape[0]):
        for street in range(number.shape[1]):
            card_street = np.int64(cards.setting[FIRST_STREET]) + street
            shown = card_street + 2 if card_street > 0 else 0
            held = np.uint64(0)
            for place in range(shown):
                held |= _ONE << np.uint64(boards[at(row), at(place)])
            code = board_code(cards, card_street, boards, row, 0)
            for hand in range(holes.shape[0]):
                one = holes[at(hand), 0]
                two = holes[at(hand), 1]
                found = np.int32(BLOCKED)
                if not held & ((_ONE << np.uint64(one)) | (_ONE << np.uint64(two))):
                    found = bucket_of(cards, card_street, hand_number(cards, code, one, two))
                number[at(row), at(street), at(hand)] = found
