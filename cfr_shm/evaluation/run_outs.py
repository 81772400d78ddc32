"""Cards to come where nobody decides any more: all full boards, each once up to suits."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT, Deck
from cfr_shm.cards.equity import make_work
from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.cards.isomorphism import BOARD_CARDS, card_index, hand_numbers
from cfr_shm.cards.ranges import hand_pairs
from cfr_shm.cards.showdown import showdown_sums
from cfr_shm.kernels.evaluation.run_outs import add_run_outs
from cfr_shm.layout.response import RunOutSpace

Floats = NDArray[np.float64]

#: Boards that one call of the kernel adds up: some tens of milliseconds.
_TOGETHER = 1024


def canonical_boards(deck: Deck, size: int) -> tuple[NDArray[np.int64], Floats]:
    """Return (boards, size) one board of each kind up to suits, and how many there are of it."""
    index = card_index(deck)
    street = BOARD_CARDS.index(size)
    first, last = int(index.first_board[street]), int(index.first_board[street + 1])
    cards = np.arange(deck.card_count, dtype=np.uint64)
    bit = np.uint64(16) * (cards % np.uint64(SUIT_COUNT)) + cards // np.uint64(SUIT_COUNT)
    held = (index.board_mask[first:last, None] >> bit) & np.uint64(1)
    boards = np.nonzero(held)[1].reshape(-1, size).astype(np.int64)
    return boards, index.board_weight[first:last].astype(np.float64)


def suit_means(deck: Deck, values: Floats) -> Floats:
    """Return (rows, hands) values with each hand's replaced by the mean over its suits.

    Where everything before is symmetric in suits, values that were added up over one board of
    each kind, times their number, become those over all boards.
    """
    hands = hand_numbers(deck, 0, hand_pairs(deck).astype(np.uint8))
    count = np.bincount(hands).astype(np.float64)
    means = np.empty_like(values)
    for row, each in enumerate(values):
        means[row] = (np.bincount(hands, each) / count)[hands]
    return means


def symmetric_in_suits(deck: Deck, weights: Floats) -> bool:
    """Return whether hands that differ in suits only have the same weight."""
    means = suit_means(deck, weights[None, :])[0]
    return bool(np.allclose(means, weights, rtol=1e-12, atol=0.0))


def full_boards(
    deck: Deck, board: Sequence[int], size: int, fixed: Sequence[int]
) -> Iterator[NDArray[np.int64]]:
    """Yield all full boards that begin with ``board``, and hold ``fixed``, in chunks."""
    left = [card for card in range(deck.card_count) if card not in (*board, *fixed)]
    begun = (*board, *(card for card in fixed if card not in board))
    rest = itertools.combinations(left, size - len(begun))
    while chunk := list(itertools.islice(rest, _TOGETHER)):
        yield np.array([(*begun, *more) for more in chunk], np.int64)


class RunOuts:
    """Adds up showdowns over boards; owns the space for it, so that one thread uses it."""

    def __init__(self, deck: Deck) -> None:
        hands = deck.card_count * (deck.card_count - 1) // 2
        self._ranks = hand_rank_tables(deck)
        self._work = make_work()
        self._space = RunOutSpace(
            card_a=np.zeros(hands, np.int16),
            card_b=np.zeros(hands, np.int16),
            strength=np.zeros(hands, np.int32),
            twin=np.zeros(hands, np.int32),
            number=np.zeros(hands, np.int64),
            reach=np.zeros(hands),
            value=np.zeros(hands),
            sums=showdown_sums(deck),
        )

    def add(
        self,
        boards: NDArray[np.int64],
        weight: Floats,
        reach: Floats,
        amounts: Floats,
        value: Floats,
    ) -> None:
        """Add the values of ``add_run_outs`` to ``value``, all arrays as said there."""
        ranks, work, space = self._ranks, self._work, self._space
        add_run_outs(ranks, boards, weight, reach, amounts, work, space, value)


def chunks(boards: NDArray[np.int64], weight: Floats) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Yield boards and their weights a thousand at a time."""
    for first in range(0, len(boards), _TOGETHER):
        yield boards[first : first + _TOGETHER], weight[first : first + _TOGETHER]
