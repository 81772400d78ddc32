"""Buckets of a fixed board whose deals are too many to list, for hands that a kernel deals.

Every board that may come is looked at, and on each the equity of every hand against the ranges
as they are weighted, hands that share a card left out: exact for two seats; with more, what a hand
wins of each other seat alone is averaged. Hands that nobody can hold have bucket 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.abstraction import LOSSLESS, MAX_BUCKETS, BucketSpec
from cfr_shm.cards.board_index import BoardIndex, board_index
from cfr_shm.cards.bucket_file import narrowest
from cfr_shm.cards.buckets import Buckets
from cfr_shm.cards.deck import Deck
from cfr_shm.cards.equity import RIVER
from cfr_shm.cards.isomorphism import BOARD_CARDS, STREETS
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.cards.showdown import hand_order, showdown_sums
from cfr_shm.errors import GameError
from cfr_shm.games.holdem.board_buckets import (
    StreetBuckets,
    StreetHands,
    equity_histograms,
    shared_buckets,
    street_buckets,
)
from cfr_shm.kernels.holdem.showdown import fold_values, showdown_values
from cfr_shm.layout.showdown import Amounts

_Ints = NDArray[np.int64]
_Reals = NDArray[np.float64]

_WON = Amounts(1.0, 0.5, 0.0)
#: Weights below it, as a part of what the heaviest hand meets, are rounding.
_TINY = 1e-12


def buckets_of_board(
    deck: Deck,
    board: Sequence[int],
    ranges: Sequence[_Reals],
    streets: range,
    spec: BucketSpec | None,
) -> tuple[Buckets, bool]:
    """Return buckets of the hands that are left, and whether every hand has one of its own.

    Args:
        deck: the deck.
        board: the fixed cards, a flop at least.
        ranges: (hands,) weights of each seat.
        streets: that are played, 0 preflop to 3 river; the others have one bucket.
        spec: how hands share buckets; None: not at all, if so many buckets can be, else as by
            default.

    Raises:
        GameError: hands are to be told apart of which there are too many.
    """
    index = board_index(deck, board)
    won, met = river_values(index, ranges)
    known = {street: street_hands(index, street, won, met) for street in streets}
    counts = {street: len(hands.weight) for street, (hands, _) in known.items()}
    wanted = _wanted(spec or BucketSpec(deck.name), counts, alone=spec is None)
    bucket, sizes = [], []
    for street in range(len(BOARD_CARDS)):
        label = np.zeros(int(index.tables.hand_count[street]), np.int64)
        if street in known:
            hands, numbers = known[street]
            label[numbers] = shared_buckets(hands, wanted[street])
        sizes.append(int(label.max()) + 1)
        bucket.append(label.astype(narrowest(sizes[-1])))
    found = Buckets(
        path=Path(),
        deck=deck,
        index=index.tables,
        bucket=tuple(bucket),
        statistics=tuple({"weight": np.zeros(size)} for size in sizes),
        about={},
        fingerprint="",
    )
    return found, all(sizes[street] == count for street, count in counts.items())


def _wanted(spec: BucketSpec, counts: dict[int, int], *, alone: bool) -> dict[int, StreetBuckets]:
    """Return how hands share buckets, by street.

    Args:
        spec: what is said of it.
        counts: hands by street.
        alone: whether every hand is to have its own bucket, if there can be so many.
    """
    if alone and max(counts.values()) <= MAX_BUCKETS:
        return {street: StreetBuckets(LOSSLESS, count) for street, count in counts.items()}
    wanted = dict(zip(counts, street_buckets(spec, list(counts)), strict=True))
    for street, each in wanted.items():
        if each.method == LOSSLESS and counts[street] > MAX_BUCKETS:
            raise GameError(
                f"abstraction.bucket_method: lossless does not fit the {STREETS[street]} of this "
                f"board: {counts[street]:,} hands, at most {MAX_BUCKETS:,} buckets"
            )
    return wanted


def river_values(index: BoardIndex, ranges: Sequence[_Reals]) -> tuple[_Reals, _Reals]:
    """Return (boards, hands) what is won by a hand's deals on each river, and how often it is met.

    Both are sums over the seats that hold it, weighted as they do.
    """
    deck, boards = index.deck, index.boards[RIVER]
    holes, sums = hand_pairs(deck), showdown_sums(deck)
    won, met = (np.zeros((len(boards), len(holes))) for _ in range(2))
    whole = np.sum(ranges, axis=0)
    for place, board in enumerate(boards.tolist()):
        order, rows = hand_order(deck, board, holes)
        order = order._replace(twin=np.arange(len(rows), dtype=np.int32))
        values = np.zeros(len(rows))
        for seat in ranges:
            others = (whole - seat)[rows]
            showdown_values(order, order, seat[rows], _WON, sums, values)
            won[place, rows] += others * values
            fold_values(order, order, seat[rows], 1.0, sums, values)
            met[place, rows] += others * values
    none = met <= _TINY * met.max(initial=0.0)
    won[none] = met[none] = 0.0
    return won, met


def street_hands(
    index: BoardIndex, street: int, won: _Reals, met: _Reals
) -> tuple[StreetHands, _Ints]:
    """Return what is known of a street's hands that can be held, and their numbers."""
    rivers, boards = index.boards[RIVER], index.boards[street]
    hands = won.shape[1]
    wins, mass = (np.zeros((len(boards), hands)) for _ in range(2))
    histograms = []
    equity = np.clip(np.divide(won, met, out=np.zeros_like(won), where=met > 0.0), 0.0, 1.0)
    for place, board in enumerate(boards):
        on = _extend(rivers, board)
        wins[place], mass[place] = won[on].sum(axis=0), met[on].sum(axis=0)
        held = np.flatnonzero(mass[place] > 0.0)
        if street == RIVER:
            continue
        ways = np.tile(np.arange(len(held)), len(on))
        some = np.ix_(on, held)
        histograms.append(
            equity_histograms(ways, equity[some].ravel(), met[some].ravel(), len(held))
        )
    numbers = index.numbers(street)
    held_all = mass > 0.0
    histogram = None if street == RIVER else np.concatenate(histograms)
    known = StreetHands(wins[held_all] / mass[held_all], mass[held_all], histogram)
    return known, numbers[held_all]


def _extend(rivers: _Ints, board: _Ints) -> _Ints:
    """Return the places of the rivers that hold a board's cards."""
    holds = (rivers[:, :, None] == board[None, None, :]).any(axis=1).all(axis=1)
    return np.flatnonzero(holds)
