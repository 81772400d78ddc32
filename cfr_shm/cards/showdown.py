"""The hands of two sides on a board, in the order in which showdowns compare them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import Deck
from cfr_shm.cards.evaluator import evaluate_all
from cfr_shm.kernels.holdem.showdown import SUM_ROWS
from cfr_shm.layout.showdown import HandOrder

#: Cards of a board whose hands have a strength.
_RIVER = 5


def showdown_sums(deck: Deck) -> NDArray[np.float64]:
    """Return the work space that ``showdown_values`` and ``fold_values`` need."""
    return np.zeros((SUM_ROWS, deck.card_count), np.float64)


def hand_order(
    deck: Deck, board: Sequence[int], holes: NDArray[np.int64]
) -> tuple[HandOrder, NDArray[np.int64]]:
    """Return the hands that fit a board, weakest first, and their rows in ``holes``.

    Args:
        deck: the deck.
        board: 0 to 5 cards; with fewer than 5 all strengths are 0 and the order is as given.
        holes: (hands, 2), the two cards of each hand.

    ``twin`` is -1 throughout, until ``pair_up`` fills it in.
    """
    fits = ~np.isin(holes, np.asarray(board, np.int64)).any(axis=1)
    rows = np.flatnonzero(fits)
    strength = np.zeros(len(rows), np.int32)
    if len(board) == _RIVER and len(rows):
        seven = np.empty((len(rows), 7), np.uint8)
        seven[:, :5] = board
        seven[:, 5:] = holes[rows]
        strength = evaluate_all(deck, seven).astype(np.int32)
        order = np.argsort(strength, kind="stable")
        rows, strength = rows[order], strength[order]
    cards = holes[rows].astype(np.int16)
    nobody = np.full(len(rows), -1, np.int32)
    return HandOrder(cards[:, 0].copy(), cards[:, 1].copy(), strength, nobody), rows


def pair_up(one: HandOrder, two: HandOrder) -> tuple[HandOrder, HandOrder]:
    """Return both sides' hands with ``twin``: where the other side holds the same two cards.

    >>> from cfr_shm.cards.deck import STANDARD
    >>> aces, _ = hand_order(STANDARD, STANDARD.parse("2c2d2h3s3d"), np.array([[51, 50]]))
    >>> pair_up(aces, aces)[0].twin.tolist()
    [0]
    """
    return one._replace(twin=_twins(one, two)), two._replace(twin=_twins(two, one))


def _twins(one: HandOrder, two: HandOrder) -> NDArray[np.int32]:
    """Return, for each hand of ``one``, its place in ``two``, -1 where it has none."""
    place = {number: row for row, number in enumerate(_numbers(two).tolist())}
    return np.array([place.get(number, -1) for number in _numbers(one).tolist()], np.int32)


def _numbers(order: HandOrder) -> NDArray[np.int64]:
    """Return a number for each hand's two cards, whichever is named first."""
    low = np.minimum(order.card_a, order.card_b).astype(np.int64)
    high = np.maximum(order.card_a, order.card_b).astype(np.int64)
    return high * (high - 1) // 2 + low
