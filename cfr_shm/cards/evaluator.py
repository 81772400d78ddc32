"""Tables of the hand evaluator, built in code for any deck, and its Python face.

A five-card hand has a *code* (category, then ranks in order of weight); strengths number the
codes that occur from 1, so that 52 cards give 7,462 of them. The kernels read the tables
(kernels/holdem/hand_rank.py); nothing is downloaded or stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import CATEGORIES, SUIT_COUNT, Deck
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.hand_rank import (
    DISPLACEMENT_SHIFT,
    SLOT_BITS,
    SLOT_SHIFT,
    evaluate_hands,
)

_HIGH, _PAIR, _TWO_PAIR, _TRIPS, _STRAIGHT, _FLUSH, _FULL, _QUADS, _STRAIGHT_FLUSH = range(9)
_CATEGORY_SHIFT = 20
_SUIT_BITS = 13
#: The search below starts from it; it has worked at once for every deck so far.
_FIRST_MULTIPLIER = 0x64D815DEEAF29DF3


class HandRankTables(NamedTuple):
    """What the evaluator kernels read; arrays only, so that they can lie in shared memory."""

    card_key: NDArray[np.uint64]  # (cards,), rank and suit counters
    card_mask: NDArray[np.uint64]  # (cards,), one bit, 16 bits per suit
    flush_value: NDArray[np.uint16]  # (8192,), strength by the flush suit's rank mask
    value: NDArray[np.uint16]  # (2**18,), strength by hashed rank counters
    displacement: NDArray[np.uint16]  # (4096,)
    multiplier: NDArray[np.uint64]  # (1,)
    category: NDArray[np.uint8]  # (strengths + 1,), index into CATEGORIES by strength


@cache
def hand_rank_tables(deck: Deck) -> HandRankTables:
    """Build the evaluator tables of ``deck`` (a quarter of a second, kept for the process)."""
    counts = _rank_multisets(deck.rank_count, (5, 6, 7))
    codes = [_codes_without_flush(deck, table) for table in counts]
    flush_masks, flush_codes = _flush_codes(deck)
    known = np.unique(np.concatenate([codes[0], flush_codes]))
    all_counts = np.concatenate(counts)
    strengths = _strength(known, np.concatenate(codes))
    multiplier, displacement, slots = _perfect_hash(_rank_keys(all_counts))
    value = np.zeros(1 << SLOT_BITS, np.uint16)
    value[slots] = strengths
    flush_value = np.zeros(1 << _SUIT_BITS, np.uint16)
    flush_value[flush_masks] = _strength(known, flush_codes)
    cards = np.arange(deck.card_count, dtype=np.uint64)
    rank, suit = cards // np.uint64(SUIT_COUNT), cards % np.uint64(SUIT_COUNT)
    one = np.uint64(1)
    place = np.empty(len(CATEGORIES), np.uint8)
    place[list(deck.category_order)] = np.arange(len(CATEGORIES))
    tables = HandRankTables(
        card_key=(one << (np.uint64(3) * rank)) + (one << (np.uint64(40) + np.uint64(4) * suit)),
        card_mask=one << (np.uint64(16) * suit + rank),
        flush_value=flush_value,
        value=value,
        displacement=displacement,
        multiplier=np.array([multiplier], np.uint64),
        category=np.concatenate([[np.uint8(0)], place[known >> _CATEGORY_SHIFT]]),
    )
    for array in tables:
        array.flags.writeable = False
    return tables


def evaluate(deck: Deck, cards: Sequence[int]) -> int:
    """Return the strength of five to seven cards: higher wins, equal ties.

    Raises:
        UsageError: a wrong number of cards, a number that is no card, or a card twice.
    """
    if not 5 <= len(cards) <= 7:
        raise UsageError(f"a hand to rank has 5 to 7 cards, found {len(cards)}")
    deck.check(cards)
    strength = np.empty(1, np.uint16)
    evaluate_hands(hand_rank_tables(deck), np.array([cards], np.uint8), strength)
    return int(strength[0])


def evaluate_all(deck: Deck, hands: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return the strength of each row of ``hands``, (hands, 5 to 7) card numbers, unchecked."""
    strength = np.empty(len(hands), np.uint16)
    evaluate_hands(hand_rank_tables(deck), np.ascontiguousarray(hands, np.uint8), strength)
    return strength


def category_name(deck: Deck, strength: int) -> str:
    """Return what a strength is called: ``straight``, ``full house``, ..."""
    return CATEGORIES[int(hand_rank_tables(deck).category[strength])]


# --- codes -------------------------------------------------------------------------------


def _rank_multisets(rank_count: int, sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """Return (multisets, ranks) for each size: how often each rank occurs among so many cards."""
    partial, held = np.zeros((1, rank_count), np.int64), np.zeros(1, np.int64)
    for rank in range(rank_count):
        grown, holds = [partial], [held]
        for count in range(1, SUIT_COUNT + 1):
            fitting = held + count <= max(sizes)
            grown.append(partial[fitting])
            grown[-1][:, rank] = count
            holds.append(held[fitting] + count)
        partial, held = np.concatenate(grown), np.concatenate(holds)
    return [partial[held == size] for size in sizes]


def _highest(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return each row's highest set rank, -1 where none is."""
    width = present.shape[1]
    top = width - 1 - np.argmax(present[:, ::-1], axis=1)
    highest: NDArray[np.int64] = np.where(present.any(axis=1), top, -1)
    return highest


def _without(present: NDArray[np.bool_], rank: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return ``present`` with one rank of each row cleared (-1 clears none)."""
    left: NDArray[np.bool_] = present & (np.arange(present.shape[1]) != rank[:, None])
    return left


def _ranked(present: NDArray[np.bool_], wanted: int) -> list[NDArray[np.int64]]:
    """Return each row's ``wanted`` highest ranks, highest first, as separate columns."""
    columns = []
    for _ in range(wanted):
        top = _highest(present)
        columns.append(top)
        present = _without(present, top)
    return columns


def _straight_top(present: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the top rank of each row's best straight, -1 where there is none."""
    rank_count = present.shape[1]
    best = np.full(len(present), -1, np.int64)
    low = [rank_count - 1, 0, 1, 2, 3]
    best[present[:, low].all(axis=1)] = 3
    for top in range(4, rank_count):
        best[present[:, top - 4 : top + 1].all(axis=1)] = top
    return best


def _code(deck: Deck, category: int, columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Pack a category and up to five ranks, most significant first."""
    total = np.zeros_like(columns[0])
    for place in range(5):
        rank = columns[place] if place < len(columns) else np.zeros_like(total)
        total = total * 16 + np.maximum(rank, 0)
    return total + (deck.category_order[category] << _CATEGORY_SHIFT)


def _codes_without_flush(deck: Deck, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the code of the best five of each rank multiset, taking no flush into account."""
    present = counts > 0
    quads, trips, pairs = _highest(counts == 4), _highest(counts == 3), _highest(counts == 2)
    other_pair = _highest(_without(counts >= 2, trips))
    second_pair = _highest(_without(counts == 2, pairs))
    straight = _straight_top(present)
    choices = [
        (quads >= 0, _QUADS, [quads, _highest(_without(present, quads))]),
        ((trips >= 0) & (other_pair >= 0), _FULL, [trips, other_pair]),
        (straight >= 0, _STRAIGHT, [straight]),
        (trips >= 0, _TRIPS, [trips, *_ranked(_without(present, trips), 2)]),
        (
            second_pair >= 0,
            _TWO_PAIR,
            [pairs, second_pair, _highest(_without(_without(present, pairs), second_pair))],
        ),
        (pairs >= 0, _PAIR, [pairs, *_ranked(_without(present, pairs), 3)]),
    ]
    best = _code(deck, _HIGH, _ranked(present, 5))
    for holds, category, columns in choices:
        best = np.where(holds, np.maximum(best, _code(deck, category, columns)), best)
    return best


def _flush_codes(deck: Deck) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rank masks that hold a flush, and the code of each."""
    masks = np.arange(1 << deck.rank_count)
    present = (masks[:, None] >> np.arange(deck.rank_count)) & 1 > 0
    enough = present.sum(axis=1) >= 5
    masks, present = masks[enough], present[enough]
    straight = _straight_top(present)
    plain = _code(deck, _FLUSH, _ranked(present, 5))
    return masks, np.where(straight >= 0, _code(deck, _STRAIGHT_FLUSH, [straight]), plain)


def _strength(known: NDArray[np.int64], codes: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return each code's strength: its place, from 1, among the codes that occur."""
    return (np.searchsorted(known, codes) + 1).astype(np.uint16)


# --- hash and displace -------------------------------------------------------------------


def _rank_keys(counts: NDArray[np.int64]) -> NDArray[np.uint64]:
    shifts = np.uint64(3) * np.arange(counts.shape[1], dtype=np.uint64)
    keys: NDArray[np.uint64] = (counts.astype(np.uint64) << shifts).sum(axis=1, dtype=np.uint64)
    return keys


_MOVES_TOGETHER = 32


def _perfect_hash(
    keys: NDArray[np.uint64],
) -> tuple[np.uint64, NDArray[np.uint16], NDArray[np.int64]]:
    """Return multiplier, displacements and each key's slot, no slot twice.

    Source: Belazzougui, Botelho & Dietzfelbinger 2009, "Hash, displace, and compress".
    """
    candidate = _FIRST_MULTIPLIER
    while True:
        multiplier = np.uint64(candidate | 1)
        mixed = keys * multiplier
        group = (mixed >> DISPLACEMENT_SHIFT).astype(np.int64)
        slot = ((mixed >> SLOT_SHIFT) & np.uint64((1 << SLOT_BITS) - 1)).astype(np.int64)
        # Two keys of one group in one slot would be displaced together for ever.
        if len(np.unique(group << SLOT_BITS | slot)) == len(keys):
            displacement = _displace(group, slot)
            moved = (slot + displacement[group]) & ((1 << SLOT_BITS) - 1)
            return multiplier, displacement, moved
        candidate = (candidate * 6364136223846793005 + 1442695040888963407) % 2**64


def _displace(group: NDArray[np.int64], slot: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Return a displacement per group so that no two keys share a slot; largest groups first."""
    groups = 1 << (64 - int(DISPLACEMENT_SHIFT))
    size = 1 << SLOT_BITS
    displacement = np.zeros(groups, np.uint16)
    taken = np.zeros(size, np.bool_)
    members = np.split(
        slot[np.argsort(group, kind="stable")], np.cumsum(np.bincount(group, minlength=groups))[:-1]
    )
    tried = np.arange(_MOVES_TOGETHER)
    for index in sorted(range(groups), key=lambda g: -len(members[g])):
        move = 0
        while True:
            # Some moves at a time: four times as fast as one by one.
            free = ~taken[(members[index][:, None] + (move + tried)) & (size - 1)].any(axis=0)
            if free.any():
                move += int(free.argmax())
                break
            move += _MOVES_TOGETHER
        displacement[index] = move
        taken[(members[index] + move) & (size - 1)] = True
    return displacement
