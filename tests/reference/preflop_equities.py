"""Who wins all-in before the flop: every pair of the 169 classes of hands, counted exactly.

``preflop_equities.npz`` holds, for classes i and j in the order of ``CLASSES``:

* ``pairs`` (169, 169) int32: ways to deal one hand of each class from one deck;
* ``margin`` (169, 169) int64: over these ways and all 1,712,304 boards, wins of i minus wins of j;
* ``ties`` (169, 169) int64.

``python tests/reference/preflop_equities.py`` counts again, with eval7 as evaluator, and takes
about ten minutes: 134,459 boards that differ by more than a renaming of suits, each with the
hands that it leaves ranked, and all pairs of them compared.
"""

from __future__ import annotations

import sys
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RANKS = "23456789TJQKA"
PATH = Path(__file__).with_name("preflop_equities.npz")
BOARDS = 1_712_304


def class_name(one: int, two: int) -> str:
    """Name the class of two cards; card ``c`` has rank ``c // 4`` and suit ``c % 4``."""
    high, low = max(one, two), min(one, two)
    ranks = RANKS[high // 4] + RANKS[low // 4]
    if high // 4 == low // 4:
        return ranks
    return ranks + ("s" if high % 4 == low % 4 else "o")


HANDS = list(combinations(range(52), 2))
CLASSES = sorted({class_name(*hand) for hand in HANDS})
CLASS_OF = np.array([CLASSES.index(class_name(*hand)) for hand in HANDS])


def count_pairs() -> NDArray[np.int32]:
    """Return the ways to deal one hand of class i and one of class j."""
    cards = np.array(HANDS)
    apart = (cards[:, None, :, None] != cards[None, :, None, :]).all(axis=(2, 3))
    pairs = np.zeros((169, 169), np.int32)
    np.add.at(pairs, (CLASS_OF[:, None], CLASS_OF[None, :]), apart.astype(np.int32))
    return pairs


def distinct_boards() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return one board of each kind that renaming suits leaves apart, and how many are alike."""
    boards = np.array(list(combinations(range(52), 5)), dtype=np.int64)
    least = np.full(len(boards), np.iinfo(np.int64).max)
    for suits in permutations(range(4)):
        renamed = np.sort(boards // 4 * 4 + np.array(suits)[boards % 4], axis=1)
        np.minimum(least, renamed @ (52 ** np.arange(5)), out=least)
    _, first, count = np.unique(least, return_index=True, return_counts=True)
    return boards[first], count


def count_board(board: NDArray[np.int64], deck: list[object]) -> tuple[NDArray, NDArray, NDArray]:
    """Return classes, cards and eval7 ranks of the hands that a board leaves."""
    import eval7

    taken = set(board.tolist())
    five = [deck[card] for card in board]
    left = [i for i, (one, two) in enumerate(HANDS) if one not in taken and two not in taken]
    rank = [eval7.evaluate([*five, deck[HANDS[i][0]], deck[HANDS[i][1]]]) for i in left]
    return CLASS_OF[left], np.array(HANDS)[left], np.array(rank)


def count_all(boards: NDArray[np.int64], weight: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """Return ``margin`` and ``ties`` over the given boards.

    All pairs of hands are compared by sorting: a hand beats all of lower rank. Pairs that share
    a card are taken out again, one by one.
    """
    import eval7

    deck = [eval7.Card(RANKS[card // 4] + "cdhs"[card % 4]) for card in range(52)]
    margin, ties = np.zeros((169, 169), np.int64), np.zeros((169, 169), np.int64)
    for board, times in zip(boards, weight, strict=True):
        kind, cards, rank = count_board(board, deck)
        wins, equal = _compare(kind, rank)
        _take_out_shared(kind, cards, rank, wins, equal)
        margin += times * (wins - wins.T)
        ties += times * equal
    return margin, ties


def _compare(kind: NDArray, rank: NDArray) -> tuple[NDArray, NDArray]:
    """Count, for all pairs of classes, the hands of one above and level with the other's."""
    _, level = np.unique(rank, return_inverse=True)
    by_level = np.zeros((level.max() + 1, 169))
    np.add.at(by_level, (level, kind), 1)
    below = np.cumsum(by_level, axis=0) - by_level
    return (by_level.T @ below).astype(np.int64), (by_level.T @ by_level).astype(np.int64)


def _take_out_shared(
    kind: NDArray, cards: NDArray, rank: NDArray, wins: NDArray, equal: NDArray
) -> None:
    """Take out pairs of hands with a card in common; a hand shares both with itself alone."""
    np.subtract.at(equal, (kind, kind), 1)
    for card in range(52):
        holders = np.flatnonzero((cards == card).any(axis=1))
        one, two = np.repeat(holders, len(holders)), np.tile(holders, len(holders))
        one, two = one[one != two], two[one != two]
        np.subtract.at(wins, (kind[one], kind[two]), (rank[one] > rank[two]).astype(np.int64))
        np.subtract.at(equal, (kind[one], kind[two]), (rank[one] == rank[two]).astype(np.int64))


def load() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return ``pairs``, and the mean of (wins - losses) for each pair of classes."""
    stored = np.load(PATH)
    pairs = stored["pairs"]
    return pairs, stored["margin"] / (np.maximum(pairs, 1) * float(BOARDS))


if __name__ == "__main__":
    kinds, alike = distinct_boards()
    margins, all_ties = np.zeros((169, 169), np.int64), np.zeros((169, 169), np.int64)
    for start in range(0, len(kinds), 1000):
        part = slice(start, start + 1000)
        more = count_all(kinds[part], alike[part])
        margins += more[0]
        all_ties += more[1]
        done = min(start + 1000, len(kinds))
        sys.stderr.write(f"{done:,} of {len(kinds):,} boards\n")
    np.savez_compressed(PATH, pairs=count_pairs(), margin=margins, ties=all_ties)
