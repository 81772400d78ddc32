"""The strength of five to seven cards in two dependent table reads.

Every card adds one 64-bit *key*: a three-bit counter for its rank (bits 0-38) and a four-bit
counter for its suit (bits 40-55, started at 3, so that the fifth card of a suit sets the
counter's top bit). Adding keys is all that a hand costs; a board's sum is shared by every
hand on it. Without a flush the rank counters are looked up by hash and displace (one 8 KiB
and one 512 KiB table, sparsely used), with one the suit's rank mask is (8,192 entries).
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, device, kernel

#: An empty hand's key: 3 in each suit counter.
EMPTY_KEY = np.uint64(0x3333 << 40)
RANK_BITS = np.uint64((1 << 39) - 1)
FLUSH_BITS = np.uint64(0x8888 << 40)
_SUIT_MASK = np.uint64(0x1FFF)

#: The hash's top bits pick the displacement, the next ones the slot that it displaces.
DISPLACEMENT_SHIFT = np.uint64(52)
SLOT_SHIFT = np.uint64(29)
SLOT_BITS = 18
_SLOT_MASK = np.uint64((1 << SLOT_BITS) - 1)


@device
def rank_slot(rank_key, multiplier, displacement):
    """Return where ``value`` holds the strength of a rank multiset (uint64 rank counters)."""
    mixed = rank_key * multiplier
    moved = np.uint64(displacement[at(mixed >> DISPLACEMENT_SHIFT)])
    return ((mixed >> SLOT_SHIFT) + moved) & _SLOT_MASK


@device
def strength_of(tables, key, mask):
    """Return the strength of the cards summed up in ``key`` and ``mask``.

    Args:
        tables: cards.evaluator.HandRankTables, read-only.
        key: uint64, EMPTY_KEY plus the keys of 5 to 7 different cards (unchecked).
        mask: uint64, the union of the cards' masks, 16 bits per suit.

    Higher wins, equal ties; 1 is the weakest five-card hand.
    """
    flush = key & FLUSH_BITS
    if flush != np.uint64(0):
        shift = np.uint64(0)
        if flush >= np.uint64(1 << 55):
            shift = np.uint64(48)
        elif flush >= np.uint64(1 << 51):
            shift = np.uint64(32)
        elif flush >= np.uint64(1 << 47):
            shift = np.uint64(16)
        return np.int64(tables.flush_value[at((mask >> shift) & _SUIT_MASK)])
    slot = rank_slot(key & RANK_BITS, tables.multiplier[0], tables.displacement)
    return np.int64(tables.value[at(slot)])


@kernel
def evaluate_hands(tables, hands, strength):
    """Write the strength of each hand.

    Args:
        tables: cards.evaluator.HandRankTables, read-only.
        hands: (hands, 5 to 7) uint8, read-only; different cards in each row (unchecked).
        strength: (hands,) uint16, out.
    """
    card_key = tables.card_key
    card_mask = tables.card_mask
    if hands.shape[1] == 7:
        # The usual length, unrolled: twice as fast as the loop below.
        for row in range(hands.shape[0]):
            a = hands[at(row), 0]
            b = hands[at(row), 1]
            c = hands[at(row), 2]
            d = hands[at(row), 3]
            e = hands[at(row), 4]
            f = hands[at(row), 5]
            g = hands[at(row), 6]
            key = EMPTY_KEY + card_key[at(a)] + card_key[at(b)] + card_key[at(c)]
            key += card_key[at(d)] + card_key[at(e)] + card_key[at(f)] + card_key[at(g)]
            mask = card_mask[at(a)] | card_mask[at(b)] | card_mask[at(c)] | card_mask[at(d)]
            mask |= card_mask[at(e)] | card_mask[at(f)] | card_mask[at(g)]
            strength[at(row)] = strength_of(tables, key, mask)
        return
    for row in range(hands.shape[0]):
        key = EMPTY_KEY
        mask = np.uint64(0)
        for place in range(hands.shape[1]):
            card = hands[at(row), at(place)]
            key += card_key[at(card)]
            mask |= card_mask[at(card)]
        strength[at(row)] = strength_of(tables, key, mask)


@kernel
def count_strengths(tables, first_low, first_high, count):
    """Count the strengths of all seven-card hands whose lowest card is in a range.

    Args:
        tables: cards.evaluator.HandRankTables, read-only.
        first_low: the range's first lowest card.
        first_high: one past its last.
        count: (strengths + 1,) int64, in and out; ``count[s]`` grows by the hands of strength s.
    """
    key = tables.card_key
    mask = tables.card_mask
    n = len(key)
    for a in range(first_low, first_high):
        for b in range(a + 1, n):
            for c in range(b + 1, n):
                key_c = EMPTY_KEY + key[at(a)] + key[at(b)] + key[at(c)]
                mask_c = mask[at(a)] | mask[at(b)] | mask[at(c)]
                for d in range(c + 1, n):
                    for e in range(d + 1, n):
                        key_e = key_c + key[at(d)] + key[at(e)]
                        mask_e = mask_c | mask[at(d)] | mask[at(e)]
                        for f in range(e + 1, n):
                            key_f = key_e + key[at(f)]
                            mask_f = mask_e | mask[at(f)]
                            for g in range(f + 1, n):
                                total = key_f + key[at(g)]
                                count[at(strength_of(tables, total, mask_f | mask[at(g)]))] += 1
