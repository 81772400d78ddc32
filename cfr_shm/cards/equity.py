"""Exact strengths of every canonical hand on every street, and of hands against hands.

Everything is an exact integer sum (kernels/holdem/equity.py); ``Strengths`` turns it into E[HS],
E[HS^2] and histograms. HS is the chance to win plus half the chance to tie against one
uniformly random opposing hand on the river.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import Deck
from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.isomorphism import BOARD_CARDS, STREETS, card_index
from cfr_shm.cards.parallel import Progress, run_ranges
from cfr_shm.errors import UsageError
from cfr_shm.kernels.holdem.equity import (
    POT_UNITS,
    all_in_counts,
    flop_sums,
    preflop_sums,
    river_points,
    turn_sums,
    unbeaten_hands,
)

PREFLOP, FLOP, TURN, RIVER = range(4)
#: Bins of a river-strength histogram: one row of a turn's is one cache line.
BINS = 64


class Work(NamedTuple):
    """Scratch that one thread's equity kernels own."""

    free: NDArray[np.int64]  # (64,), cards not on the board
    label: NDArray[np.int64]  # (64,), their labels
    by_label: NDArray[np.int64]  # (64,), card of each label
    next_label: NDArray[np.int64]  # (64,), label of each card on the next board
    cards: NDArray[np.int64]  # (2, 8)
    slot_card: NDArray[np.int64]  # (1326, 2)
    packed: NDArray[np.uint32]  # (2, 2048)
    digit: NDArray[np.int64]  # (256,)
    below: NDArray[np.int64]  # (64,)
    tied: NDArray[np.int64]  # (64,)


def make_work() -> Work:
    """Return fresh scratch for one thread."""
    return Work(
        free=np.zeros(64, np.int64),
        label=np.zeros(64, np.int64),
        by_label=np.zeros(64, np.int64),
        next_label=np.zeros(64, np.int64),
        cards=np.zeros((2, 8), np.int64),
        slot_card=np.zeros((1326, 2), np.int64),
        packed=np.zeros((2, 2048), np.uint32),
        digit=np.zeros(256, np.int64),
        below=np.zeros(64, np.int64),
        tied=np.zeros(64, np.int64),
    )


@dataclass(frozen=True)
class Strengths:
    """One street's exact strengths, a row per canonical hand.

    Attributes:
        street: 0 preflop to 3 river.
        max_points: points of a hand that beats every other: twice the opposing hands.
        boards: river boards that each hand's sums run over.
        sums: (hands, 2), sums of points and of squared points; the river keeps only
            (hands, 1) points.
        cdf: (hands, bins), river boards in a histogram bin or a lower one; or no rows.
    """

    street: int
    max_points: int
    boards: int
    sums: NDArray[Any]
    cdf: NDArray[Any]

    def mean(self, hands: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float64]:
        """Return E[HS] of the chosen hands, 0 to 1."""
        points: NDArray[np.float64] = self.sums[hands, 0] / (self.boards * self.max_points)
        return points

    def mean_square(self, hands: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float64]:
        """Return E[HS^2] of the chosen hands, 0 to 1."""
        if self.street == RIVER:
            return self.mean(hands) ** 2
        squares: NDArray[np.float64] = self.sums[hands, 1] / (self.boards * self.max_points**2)
        return squares


def opposing_hands(deck: Deck) -> int:
    """Return how many hands an opponent may hold on the river."""
    return math.comb(deck.card_count - 7, 2)


def bin_table(deck: Deck) -> NDArray[np.uint8]:
    """Return the histogram bin of each number of points: equal widths over 0 .. maximum."""
    values = 2 * opposing_hands(deck) + 1
    return (np.arange(values) * BINS // values).astype(np.uint8)


def river_strengths(deck: Deck, workers: int = 0, progress: Progress | None = None) -> Strengths:
    """Compute the points of every canonical river hand (52 cards: 246 MB)."""
    index, ranks = card_index(deck), hand_rank_tables(deck)
    points = np.empty(int(index.hand_count[RIVER]), np.uint16)

    def piece(first: int, last: int) -> None:
        boards = np.array([first, last])
        cards = np.zeros((2, 8), np.int64)
        river_points(ranks, index, boards, deck.rank_count, make_work(), cards, points)

    first, last = _boards(deck, RIVER)
    run_ranges(piece, first, last, workers, progress)
    none = np.zeros((0, BINS), np.uint8)
    return Strengths(RIVER, 2 * opposing_hands(deck), 1, points.reshape(-1, 1), none)


def unbeaten_rivers(
    deck: Deck, workers: int = 0, progress: Progress | None = None
) -> NDArray[np.bool_]:
    """Return which canonical river hands no opposing hand beats, though it may tie."""
    index, ranks = card_index(deck), hand_rank_tables(deck)
    unbeaten = np.empty(int(index.hand_count[RIVER]), np.bool_)

    def piece(first: int, last: int) -> None:
        boards = np.array([first, last])
        unbeaten_hands(ranks, index, boards, deck.rank_count, make_work(), unbeaten)

    first, last = _boards(deck, RIVER)
    run_ranges(piece, first, last, workers, progress)
    return unbeaten


def turn_strengths(
    deck: Deck,
    river: Strengths,
    workers: int = 0,
    progress: Progress | None = None,
    *,
    histograms: bool = True,
) -> Strengths:
    """Add up the rivers of every canonical turn hand (52 cards: 112 MB, histograms 893 MB)."""
    index, bins = card_index(deck), bin_table(deck)
    hands = int(index.hand_count[TURN])
    sums = np.zeros((hands, 2), np.uint32)
    cdf = np.zeros((hands if histograms else 0, BINS), np.uint8)
    points = river.sums.reshape(-1)

    def piece(first: int, last: int) -> None:
        boards = np.array([first, last])
        turn_sums(index, boards, deck.rank_count, points, bins, make_work(), sums, cdf)

    first, last = _boards(deck, TURN)
    run_ranges(piece, first, last, workers, progress)
    return Strengths(TURN, river.max_points, deck.card_count - 6, sums, cdf)


def flop_strengths(
    deck: Deck, turn: Strengths, workers: int = 0, progress: Progress | None = None
) -> Strengths:
    """Add up the turns of every canonical flop hand."""
    index = card_index(deck)
    hands = int(index.hand_count[FLOP])
    sums = np.zeros((hands, 2), np.int64)
    cdf = np.zeros((hands if len(turn.cdf) else 0, BINS), np.uint16)

    def piece(first: int, last: int) -> None:
        boards = np.array([first, last])
        flop_sums(index, boards, deck.rank_count, turn.sums, turn.cdf, make_work(), sums, cdf)

    first, last = _boards(deck, FLOP)
    run_ranges(piece, first, last, workers, progress)
    return Strengths(FLOP, turn.max_points, math.comb(deck.card_count - 5, 2), sums, cdf)


def preflop_strengths(deck: Deck, flop: Strengths) -> Strengths:
    """Add up the flops of every preflop hand."""
    index = card_index(deck)
    hands = int(index.hand_count[PREFLOP])
    sums = np.zeros((hands, 2), np.int64)
    cdf = np.zeros((hands if len(flop.cdf) else 0, BINS), np.int64)
    preflop_sums(index, deck.rank_count, flop.sums, flop.cdf, make_work(), sums, cdf)
    return Strengths(PREFLOP, flop.max_points, math.comb(deck.card_count - 2, 5), sums, cdf)


def _boards(deck: Deck, street: int) -> tuple[int, int]:
    first_board = card_index(deck).first_board
    return int(first_board[street]), int(first_board[street + 1])


# --- hands against hands -------------------------------------------------------------------


@dataclass(frozen=True)
class AllIn:
    """How hands fare against each other over all ``boards`` ways to complete the board.

    Attributes:
        wins: boards that each player wins alone.
        ties: boards on which each player shares the win.
        equity: each player's share of the pot; they sum to 1.
        boards: number of boards.
    """

    wins: tuple[int, ...]
    ties: tuple[int, ...]
    equity: tuple[float, ...]
    boards: int


def all_in(deck: Deck, holes: Sequence[Sequence[int]], board: Sequence[int] = ()) -> AllIn:
    """Return the exact all-in equities of 2 to 10 hands on a board of 0, 3, 4 or 5 cards.

    >>> from cfr_shm.cards.deck import STANDARD as deck
    >>> all_in(deck, [deck.parse("AhKh"), deck.parse("QcQd")], deck.parse("2h7hJs9d")).wins
    (15, 29)

    Raises:
        UsageError: hands that are not two cards each, a wrong board, or a card twice.
    """
    if not 2 <= len(holes) <= 10:
        raise UsageError(f"equities need 2 to 10 hands, found {len(holes)}")
    for hole in holes:
        if len(hole) != 2:
            raise UsageError(f"a hand has 2 hole cards, found {len(hole)}: {deck.text(hole)!r}")
    if len(board) not in BOARD_CARDS:
        raise UsageError(f"a board has 0, 3, 4 or 5 cards, found {len(board)}")
    used = [*(card for hole in holes for card in hole), *board]
    deck.check(used)
    left = np.array([card for card in range(deck.card_count) if card not in used], np.int64)
    result = np.zeros((len(holes), 3), np.int64)
    boards = all_in_counts(
        hand_rank_tables(deck),
        np.array(holes, np.int64),
        np.array(board, np.int64),
        left,
        5 - len(board),
        np.zeros(len(holes) + 8, np.int64),
        result,
    )
    return AllIn(
        wins=tuple(result[:, 0].tolist()),
        ties=tuple(result[:, 1].tolist()),
        equity=tuple((result[:, 2] / (POT_UNITS * boards)).tolist()),
        boards=int(boards),
    )


def street_name(street: int) -> str:
    """Return a street's name."""
    return STREETS[street]
