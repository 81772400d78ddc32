"""Exact hand strengths: on the river by one sort per board, before it by adding up.

The *points* of a river hand are 2 x (opposing hands it beats) + (hands it ties), so that its
strength HS is ``points / (2 x opposing hands)``. Earlier streets hold exact integer sums over
all rivers to come: of points, of their squares, and a cumulative histogram of them. A turn
hand adds up its rivers; a flop hand its turns, where each river board is met twice; a preflop
hand its flops, where each is met ten times.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.holdem.card_index import (
    LABEL_RANKS,
    PERMUTATION_BITS,
    board_code,
    label_of,
    pair_number,
)
from cfr_shm.kernels.holdem.hand_rank import EMPTY_KEY, strength_of
from cfr_shm.kernels.jit import at, device, kernel

_ONE = np.uint64(1)
#: Packed river hands: strength, then the two places (6 bits each) among the free cards.
_PLACE_BITS = 6
_PLACE_MASK = (1 << _PLACE_BITS) - 1
_DIGIT_BITS = 7
_DIGITS = 1 << _DIGIT_BITS
#: The share of a pot is counted in these units: divisible by 1 to 10 winners.
POT_UNITS = 2520


@device
def list_cards(index, board, rank_count, cards, work):
    """List a canonical board's cards and the cards that it leaves free.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        board: canonical board, numbered over all streets.
        rank_count: ranks of the deck.
        cards: (2, 8) int64, out; row 0 begins with the board's cards.
        work: cards.equity.Work; ``free`` and ``label`` are written, labels ascending.

    Returns the number of free cards.
    """
    mask = index.board_mask[at(board)]
    held = 0
    free = 0
    for suit in range(4):
        place = 0
        for rank in range(rank_count):
            if (mask >> np.uint64(16 * suit + rank)) & _ONE:
                cards[0, at(held)] = 4 * rank + suit
                held += 1
            else:
                work.free[at(free)] = 4 * rank + suit
                work.label[at(free)] = LABEL_RANKS * suit + place
                place += 1
                free += 1
    return free


@device
def sort_holes(ranks, board_cards, free, work):
    """Rank every pair of free cards on a river board and sort the pairs, weakest first.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        board_cards: (2, 8) int64, read-only; row 0 holds the five board cards.
        free: number of free cards.
        work: cards.equity.Work; ``free`` read, ``packed`` row 0 is the result.

    Returns the number of pairs.
    """
    key = EMPTY_KEY
    mask = np.uint64(0)
    for place in range(5):
        card = board_cards[0, at(place)]
        key += ranks.card_key[at(card)]
        mask |= ranks.card_mask[at(card)]
    packed = work.packed
    digit = work.digit
    digit[:] = 0
    count = 0
    for high in range(1, free):
        card = work.free[at(high)]
        key_high = key + ranks.card_key[at(card)]
        mask_high = mask | ranks.card_mask[at(card)]
        for low in range(high):
            other = work.free[at(low)]
            strength = strength_of(
                ranks, key_high + ranks.card_key[at(other)], mask_high | ranks.card_mask[at(other)]
            )
            packed[1, at(count)] = (strength << (2 * _PLACE_BITS)) | (high << _PLACE_BITS) | low
            digit[at(strength & (_DIGITS - 1))] += 1
            digit[at(_DIGITS + (strength >> _DIGIT_BITS))] += 1
            count += 1
    # Least significant digit first: two passes sort 13 bits.
    for half in range(2):
        total = 0
        for value in range(half * _DIGITS, (half + 1) * _DIGITS):
            here = digit[at(value)]
            digit[at(value)] = total
            total += here
        source = 1 - half
        shift = 2 * _PLACE_BITS + half * _DIGIT_BITS
        for place in range(count):
            entry = np.int64(packed[at(source), at(place)])
            value = half * _DIGITS + ((entry >> shift) & (_DIGITS - 1))
            packed[at(1 - source), at(digit[at(value)])] = entry
            digit[at(value)] += 1
    # Two passes: row 1 -> row 0 -> row 1.
    return count


@kernel
def river_points(ranks, index, boards, rank_count, work, cards, points):
    """Write the points of every hand on a range of canonical river boards.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        index: cards.isomorphism.CardIndex, read-only.
        boards: (2,) int64, read-only; first board and one past the last, over all streets.
        rank_count: ranks of the deck.
        work: cards.equity.Work, this thread's own.
        cards: (2, 8) int64, scratch.
        points: (hands of the river,) uint16, out; the range's hands are written.

    All hands of a board are sorted once; the hands that one of them beats are those below,
    less those that share a card with it: linear in the hands instead of quadratic.
    """
    below = work.below
    tied = work.tied
    for board in range(boards[0], boards[1]):
        free = list_cards(index, board, rank_count, cards, work)
        count = sort_holes(ranks, cards, free, work)
        first_hand = index.first_hand[at(board)]
        pattern = index.pattern[at(board)]
        below[:] = 0
        start = 0
        while start < count:
            strength = work.packed[1, at(start)] >> np.uint32(2 * _PLACE_BITS)
            end = start
            while end < count and (
                work.packed[1, at(end)] >> np.uint32(2 * _PLACE_BITS) == strength
            ):
                entry = np.int64(work.packed[1, at(end)])
                tied[at(entry & _PLACE_MASK)] += 1
                tied[at((entry >> _PLACE_BITS) & _PLACE_MASK)] += 1
                end += 1
            for place in range(start, end):
                entry = np.int64(work.packed[1, at(place)])
                low = entry & _PLACE_MASK
                high = (entry >> _PLACE_BITS) & _PLACE_MASK
                wins = start - below[at(low)] - below[at(high)]
                # The hand itself shares both its cards with itself.
                ties = end - start - tied[at(low)] - tied[at(high)] + 1
                pair = pair_number(work.label[at(low)], work.label[at(high)])
                slot = np.int64(index.slot[at(pattern), at(pair)])
                points[at(first_hand + slot)] = 2 * wins + ties
            for place in range(start, end):
                entry = np.int64(work.packed[1, at(place)])
                low = entry & _PLACE_MASK
                high = (entry >> _PLACE_BITS) & _PLACE_MASK
                below[at(low)] += tied[at(low)]
                tied[at(low)] = 0
                below[at(high)] += tied[at(high)]
                tied[at(high)] = 0
            start = end


@device
def _is_beaten(packed, count, place):
    """Return whether a hand that shares no card with a sorted one is stronger."""
    entry = np.int64(packed[1, at(place)])
    low = entry & _PLACE_MASK
    high = (entry >> _PLACE_BITS) & _PLACE_MASK
    rival = count - 1
    # Nearly always the strongest shares no card, and the first look decides.
    while True:
        other = np.int64(packed[1, at(rival)])
        if other >> (2 * _PLACE_BITS) <= entry >> (2 * _PLACE_BITS):
            return False
        other_low = other & _PLACE_MASK
        other_high = (other >> _PLACE_BITS) & _PLACE_MASK
        if low not in (other_low, other_high) and high not in (other_low, other_high):
            return True
        rival -= 1


@kernel
def unbeaten_hands(ranks, index, boards, rank_count, work, unbeaten):
    """Mark the hands that no opposing hand beats on a range of canonical river boards.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        index: cards.isomorphism.CardIndex, read-only.
        boards: (2,) int64, read-only; first board and one past the last, over all streets.
        rank_count: ranks of the deck.
        work: cards.equity.Work, this thread's own.
        unbeaten: (hands of the river,) bool, out; the range's hands are written.
    """
    for board in range(boards[0], boards[1]):
        free = list_cards(index, board, rank_count, work.cards, work)
        count = sort_holes(ranks, work.cards, free, work)
        first_hand = index.first_hand[at(board)]
        pattern = index.pattern[at(board)]
        for place in range(count):
            entry = np.int64(work.packed[1, at(place)])
            low = work.label[at(entry & _PLACE_MASK)]
            high = work.label[at((entry >> _PLACE_BITS) & _PLACE_MASK)]
            slot = np.int64(index.slot[at(pattern), at(pair_number(low, high))])
            unbeaten[at(first_hand + slot)] = not _is_beaten(work.packed, count, place)


@device
def list_slots(index, board, free, work):
    """Write the two cards of one hand per slot of a board and return the number of slots."""
    pattern = index.pattern[at(board)]
    by_label = work.by_label
    for place in range(free):
        by_label[at(work.label[at(place)])] = work.free[at(place)]
    slots = index.slot_count[at(pattern)]
    for slot in range(slots):
        for side in range(2):
            label = index.slot_pair[at(pattern), at(slot), at(side)]
            work.slot_card[at(slot), at(side)] = by_label[at(label)]
    return slots


@device
def deal_next(index, street, free, place, work):
    """Deal a free card and label all others on the board that it makes.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        street: the street that the card leads to.
        free: number of free cards before it.
        place: which of them it is.
        work: cards.equity.Work; row 0 of ``cards`` holds the board before, the card is put
            behind it; ``next_label`` is written, indexed by card.

    Returns what ``hand_after`` is told: the card, the new board's first hand and its pattern.
    """
    card = work.free[at(place)]
    work.cards[0, at(street + 1)] = card
    code = board_code(index, street, work.cards, 0, 0)
    for other_place in range(free):
        other = work.free[at(other_place)]
        if other != card:
            work.next_label[at(other)] = label_of(index, code, other)
    board = code >> PERMUTATION_BITS
    return card, index.first_hand[at(board)], index.pattern[at(board)]


@device
def hand_after(index, dealt, slot, work):
    """Return what the hand of a slot becomes after ``dealt``, -1 if the card is in the hand."""
    card, first_hand, pattern = dealt
    one = work.slot_card[at(slot), 0]
    two = work.slot_card[at(slot), 1]
    if one == card or two == card:
        return np.int64(-1)
    pair = pair_number(work.next_label[at(one)], work.next_label[at(two)])
    return first_hand + np.int64(index.slot[at(pattern), at(pair)])


@kernel
def turn_sums(index, boards, rank_count, points, bin_of, work, sums, cdf):
    """Add up the rivers of every hand on a range of canonical turn boards.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        boards: (2,) int64, read-only; first board and one past the last, over all streets.
        rank_count: ranks of the deck.
        points: (river hands,) uint16, read-only.
        bin_of: (points + 1,) uint8, read-only; the histogram bin of each number of points.
        work: cards.equity.Work, this thread's own.
        sums: (turn hands, 2) uint32, in and out; zero before; sums of points, of squares.
        cdf: (turn hands, bins) uint8, in and out; zero before; rivers in each bin or a lower
            one. With no rows no histogram is made.
    """
    cards = work.cards
    bins = cdf.shape[1]
    histogram = cdf.shape[0] > 0
    for board in range(boards[0], boards[1]):
        free = list_cards(index, board, rank_count, cards, work)
        slots = list_slots(index, board, free, work)
        first_hand = index.first_hand[at(board)]
        for place in range(free):
            dealt = deal_next(index, 3, free, place, work)
            for slot in range(slots):
                hand = hand_after(index, dealt, slot, work)
                if hand >= 0:
                    value = points[at(hand)]
                    square = np.uint32(value) * np.uint32(value)
                    sums[at(first_hand + slot), 0] += np.uint32(value)
                    sums[at(first_hand + slot), 1] += square
                    if histogram:
                        cdf[at(first_hand + slot), at(bin_of[at(value)])] += np.uint8(1)
        if histogram:
            for hand in range(first_hand, first_hand + slots):
                for column in range(1, bins):
                    cdf[at(hand), at(column)] += cdf[at(hand), at(column - 1)]


@kernel
def next_histograms(index, boards, rank_count, bucket, bin_of, work, cdf):
    """Make a cumulative histogram of the next street's buckets for every hand of some boards.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        boards: (3,) int64, read-only; first board, one past the last, and the next street.
        rank_count: ranks of the deck.
        bucket: (hands of the next street,) uint16, read-only.
        bin_of: (buckets,) uint8, read-only; the histogram bin of each bucket.
        work: cards.equity.Work, this thread's own.
        cdf: (hands, bins) uint8, in and out; zero before; next cards in each bin or a lower one.
    """
    cards = work.cards
    street = boards[2]
    for board in range(boards[0], boards[1]):
        free = list_cards(index, board, rank_count, cards, work)
        slots = list_slots(index, board, free, work)
        first_hand = index.first_hand[at(board)]
        for place in range(free):
            dealt = deal_next(index, street, free, place, work)
            for slot in range(slots):
                hand = hand_after(index, dealt, slot, work)
                if hand >= 0:
                    cdf[at(first_hand + slot), at(bin_of[at(bucket[at(hand)])])] += np.uint8(1)
        for hand in range(first_hand, first_hand + slots):
            for column in range(1, cdf.shape[1]):
                cdf[at(hand), at(column)] += cdf[at(hand), at(column - 1)]


@kernel
def flop_sums(index, boards, rank_count, turn, turn_cdf, work, sums, cdf):
    """Add up the turns of every hand on a range of canonical flops.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        boards: (2,) int64, read-only; first board and one past the last, over all streets.
        rank_count: ranks of the deck.
        turn: (turn hands, 2) uint32, read-only; as ``turn_sums`` left it.
        turn_cdf: (turn hands, bins) uint8, read-only; or no rows.
        work: cards.equity.Work, this thread's own.
        sums: (flop hands, 2) int64, in and out; zero before.
        cdf: (flop hands, bins) uint16, in and out; zero before; or no rows.
    """
    cards = work.cards
    bins = cdf.shape[1]
    histogram = cdf.shape[0] > 0
    for board in range(boards[0], boards[1]):
        free = list_cards(index, board, rank_count, cards, work)
        slots = list_slots(index, board, free, work)
        first_hand = index.first_hand[at(board)]
        for place in range(free):
            dealt = deal_next(index, 2, free, place, work)
            for slot in range(slots):
                hand = hand_after(index, dealt, slot, work)
                if hand >= 0:
                    sums[at(first_hand + slot), 0] += np.int64(turn[at(hand), 0])
                    sums[at(first_hand + slot), 1] += np.int64(turn[at(hand), 1])
                    if histogram:
                        for column in range(bins):
                            cdf[at(first_hand + slot), at(column)] += np.uint16(
                                turn_cdf[at(hand), at(column)]
                            )
        # Each pair of cards to come was met in both orders.
        for hand in range(first_hand, first_hand + slots):
            sums[at(hand), 0] //= 2
            sums[at(hand), 1] //= 2
            if histogram:
                for column in range(bins):
                    cdf[at(hand), at(column)] >>= np.uint16(1)


@kernel
def preflop_sums(index, rank_count, flop, flop_cdf, work, sums, cdf):
    """Add up the flops of every preflop hand.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        rank_count: ranks of the deck.
        flop: (flop hands, 2) int64, read-only; as ``flop_sums`` left it.
        flop_cdf: (flop hands, bins) uint16, read-only; or no rows.
        work: cards.equity.Work, this thread's own.
        sums: (preflop hands, 2) int64, in and out; zero before.
        cdf: (preflop hands, bins) int64, in and out; zero before; or no rows.
    """
    cards = work.cards
    bins = cdf.shape[1]
    histogram = cdf.shape[0] > 0
    free = list_cards(index, 0, rank_count, cards, work)
    slots = list_slots(index, 0, free, work)
    for third in range(2, free):
        cards[0, 2] = work.free[at(third)]
        for second in range(1, third):
            cards[0, 1] = work.free[at(second)]
            for first in range(second):
                cards[0, 0] = work.free[at(first)]
                code = board_code(index, 1, cards, 0, 0)
                next_board = code >> PERMUTATION_BITS
                for slot in range(slots):
                    one = work.slot_card[at(slot), 0]
                    two = work.slot_card[at(slot), 1]
                    blocked = False
                    for place in range(3):
                        blocked |= cards[0, at(place)] == one or cards[0, at(place)] == two
                    if not blocked:
                        pair = pair_number(label_of(index, code, one), label_of(index, code, two))
                        held = index.slot[at(index.pattern[at(next_board)]), at(pair)]
                        hand = index.first_hand[at(next_board)] + np.int64(held)
                        sums[at(slot), 0] += flop[at(hand), 0]
                        sums[at(slot), 1] += flop[at(hand), 1]
                        if histogram:
                            for column in range(bins):
                                cdf[at(slot), at(column)] += np.int64(
                                    flop_cdf[at(hand), at(column)]
                                )
    # Each river board was met once for every flop in it.
    for slot in range(slots):
        sums[at(slot), 0] //= 10
        sums[at(slot), 1] //= 10
        if histogram:
            for column in range(bins):
                cdf[at(slot), at(column)] //= 10


@kernel
def all_in_counts(ranks, holes, board, left, missing, work, result):
    """Count how each hand fares over all ways to complete a board.

    Args:
        ranks: cards.evaluator.HandRankTables, read-only.
        holes: (players, 2) int64, read-only.
        board: (cards,) int64, read-only; the cards on the board.
        left: (cards,) int64, read-only; the cards that may still come.
        missing: cards to come, 0 to 5.
        work: (players + 8,) int64, scratch.
        result: (players, 3) int64, in and out; zero before; boards won alone, boards tied for
            best, and shares of the pot in units of 1 / POT_UNITS.

    Returns the number of boards.
    """
    players = holes.shape[0]
    for place in range(missing):
        work[at(players + place)] = place
    boards = 0
    while True:
        key = EMPTY_KEY
        mask = np.uint64(0)
        for place in range(len(board)):
            key += ranks.card_key[at(board[at(place)])]
            mask |= ranks.card_mask[at(board[at(place)])]
        for place in range(missing):
            card = left[at(work[at(players + place)])]
            key += ranks.card_key[at(card)]
            mask |= ranks.card_mask[at(card)]
        best = 0
        winners = 0
        for player in range(players):
            one = holes[at(player), 0]
            two = holes[at(player), 1]
            strength = strength_of(
                ranks,
                key + ranks.card_key[at(one)] + ranks.card_key[at(two)],
                mask | ranks.card_mask[at(one)] | ranks.card_mask[at(two)],
            )
            work[at(player)] = strength
            if strength > best:
                best = strength
                winners = 0
            winners += strength == best
        for player in range(players):
            if work[at(player)] == best:
                result[at(player), at(min(winners, 2) - 1)] += 1
                result[at(player), 2] += POT_UNITS // winners
        boards += 1
        # The next combination, ascending places in colexicographic order.
        place = 0
        while (
            place + 1 < missing and work[at(players + place)] + 1 == work[at(players + place + 1)]
        ):
            work[at(players + place)] = place
            place += 1
        if missing == 0:
            return boards
        work[at(players + place)] += 1
        if work[at(players + missing - 1)] == len(left):
            return boards
