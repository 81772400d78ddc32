"""The buckets and strengths of the hands of given deals."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.card_deal import bucket_of, rank_deal
from cfr_shm.kernels.holdem.card_index import board_code, hand_number
from cfr_shm.kernels.jit import at, kernel
from cfr_shm.layout.cards import FIRST_STREET, FULL_BOARD, HOLE_CARDS


@kernel
def number_deals(cards, dealt, number):
    """Write the bucket of every seat's hand on each street of some deals.

    Args:
        cards: layout.CardDeals, read-only.
        dealt: (deals, 5 + 2 * players) int64, read-only; the board, then hole cards by seat.
        number: (deals, players, streets) int32, out.
    """
    for row in range(number.shape[0]):
        for street in range(number.shape[2]):
            card_street = np.int64(cards.setting[FIRST_STREET]) + street
            code = board_code(cards, card_street, dealt, row, 0)
            for seat in range(number.shape[1]):
                one = dealt[at(row), at(FULL_BOARD + HOLE_CARDS * seat)]
                two = dealt[at(row), at(FULL_BOARD + HOLE_CARDS * seat + 1)]
                bucket = bucket_of(cards, card_street, hand_number(cards, code, one, two))
                number[at(row), at(seat), at(street)] = bucket


@kernel
def rank_deals(ranks, dealt, strength):
    """Write the strength of every seat's hand at the showdown of some deals.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        dealt: (deals, 5 + 2 * players) int64, read-only.
        strength: (deals, players) int32, out; higher wins, equal ties.
    """
    for row in range(strength.shape[0]):
        rank_deal(ranks, dealt, row, strength)
