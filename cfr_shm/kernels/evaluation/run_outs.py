"""Showdowns whose betting is over, added up over many full boards."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.card_index import pair_number
from cfr_shm.kernels.holdem.equity import sort_holes
from cfr_shm.kernels.holdem.showdown import showdown_values
from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.layout.showdown import Amounts, HandOrder

#: A hand of ``sort_holes``: strength, then two places among the free cards, 6 bits each.
_PLACE_BITS = 6
_PLACE_MASK = (1 << _PLACE_BITS) - 1
_ONE = np.uint64(1)


@device
def _order_hands(ranks, boards, row, work, space):
    """Sort the hands that fit a board by strength into ``space``; return how many there are."""
    used = np.uint64(0)
    for place in range(boards.shape[1]):
        card = boards[at(row), at(place)]
        work.cards[0, at(place)] = card
        used |= _ONE << np.uint64(card)
    free = 0
    for card in range(len(ranks.card_key)):
        if not (used >> np.uint64(card)) & _ONE:
            work.free[at(free)] = card
            free += 1
    count = sort_holes(ranks, work.cards, free, work)
    for place in range(count):
        packed = np.int64(work.packed[1, at(place)])
        one = work.free[at((packed >> _PLACE_BITS) & _PLACE_MASK)]
        two = work.free[at(packed & _PLACE_MASK)]
        space.card_a[at(place)] = one
        space.card_b[at(place)] = two
        space.strength[at(place)] = packed >> (2 * _PLACE_BITS)
        space.twin[at(place)] = place
        space.number[at(place)] = pair_number(one, two)
    return count


@kernel
def add_run_outs(ranks, boards, weight, reach, amounts, work, space, value):
    """Add to ``value`` what every hand gets at some showdowns on some boards.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        boards: (boards, 5) int64, read-only; different cards (unchecked).
        weight: (boards,) float64, read-only; what a board counts.
        reach: (showdowns, hands) float64, read-only; of the other seat, by number of the hand.
        amounts: (showdowns, 3) float64, read-only; what is got by winning, tying and losing.
        work: cards.equity.Work, this thread's own.
        space: layout.response.RunOutSpace, this thread's own.
        value: (showdowns, hands) float64, in and out.
    """
    for row in range(boards.shape[0]):
        count = _order_hands(ranks, boards, row, work, space)
        order = HandOrder(
            space.card_a[:count], space.card_b[:count], space.strength[:count], space.twin[:count]
        )
        there, found = space.reach[:count], space.value[:count]
        for leaf in range(reach.shape[0]):
            for place in range(count):
                there[at(place)] = reach[at(leaf), at(space.number[at(place)])]
            paid = Amounts(amounts[at(leaf), 0], amounts[at(leaf), 1], amounts[at(leaf), 2])
            showdown_values(order, order, there, paid, space.sums, found)
            for place in range(count):
                value[at(leaf), at(space.number[at(place)])] += weight[at(row)] * found[at(place)]
