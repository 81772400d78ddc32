"""Strength against clusters of opposing hands (OCHS), exactly, by one sort per board.

Every opposing hand belongs to one of at most CLUSTERS clusters of preflop hands. A hand's
vector holds its strength against each cluster, card removal included. Source: Johanson, Burch,
Valenzano & Bowling 2013, "Evaluating state-space abstractions in extensive-form games".
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.card_index import pair_number
from cfr_shm.kernels.holdem.equity import deal_next, hand_after, list_cards, list_slots, sort_holes
from cfr_shm.kernels.jit import at, device, kernel

CLUSTERS = 8
#: Rows of ``held``, ``below`` and ``tied``: one per free card, and one for all hands.
ALL = 64
#: What vectors are scaled to (see cards.clustering.VECTOR_SCALE).
SCALE = 1023
_PLACE_BITS = 6
_PLACE_MASK = (1 << _PLACE_BITS) - 1


@device
def _add_hand(counts, low, high, cluster, amount):
    counts[at(low), at(cluster)] += amount
    counts[at(high), at(cluster)] += amount
    counts[ALL, at(cluster)] += amount


@device
def count_opponents(ranks, board_cards, free, opponent, base, work):
    """Count, for every pair of free cards, its points against each cluster.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        board_cards: (2, 8) int64, read-only; row 0 holds the five board cards.
        free: number of free cards.
        opponent: (52, 52) uint8, read-only; the cluster of each pair of cards.
        base: cards.equity.Work; ``free`` is read, ``packed`` written.
        work: cards.opponents.OpponentWork; ``points`` and ``hands`` are written, by the pair
            number of the two places: points as on the river, and opposing hands.
    """
    count = sort_holes(ranks, board_cards, free, base)
    work.held[:] = 0
    work.below[:] = 0
    work.tied[:] = 0
    for place in range(count):
        entry = np.int64(base.packed[1, at(place)])
        low = entry & _PLACE_MASK
        high = (entry >> _PLACE_BITS) & _PLACE_MASK
        own = opponent[at(base.free[at(low)]), at(base.free[at(high)])]
        _add_hand(work.held, low, high, own, 1)
    start = 0
    while start < count:
        strength = base.packed[1, at(start)] >> np.uint32(2 * _PLACE_BITS)
        end = start
        while end < count and base.packed[1, at(end)] >> np.uint32(2 * _PLACE_BITS) == strength:
            entry = np.int64(base.packed[1, at(end)])
            low = entry & _PLACE_MASK
            high = (entry >> _PLACE_BITS) & _PLACE_MASK
            own = opponent[at(base.free[at(low)]), at(base.free[at(high)])]
            _add_hand(work.tied, low, high, own, 1)
            end += 1
        for place in range(start, end):
            entry = np.int64(base.packed[1, at(place)])
            low = entry & _PLACE_MASK
            high = (entry >> _PLACE_BITS) & _PLACE_MASK
            own = opponent[at(base.free[at(low)]), at(base.free[at(high)])]
            pair = pair_number(low, high)
            for cluster in range(CLUSTERS):
                # The hand itself shares both its cards with itself.
                itself = np.int64(cluster == own)
                wins = work.below[ALL, at(cluster)]
                wins -= work.below[at(low), at(cluster)] + work.below[at(high), at(cluster)]
                ties = work.tied[ALL, at(cluster)] + itself
                ties -= work.tied[at(low), at(cluster)] + work.tied[at(high), at(cluster)]
                hands = work.held[ALL, at(cluster)] + itself
                hands -= work.held[at(low), at(cluster)] + work.held[at(high), at(cluster)]
                work.points[at(pair), at(cluster)] = 2 * wins + ties
                work.hands[at(pair), at(cluster)] = hands
        for place in range(start, end):
            entry = np.int64(base.packed[1, at(place)])
            low = entry & _PLACE_MASK
            high = (entry >> _PLACE_BITS) & _PLACE_MASK
            own = opponent[at(base.free[at(low)]), at(base.free[at(high)])]
            _add_hand(work.below, low, high, own, 1)
            _add_hand(work.tied, low, high, own, -1)
        start = end


@kernel
def river_opponent_sums(ranks, index, boards, rank_count, opponent, base, work, sums):
    """Write points and opposing hands, by cluster, of all hands of some river boards.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        index: cards.isomorphism.CardIndex, read-only.
        boards: (boards,) int64, read-only; canonical river boards, over all streets.
        rank_count: ranks of the deck.
        opponent: (52, 52) uint8, read-only; the cluster of each pair of cards.
        base: cards.equity.Work, this thread's own.
        work: cards.opponents.OpponentWork, this thread's own.
        sums: (hands of these boards, CLUSTERS, 2) uint32, out; board after board, by slot.
    """
    cards = base.cards
    row = 0
    for number in range(len(boards)):
        board = boards[at(number)]
        free = list_cards(index, board, rank_count, cards, base)
        count_opponents(ranks, cards, free, opponent, base, work)
        pattern = index.pattern[at(board)]
        for high in range(1, free):
            for low in range(high):
                labels = pair_number(base.label[at(low)], base.label[at(high)])
                slot = np.int64(index.slot[at(pattern), at(labels)])
                pair = pair_number(low, high)
                for cluster in range(CLUSTERS):
                    points = work.points[at(pair), at(cluster)]
                    hands = work.hands[at(pair), at(cluster)]
                    sums[at(row + slot), at(cluster), 0] = points
                    sums[at(row + slot), at(cluster), 1] = hands
        row += index.slot_count[at(pattern)]


@kernel
def turn_opponent_sums(ranks, index, boards, rank_count, opponent, base, work, sums):
    """Add up points and opposing hands, by cluster, over the rivers of some turn boards.

    Args as ``river_opponent_sums``, but ``boards`` are turn boards and ``sums``
        (turn hands, CLUSTERS, 2) uint32, in and out, zero before, is indexed by hand number.

    Every river is evaluated afresh, because its vectors are too many to keep.
    """
    cards = base.cards
    place_of = work.place_of
    for number in range(len(boards)):
        board = boards[at(number)]
        free = list_cards(index, board, rank_count, cards, base)
        slots = list_slots(index, board, free, base)
        for place in range(free):
            work.turn_free[at(place)] = base.free[at(place)]
        first_hand = index.first_hand[at(board)]
        for river in range(free):
            card = work.turn_free[at(river)]
            cards[0, 4] = card
            left = 0
            for place in range(free):
                if place != river:
                    base.free[at(left)] = work.turn_free[at(place)]
                    place_of[at(work.turn_free[at(place)])] = left
                    left += 1
            count_opponents(ranks, cards, left, opponent, base, work)
            for slot in range(slots):
                one = base.slot_card[at(slot), 0]
                two = base.slot_card[at(slot), 1]
                if one != card and two != card:
                    pair = pair_number(place_of[at(one)], place_of[at(two)])
                    for cluster in range(CLUSTERS):
                        points = np.uint32(work.points[at(pair), at(cluster)])
                        hands = np.uint32(work.hands[at(pair), at(cluster)])
                        sums[at(first_hand + slot), at(cluster), 0] += points
                        sums[at(first_hand + slot), at(cluster), 1] += hands


@kernel
def flop_opponent_sums(index, boards, rank_count, turn, base, sums):
    """Add up points and opposing hands, by cluster, over the turns of some flops.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        boards: (boards,) int64, read-only; canonical flops, over all streets.
        rank_count: ranks of the deck.
        turn: (turn hands, CLUSTERS, 2) uint32, read-only; as ``turn_opponent_sums`` left it.
        base: cards.equity.Work, this thread's own.
        sums: (flop hands, CLUSTERS, 2) uint32, in and out; zero before. Each pair of cards to
            come is met in both orders, which the ratio does not notice.
    """
    cards = base.cards
    for number in range(len(boards)):
        board = boards[at(number)]
        free = list_cards(index, board, rank_count, cards, base)
        slots = list_slots(index, board, free, base)
        first_hand = index.first_hand[at(board)]
        for place in range(free):
            dealt = deal_next(index, 2, free, place, base)
            for slot in range(slots):
                hand = hand_after(index, dealt, slot, base)
                if hand >= 0:
                    for cluster in range(CLUSTERS):
                        for side in range(2):
                            sums[at(first_hand + slot), at(cluster), at(side)] += turn[
                                at(hand), at(cluster), at(side)
                            ]


@kernel
def scale_vectors(sums, first, last, vectors):
    """Write each hand's strength against each cluster, 0 .. SCALE, rounded.

    Args:
        sums: (hands, CLUSTERS, 2) uint32, read-only; points and opposing hands.
        first: the range's first hand.
        last: one past its last.
        vectors: (hands, CLUSTERS) uint16, out; where card removal leaves no opposing hand in a
            cluster, the strength against all hands stands in.
    """
    for hand in range(first, last):
        points = np.int64(0)
        hands = np.int64(0)
        for cluster in range(CLUSTERS):
            points += np.int64(sums[at(hand), at(cluster), 0])
            hands += np.int64(sums[at(hand), at(cluster), 1])
        for cluster in range(CLUSTERS):
            own = np.int64(sums[at(hand), at(cluster), 0])
            whole = np.int64(sums[at(hand), at(cluster), 1])
            if whole == 0:
                own = points
                whole = hands
            vectors[at(hand), at(cluster)] = (SCALE * own + whole) // (2 * whole)
