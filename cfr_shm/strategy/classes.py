"""Which class of hole cards a bucket stands for, where it stands for one only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import SUIT_COUNT
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.strategy.public import holdem_parts
from cfr_shm.strategy.range_chart import class_name


def bucket_classes(game: Game) -> tuple[NDArray[np.int32], list[str]]:
    """Return (seats, buckets) the number of each bucket's class before the flop, and the names.

    -1 where a bucket has hands of several classes, or none. Nothing where the game begins with
    a board.
    """
    _, cards = holdem_parts(game)
    count = max(cards.bucket_count(seat, 0) for seat in range(game.player_count))
    found = np.full((game.player_count, count), -1, np.int32)
    if cards.board_count(0):
        return found, []
    for seat in range(game.player_count):
        _fill(cards, seat, found[seat])
    ranks = cards.deck.ranks[::-1]
    size = len(ranks)
    return found, [class_name(ranks, *divmod(each, size)) for each in range(size * size)]


def _fill(cards: HoleCards, seat: int, found: NDArray[np.int32]) -> None:
    hands, _ = cards.hands(seat)
    bucket = cards.buckets(seat, 0, hands, ())
    rank, suit = np.divmod(hands.astype(np.int64), SUIT_COUNT)
    size = len(cards.deck.ranks)
    better, worse = size - 1 - rank.max(axis=1), size - 1 - rank.min(axis=1)
    suited = suit[:, 0] == suit[:, 1]
    place = np.where(suited, better * size + worse, worse * size + better)
    for each in np.unique(bucket[bucket >= 0]).tolist():
        classes = np.unique(place[bucket == each])
        if len(classes) == 1:
            found[each] = classes[0]
