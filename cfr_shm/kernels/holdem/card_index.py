"""From cards to the number of a hand up to suits, by table reads only.

A board's combinatorial number leads to its canonical board and to the suit permutation that
takes it there. The hole cards go through the same permutation; then each is *labelled* by
suit and by its place among the ranks of that suit that the board leaves free. What is left
of the symmetry (suits in which the board holds the same ranks) depends only on the board's
*pattern*, of which there are a few dozen, so that one small table takes the pair of labels
to a *slot*. ``first_hand[board] + slot`` numbers all hands of a street without a gap.
"""

from __future__ import annotations

import numpy as np
from numba.core import types

from cfr_shm.kernels.jit import at, device, intrinsic_twin, kernel

#: Labels are ``LABEL_RANKS * suit + place``, for every deck.
LABEL_RANKS = 13
PERMUTATION_BITS = 5
_PERMUTATION_MASK = (1 << PERMUTATION_BITS) - 1
_SUIT_MASK = np.uint64(0x1FFF)


def _plain_popcount(value):
    return int(value).bit_count()


@intrinsic_twin(_plain_popcount)
def popcount(_typing_context, value):
    """Return the number of set bits of a uint64."""

    def codegen(context, builder, _signature, args):
        return builder.ctpop(context.cast(builder, args[0], value, types.uint64))

    return types.int64(value), codegen


@device
def pair_number(first, second):
    """Return the number of an unordered pair of different numbers."""
    low = min(first, second)
    high = max(first, second)
    return high * (high - 1) // 2 + low


@device
def board_number(binomial, cards, row, first, count):
    """Return the combinatorial number of a board; the order of its cards does not matter.

    Args:
        binomial: (53, 6) int64, read-only.
        cards: (rows, cards) integers, read-only; different cards (unchecked).
        row: the row that holds the board.
        first: its first column.
        count: how many columns it takes.
    """
    number = np.int64(0)
    for place in range(first, first + count):
        card = np.int64(cards[at(row), at(place)])
        below = 1
        for other in range(first, first + count):
            below += np.int64(cards[at(row), at(other)]) < card
        number += binomial[at(card), at(below)]
    return number


@device
def board_numbers(binomial, cards, row):
    """Return the combinatorial numbers of a full board's flop, turn and river, all at once.

    Args:
        binomial: (53, 6) int64, read-only.
        cards: (rows, cards) int64, read-only; a row begins with five different cards (unchecked).
        row: the row that holds the board.

    As ``board_number``, but each pair of cards is compared once instead of up to six times.
    """
    a, b, c = cards[at(row), 0], cards[at(row), 1], cards[at(row), 2]
    d, e = cards[at(row), 3], cards[at(row), 4]
    # Places of a, b, ... among the cards so far, from 1.
    at_a, at_b, at_c = 1 + (b < a) + (c < a), 1 + (a < b) + (c < b), 1 + (a < c) + (b < c)
    flop = binomial[at(a), at(at_a)] + binomial[at(b), at(at_b)] + binomial[at(c), at(at_c)]
    at_a, at_b, at_c = at_a + (d < a), at_b + (d < b), at_c + (d < c)
    at_d = 1 + (a < d) + (b < d) + (c < d)
    turn = binomial[at(a), at(at_a)] + binomial[at(b), at(at_b)]
    turn += binomial[at(c), at(at_c)] + binomial[at(d), at(at_d)]
    at_a, at_b, at_c, at_d = at_a + (e < a), at_b + (e < b), at_c + (e < c), at_d + (e < d)
    at_e = 1 + (a < e) + (b < e) + (c < e) + (d < e)
    river = binomial[at(a), at(at_a)] + binomial[at(b), at(at_b)] + binomial[at(c), at(at_c)]
    river += binomial[at(d), at(at_d)] + binomial[at(e), at(at_e)]
    return flop, turn, river


@device
def board_code(index, street, cards, row, first):
    """Return ``canonical board << 5 | suit permutation`` of a raw board.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        street: 0 preflop, 1 flop, 2 turn, 3 river.
        cards: (rows, cards) integers, read-only; different cards (unchecked).
        row: the row that holds the board.
        first: its first column; its ``street + 2`` cards (none preflop) are in any order.
    """
    if street == 0:
        return np.int64(index.board_code[0])
    number = board_number(index.binomial, cards, row, first, street + 2)
    return np.int64(index.board_code[at(index.first_raw[at(street)] + number)])


@device
def label_of(index, code, card):
    """Return a card's label under a board code; the card is not on the board (unchecked)."""
    board = code >> PERMUTATION_BITS
    suit = np.int64(index.permutation[at(code & _PERMUTATION_MASK), at(card & 3)])
    rank = np.uint64(card >> 2)
    held = (index.board_mask[at(board)] >> np.uint64(16 * suit)) & _SUIT_MASK
    below = popcount(held & ((np.uint64(1) << rank) - np.uint64(1)))
    return LABEL_RANKS * suit + np.int64(rank) - below


@device
def hand_number(index, code, first_card, second_card):
    """Return the number of a hand within its street, 0 .. hands - 1.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        code: int64, the board's ``board_code``.
        first_card: int64, one hole card.
        second_card: int64, the other; neither is on the board (unchecked).
    """
    board = code >> PERMUTATION_BITS
    pair = pair_number(label_of(index, code, first_card), label_of(index, code, second_card))
    slot = np.int64(index.slot[at(index.pattern[at(board)]), at(pair)])
    return index.first_hand[at(board)] + slot


@kernel
def number_hands(index, street, cards, number):
    """Write the hand number of each row of cards.

    Args:
        index: cards.isomorphism.CardIndex, read-only.
        street: 0 to 3.
        cards: (hands, 2 + board cards) uint8, read-only; hole cards first.
        number: (hands,) int64, out.
    """
    for row in range(cards.shape[0]):
        code = board_code(index, street, cards, row, 2)
        one = np.int64(cards[at(row), 0])
        two = np.int64(cards[at(row), 1])
        number[at(row)] = hand_number(index, code, one, two)


@device
def _next_combination(cards, count):
    """Step ``cards[0, :count]``, ascending, to the next combination in colexicographic order."""
    place = 0
    while place + 1 < count and cards[0, at(place)] + 1 == cards[0, at(place + 1)]:
        cards[0, at(place)] = place
        place += 1
    cards[0, at(place)] += 1


@device
def _suit_keys(cards, count, keys):
    """Write each suit's sort key: how many board cards it has, then which."""
    for suit in range(4):
        keys[at(suit)] = 0
    for place in range(count):
        card = cards[0, at(place)]
        keys[at(card & 3)] += (1 << 16) + (1 << (card >> 2))


@kernel
def find_canonical(count, raw_count, cards, keys, canonical, mask):
    """Number the boards that are their own canonical form, and return how many there are.

    Args:
        count: cards on the board, 3 to 5.
        raw_count: number of raw boards.
        cards: (1, 5) int64, scratch.
        keys: (4,) int64, scratch.
        canonical: (raw boards,) int32, out; the canonical number, or -1.
        mask: (raw boards,) uint64, out; entry i belongs to canonical board i.

    A board is canonical when its suits' keys descend: suits with more cards come first, then
    suits with higher ranks.
    """
    for place in range(count):
        cards[0, at(place)] = place
    found = 0
    for number in range(raw_count):
        _suit_keys(cards, count, keys)
        if keys[0] >= keys[1] and keys[1] >= keys[2] and keys[2] >= keys[3]:
            canonical[at(number)] = found
            bits = np.uint64(0)
            for suit in range(4):
                bits |= (np.uint64(keys[at(suit)]) & _SUIT_MASK) << np.uint64(16 * suit)
            mask[at(found)] = bits
            found += 1
        else:
            canonical[at(number)] = -1
        _next_combination(cards, count)
    return found


@kernel
def find_codes(count, binomial, cards, keys, permutation_number, canonical, code, weight):
    """Write every raw board's code and count the raw boards of each canonical one.

    Args:
        count: cards on the board, 3 to 5.
        binomial: (53, 6) int64, read-only.
        cards: (2, 5) int64, scratch.
        keys: (8,) int64, scratch.
        permutation_number: (256,) uint8, read-only; by the four images, two bits each.
        canonical: (raw boards,) int32, read-only; as ``find_canonical`` left it.
        code: (raw boards,) uint32, out; canonical number << 5 | permutation.
        weight: (canonical boards,) int32, in and out; zero before.
    """
    for place in range(count):
        cards[0, at(place)] = place
    for number in range(len(code)):
        _suit_keys(cards, count, keys)
        images = 0
        for suit in range(4):
            position = 0
            for other in range(4):
                ahead = keys[at(other)] > keys[at(suit)]
                tied = keys[at(other)] == keys[at(suit)] and other < suit
                position += ahead or tied
            keys[at(4 + suit)] = position
            images = images * 4 + position
        for place in range(count):
            card = cards[0, at(place)]
            cards[1, at(place)] = (card & ~3) + keys[at(4 + (card & 3))]
        board = canonical[at(board_number(binomial, cards, 1, 0, count))]
        code[at(number)] = (board << PERMUTATION_BITS) | permutation_number[at(images)]
        weight[at(board)] += 1
        _next_combination(cards, count)
