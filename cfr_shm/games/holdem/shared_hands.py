"""Starting hands that share a table row although the game tells them apart, for warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.isomorphism import hand_numbers
from cfr_shm.cards.ranges import hand_of
from cfr_shm.cards.suits import Renaming, every_renaming, hand_orbits
from cfr_shm.games.holdem.hole_cards import DealtCards, HoleCards, ListedCards
from cfr_shm.layout.policy import BLOCKED

_Ints = NDArray[np.int64]

#: What one warning names: groups, classes of a group, and hands of a group of one class.
_MOST_GROUPS, _MOST_CLASSES, _MOST_ALIKE = 6, 6, 3


def sharing_of_suits(
    cards: DealtCards, players: int, renamings: Sequence[Renaming]
) -> tuple[str, ...]:
    """Name starting hands that share a row of a bucket file though they are not alike.

    Args:
        cards: the game's hands.
        players: in the game.
        renamings: of suits, that leave ranges and board as they are.

    On a fixed board these are the hands of one bucket; elsewhere those that are merged up to
    suits which the ranges or the fixed cards tell apart.
    """
    board = _first_board(cards)
    if board == () and tuple(renamings) == every_renaming():
        return ()
    alike = hand_orbits(cards.deck, renamings)
    found: list[str] = []
    for seat in range(players):
        hands = _held(cards, seat, board or ())
        numbers = cards.buckets(seat, 0, hands, board) if board else None
        row = hand_numbers(cards.deck, 0, hands) if numbers is None else numbers
        found += _told(cards, seat, hands, row, alike[_numbers(hands)])
    return tuple(found)


def sharing_of_buckets(cards: ListedCards, players: int) -> tuple[str, ...]:
    """Name starting hands that share a bucket on the first street, where its board is fixed."""
    board = _first_board(cards)
    if board is None:
        return ()
    found: list[str] = []
    for seat in range(players):
        hands = _held(cards, seat, board)
        row = cards.buckets(seat, 0, hands, board)
        hands, row = hands[row != BLOCKED], row[row != BLOCKED]
        found += _told(cards, seat, hands, row, cards.hand_numbers(0, hands, board))
    return tuple(found)


def _first_board(cards: HoleCards) -> tuple[int, ...] | None:
    """Return the board of the first street, None where it is drawn."""
    count = cards.board_count(0)
    return cards.fixed_board[:count] if len(cards.fixed_board) >= count else None


def _held(cards: HoleCards, seat: int, board: Sequence[int]) -> NDArray[np.uint8]:
    hands, _ = cards.hands(seat)
    return hands[~np.isin(hands, list(board)).any(axis=1)]


def _numbers(hands: NDArray[np.uint8]) -> _Ints:
    return np.array([hand_of(int(one), int(two)) for one, two in hands], np.int64)


def _told(
    cards: HoleCards, seat: int, hands: NDArray[np.uint8], row: _Ints, kind: _Ints
) -> Iterator[str]:
    """Yield a sentence if hands of several kinds share a row."""
    _, row = np.unique(row, return_inverse=True)
    pairs = np.unique(np.stack([row.reshape(-1), kind], axis=1), axis=0)
    shared = np.flatnonzero(np.bincount(pairs[:, 0], minlength=1) > 1)
    if len(shared) == 0:
        return
    groups = [_group(cards.deck, hands[row.reshape(-1) == each]) for each in shared[:_MOST_GROUPS]]
    more = len(shared) - len(groups)
    rest = f"; and {more} more rows" if more else ""
    yield (
        f"starting hands of seat {seat} share a row and are played alike, though board and ranges"
        f" tell them apart: {'; '.join(groups)}{rest}"
    )


def _group(deck: Deck, hands: NDArray[np.uint8]) -> str:
    """Return the names of hands that share a row: classes if they differ, else the hands."""
    ordered = sorted(hands.tolist(), key=lambda hand: (max(hand), min(hand)), reverse=True)
    names = list(dict.fromkeys(_class_name(deck, max(hand), min(hand)) for hand in ordered))
    most = _MOST_CLASSES
    if len(names) == 1:
        names, most = [deck.text(sorted(hand, reverse=True)) for hand in ordered], _MOST_ALIKE
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _class_name(deck: Deck, high: int, low: int) -> str:
    ranks = deck.ranks[high // SUIT_COUNT] + deck.ranks[low // SUIT_COUNT]
    if ranks[0] == ranks[1]:
        return ranks
    return ranks + ("s" if high % SUIT_COUNT == low % SUIT_COUNT else "o")
