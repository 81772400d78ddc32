"""The share of the pot that one hand gets against every other: over all boards to come."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.hand_rank import EMPTY_KEY, strength_of
from cfr_shm.kernels.jit import at, device, outlined
from cfr_shm.kernels.parts.rng import uniform

_ONE = np.uint64(1)

#: Boards that stand for all of them where there are millions, before the flop.
PREFLOP_BOARDS = 400


@device
def list_free(ranks, used, cards):
    """List the cards of the deck that are not in a mask; return how many there are."""
    free = 0
    for card in range(len(ranks.card_key)):
        if not (used >> np.uint64(card)) & _ONE:
            cards[at(free)] = card
            free += 1
    return free


@outlined
def _add_board(ranks, key, mask, used, hole, cards, points):
    """Add a full board's points: 1 for each hand that ``hole`` beats, a half for each it ties.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        key: the board's summed key.
        mask: its cards' masks.
        used: one bit for each card of the board.
        hole: the own two cards, first | second << 8.
        cards: (52,) int64, scratch.
        points: (hands,) float64, in and out; of hands that share no card with board or hole.
    """
    first, second = hole & 255, hole >> 8
    own_key = key + ranks.card_key[at(first)] + ranks.card_key[at(second)]
    own_mask = mask | ranks.card_mask[at(first)] | ranks.card_mask[at(second)]
    own = strength_of(ranks, own_key, own_mask)
    taken = used | (_ONE << np.uint64(first)) | (_ONE << np.uint64(second))
    free = list_free(ranks, taken, cards)
    for high in range(1, free):
        card = cards[at(high)]
        key_high = key + ranks.card_key[at(card)]
        mask_high = mask | ranks.card_mask[at(card)]
        base = card * (card - 1) // 2
        for low in range(high):
            other = cards[at(low)]
            strength = strength_of(
                ranks, key_high + ranks.card_key[at(other)], mask_high | ranks.card_mask[at(other)]
            )
            share = 0.5 * (np.float64(own >= strength) + np.float64(own > strength))
            points[at(base + other)] += share


@outlined
def points_of(ranks, board, shown, hole, draw_key, cards, points):
    """Write the share of the pot that a hand gets on average against each other hand.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        board: (5,) int64, read-only; the first ``shown`` cards lie there.
        shown: 0, 3, 4 or 5.
        hole: the own two cards, first | second << 8.
        draw_key: of the boards that are drawn before the flop.
        cards: (52,) int64, scratch.
        points: (hands,) float64, out; 0 to 1, 0 for hands that share a card with it or the board.

    All boards to come count, but before the flop, where ``PREFLOP_BOARDS`` are drawn. What they
    are off by can only weaken who relies on them.
    """
    points[:] = 0.0
    used = np.uint64(0)
    key, mask = EMPTY_KEY, np.uint64(0)
    for place in range(shown):
        card = board[at(place)]
        used |= _ONE << np.uint64(card)
        key += ranks.card_key[at(card)]
        mask |= ranks.card_mask[at(card)]
    if shown == 5:
        _add_board(ranks, key, mask, used, hole, cards, points)
        return
    own = (_ONE << np.uint64(hole & 255)) | (_ONE << np.uint64(hole >> 8))
    if shown == 0:
        _add_drawn(ranks, own, hole, draw_key, cards, points)
        return
    deck = len(ranks.card_key)
    for one in range(deck):
        bit_one = _ONE << np.uint64(one)
        if not (used | own) & bit_one:
            key_one, mask_one = key + ranks.card_key[at(one)], mask | ranks.card_mask[at(one)]
            if shown == 4:
                _add_board(ranks, key_one, mask_one, used | bit_one, hole, cards, points)
            for two in range(one + 1, deck if shown == 3 else 0):
                bit_two = _ONE << np.uint64(two)
                if not (used | own) & bit_two:
                    key_two = key_one + ranks.card_key[at(two)]
                    mask_two = mask_one | ranks.card_mask[at(two)]
                    both = used | bit_one | bit_two
                    _add_board(ranks, key_two, mask_two, both, hole, cards, points)
    left = deck - 4 - shown
    boards = left if shown == 4 else left * (left - 1) // 2
    for hand in range(len(points)):
        points[at(hand)] /= boards


@device
def _add_drawn(ranks, own, hole, draw_key, cards, points):
    """Write the mean share over drawn boards, for each hand over those that it fits."""
    deck = len(ranks.card_key)
    index = 0
    for _ in range(PREFLOP_BOARDS):
        used = np.uint64(0)
        key, mask = EMPTY_KEY, np.uint64(0)
        count = 0
        while count < 5:
            card = int(uniform(draw_key, index) * deck)
            index += 1
            bit = _ONE << np.uint64(card)
            if not (used | own) & bit:
                used |= bit
                key += ranks.card_key[at(card)]
                mask |= ranks.card_mask[at(card)]
                count += 1
        _add_board(ranks, key, mask, used, hole, cards, points)
    # The boards that a hand fits are so many on average.
    left = deck - 2
    fitting = PREFLOP_BOARDS * (left - 5.0) * (left - 6.0) / (left * (left - 1.0))
    for hand in range(len(points)):
        points[at(hand)] /= fitting
