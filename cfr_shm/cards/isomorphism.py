"""Boards and hands up to renaming suits: tables, and their Python face.

``card_index(deck)`` holds, for all four streets, what the kernels need to turn raw cards into
a canonical board and a hand number without a gap (kernels/holdem/card_index.py says how). A
street's hands are (hole cards, unordered board): on 52 cards 169, 1,286,792, 13,960,050,
123,156,254.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.cards.suits import Renaming, hand_orbits
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.card_index import (
    LABEL_RANKS,
    PERMUTATION_BITS,
    find_canonical,
    find_codes,
    number_hands,
)

STREETS = ("preflop", "flop", "turn", "river")
BOARD_CARDS = (0, 3, 4, 5)
_LABELS = LABEL_RANKS * SUIT_COUNT
_PAIRS = _LABELS * (_LABELS - 1) // 2
NO_SLOT = 0xFFFF


class CardIndex(NamedTuple):
    """Everything that numbers boards and hands; arrays only, read-only, shareable.

    Boards of all streets are numbered one after the other: preflop's empty board is 0, the
    flops follow, then the turns, then the rivers.
    """

    binomial: NDArray[np.int64]  # (53, 6)
    permutation: NDArray[np.uint8]  # (24, 4), image of each suit
    first_raw: NDArray[np.int64]  # (5,), first raw board of each street
    board_code: NDArray[np.uint32]  # (raw boards,), canonical board << 5 | permutation
    first_board: NDArray[np.int64]  # (5,), first canonical board of each street
    board_mask: NDArray[np.uint64]  # (boards,), cards of the canonical board, 16 bits per suit
    board_weight: NDArray[np.int32]  # (boards,), raw boards of each canonical one
    first_hand: NDArray[np.int64]  # (boards,), counted from the street's first
    hand_count: NDArray[np.int64]  # (4,)
    pattern: NDArray[np.uint8]  # (boards,)
    slot: NDArray[np.uint16]  # (patterns, 1326), by pair of labels; 0xFFFF where impossible
    slot_count: NDArray[np.int64]  # (patterns,)
    slot_pair: NDArray[np.uint8]  # (patterns, 1326, 2), one pair of labels per slot
    slot_weight: NDArray[np.uint8]  # (patterns, 1326), pairs that share the slot


class _Boards(NamedTuple):
    code: NDArray[np.uint32]
    mask: NDArray[np.uint64]
    weight: NDArray[np.int32]


@cache
def card_index(deck: Deck) -> CardIndex:
    """Build the index of ``deck`` (a third of a second for 52 cards, kept for the process)."""
    empty = _Boards(np.zeros(1, np.uint32), np.zeros(1, np.uint64), np.ones(1, np.int32))
    streets = [empty, *(_boards(deck, count) for count in BOARD_CARDS[1:])]
    first_board = np.cumsum([0, *(len(boards.mask) for boards in streets)])
    first_raw = np.cumsum([0, *(len(boards.code) for boards in streets)])
    offsets = [np.uint32(int(first) << PERMUTATION_BITS) for first in first_board[:-1]]
    codes = [boards.code + offset for boards, offset in zip(streets, offsets, strict=True)]
    mask = np.concatenate([boards.mask for boards in streets])
    rows = _pattern_rows(deck, mask)
    # A row as one number, in the order of rows: sorting those is ten times as fast.
    numbered = rows @ np.array([1 << 19, 1 << 15, 1 << 11, 1 << 7, 4, 2, 1])
    _, first, pattern = np.unique(numbered, return_index=True, return_inverse=True)
    patterns = rows[first]
    slot, slot_count, slot_pair, slot_weight = _slot_tables(patterns)
    per_board = slot_count[pattern.reshape(-1)]
    first_hand = np.concatenate([[0], np.cumsum(per_board)])
    street_first = first_hand[first_board]
    street_of = np.repeat(np.arange(4), np.diff(first_board))
    first_hand = (first_hand[:-1] - street_first[street_of]).astype(np.int64)
    board_pattern = pattern.reshape(-1).astype(np.uint8)
    index = CardIndex(
        binomial=_binomial(),
        permutation=np.array(_permutations(), np.uint8),
        first_raw=first_raw.astype(np.int64),
        board_code=np.concatenate(codes),
        first_board=first_board.astype(np.int64),
        board_mask=mask,
        board_weight=np.concatenate([boards.weight for boards in streets]),
        first_hand=first_hand,
        hand_count=np.diff(street_first).astype(np.int64),
        pattern=board_pattern,
        slot=slot,
        slot_count=slot_count,
        slot_pair=slot_pair,
        slot_weight=slot_weight,
    )
    for array in index:
        array.flags.writeable = False
    return index


def hand_number(deck: Deck, hole: Sequence[int], board: Sequence[int] = ()) -> int:
    """Return the number of a hand within its street, equal for hands that differ in suits only.

    Raises:
        UsageError: not two hole cards, a board of no street, wrong or repeated cards.
    """
    street = street_of_board(board)
    if len(hole) != 2:
        raise UsageError(f"a hand has 2 hole cards, found {len(hole)}")
    deck.check([*hole, *board])
    number = np.empty(1, np.int64)
    number_hands(card_index(deck), street, np.array([[*hole, *board]], np.uint8), number)
    return int(number[0])


def hand_numbers(
    deck: Deck, street: int, cards: NDArray[np.uint8], index: CardIndex | None = None
) -> NDArray[np.int64]:
    """Return the number of each row of ``cards``: hole cards, then board; unchecked.

    Args:
        deck: the deck.
        street: 0 preflop to 3 river.
        cards: (hands, 2 + board cards), hole cards first.
        index: other numbers than the deck's own.
    """
    number = np.empty(len(cards), np.int64)
    number_hands(index or card_index(deck), street, np.ascontiguousarray(cards, np.uint8), number)
    return number


def preflop_index(deck: Deck, renamings: Sequence[Renaming]) -> CardIndex:
    """Return the deck's index with preflop hands numbered up to a group of renamings only.

    Only preflop may be numbered by it. With all renamings it is the deck's own.
    """
    index = card_index(deck)
    orbit = hand_orbits(deck, renamings)
    if int(orbit.max()) + 1 == index.hand_count[0]:
        return index
    cards = hand_pairs(deck)
    labels = LABEL_RANKS * (cards % SUIT_COUNT) + cards // SUIT_COUNT
    low, high = labels.min(axis=1), labels.max(axis=1)
    slot, hand_count = index.slot.copy(), index.hand_count.copy()
    slot[index.pattern[0], high * (high - 1) // 2 + low] = orbit
    hand_count[0] = int(orbit.max()) + 1
    for array in (slot, hand_count):
        array.flags.writeable = False
    return index._replace(slot=slot, hand_count=hand_count)


def street_of_board(board: Sequence[int]) -> int:
    """Return the street that a board belongs to.

    Raises:
        UsageError: no street has that many board cards.
    """
    if len(board) not in BOARD_CARDS:
        raise UsageError(f"a board has 0, 3, 4 or 5 cards, found {len(board)}")
    return BOARD_CARDS.index(len(board))


def board_cards(index: CardIndex, board: int) -> tuple[int, ...]:
    """Return the cards of a canonical board (numbered over all streets), ascending."""
    mask = int(index.board_mask[board])
    cards = [
        SUIT_COUNT * rank + suit
        for suit in range(SUIT_COUNT)
        for rank in range(LABEL_RANKS)
        if mask >> (16 * suit + rank) & 1
    ]
    return tuple(sorted(cards))


def representative(deck: Deck, street: int, number: int) -> tuple[tuple[int, int], tuple[int, ...]]:
    """Return hole cards and board of one raw hand that has this number.

    Raises:
        UsageError: the street has no such number.
    """
    index = card_index(deck)
    if not 0 <= number < index.hand_count[street]:
        raise UsageError(
            f"hand number {number} is outside 0..{index.hand_count[street] - 1}"
            f" of the {STREETS[street]}"
        )
    first = int(index.first_board[street])
    firsts = index.first_hand[first : int(index.first_board[street + 1])]
    local = int(np.searchsorted(firsts, number, side="right")) - 1
    board = board_cards(index, first + local)
    free = free_cards(deck, int(index.board_mask[first + local]))
    pair = index.slot_pair[index.pattern[first + local], number - int(firsts[local])]
    return (free[int(pair[0])], free[int(pair[1])]), board


def free_cards(deck: Deck, mask: int) -> dict[int, int]:
    """Return the card that each label stands for under a canonical board's mask."""
    labels = {}
    for suit in range(SUIT_COUNT):
        free = [rank for rank in range(deck.rank_count) if not mask >> (16 * suit + rank) & 1]
        for place, rank in enumerate(free):
            labels[LABEL_RANKS * suit + place] = SUIT_COUNT * rank + suit
    return labels


def hand_weights(index: CardIndex, street: int) -> NDArray[np.int32]:
    """Return how many raw hands each number of a street stands for; they sum to all deals."""
    boards = slice(int(index.first_board[street]), int(index.first_board[street + 1]))
    pattern = index.pattern[boards]
    weights = np.empty(int(index.hand_count[street]), np.int32)
    firsts = index.first_hand[boards]
    # Boards of one pattern together: a few dozen array operations instead of one per board.
    for kind in np.unique(pattern):
        chosen = np.flatnonzero(pattern == kind)
        count = int(index.slot_count[kind])
        orbit = index.slot_weight[kind, :count].astype(np.int32)
        for start in range(0, len(chosen), 4096):
            part = chosen[start : start + 4096]
            rows = firsts[part][:, None] + np.arange(count)
            weights[rows] = index.board_weight[boards][part][:, None] * orbit
    return weights


# --- building ----------------------------------------------------------------------------


def _binomial() -> NDArray[np.int64]:
    return np.array([[math.comb(n, k) for k in range(6)] for n in range(53)], np.int64)


def _permutations() -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(SUIT_COUNT)))


def _boards(deck: Deck, count: int) -> _Boards:
    raw_count = math.comb(deck.card_count, count)
    number_of = np.zeros(256, np.uint8)
    for number, images in enumerate(_permutations()):
        number_of[images[0] * 64 + images[1] * 16 + images[2] * 4 + images[3]] = number
    canonical = np.empty(raw_count, np.int32)
    mask = np.empty(raw_count, np.uint64)
    scratch = np.zeros((2, 6), np.int64)
    keys = np.zeros(8, np.int64)
    found = find_canonical(count, raw_count, scratch, keys, canonical, mask)
    code = np.empty(raw_count, np.uint32)
    weight = np.zeros(found, np.int32)
    find_codes(count, _binomial(), scratch, keys, number_of, canonical, code, weight)
    return _Boards(code, mask[:found].copy(), weight)


def _pattern_rows(deck: Deck, mask: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return (boards, 7): free ranks of each suit, and which neighbouring suits are alike."""
    lanes = (mask[:, None] >> (np.uint64(16) * np.arange(4, dtype=np.uint64))) & np.uint64(0x1FFF)
    free = deck.rank_count - np.bitwise_count(lanes).astype(np.int64)
    alike = (lanes[:, 1:] == lanes[:, :-1]).astype(np.int64)
    return np.concatenate([free, alike], axis=1)


def _slot_tables(
    patterns: NDArray[np.int64],
) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return slot, slot_count, slot_pair and slot_weight of ``CardIndex``."""
    second, first = np.tril_indices(_LABELS, -1)
    number = np.arange(_PAIRS)
    slot = np.full((len(patterns), _PAIRS), NO_SLOT, np.uint16)
    slot_count = np.zeros(len(patterns), np.int64)
    slot_pair = np.zeros((len(patterns), _PAIRS, 2), np.uint8)
    slot_weight = np.zeros((len(patterns), _PAIRS), np.uint8)
    for kind, row in enumerate(patterns):
        free, alike = row[:4], row[4:]
        places = np.arange(_LABELS) % LABEL_RANKS
        valid = places < free[np.arange(_LABELS) // LABEL_RANKS]
        possible = valid[first] & valid[second]
        smallest = number.copy()
        for images in _symmetries(alike):
            moved = LABEL_RANKS * np.array(images)[np.arange(_LABELS) // LABEL_RANKS] + places
            low = np.minimum(moved[first], moved[second])
            high = np.maximum(moved[first], moved[second])
            smallest = np.minimum(smallest, high * (high - 1) // 2 + low)
        chosen, slots, weights = np.unique(
            smallest[possible], return_inverse=True, return_counts=True
        )
        slot[kind, possible] = slots
        slot_count[kind] = len(chosen)
        slot_pair[kind, : len(chosen), 0] = first[chosen]
        slot_pair[kind, : len(chosen), 1] = second[chosen]
        slot_weight[kind, : len(chosen)] = weights
    return slot, slot_count, slot_pair, slot_weight


def _symmetries(alike: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Return the suit permutations that only exchange neighbours marked alike."""
    group = np.concatenate([[0], np.cumsum(1 - alike)])
    return [
        images
        for images in _permutations()
        if all(group[image] == group[suit] for suit, image in enumerate(images))
    ]
