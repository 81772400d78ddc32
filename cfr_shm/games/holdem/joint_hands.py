"""The hands that all seats of a game may hold together, where the game lists its deals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.holdem.hole_cards import HoleCards, ListedCards
from cfr_shm.layout.cards import HOLE_CARDS


class JointHands(NamedTuple):
    """Every way to give each seat a hand so that no card is there twice."""

    holes: NDArray[np.uint8]  # (ways, players, 2)
    cumulative: NDArray[np.float64]  # (ways,) of how likely each is; the last is 1

    def drawn(self, uniform: float) -> list[list[int]]:
        """Return the hands, by seat, that a uniform number below 1 stands for."""
        way = min(int(np.searchsorted(self.cumulative, uniform, "right")), len(self.holes) - 1)
        found: list[list[int]] = self.holes[way].tolist()
        return found


def joint_hands(cards: HoleCards, players: int) -> JointHands | None:
    """List the hands of all seats where listed deals have ranges, None elsewhere.

    Drawing each seat's hand by itself, and all anew until none shares a card, may take for ever
    where the likely ones do; games that deal so refuse such ranges, those that list deals do not.
    There are no more ways than the deals that are listed.
    """
    if not isinstance(cards, ListedCards) or cards.ranges is None:
        return None
    holes = np.zeros((1, 0, HOLE_CARDS), np.uint8)
    weight, used = np.ones(1), np.array([sum(1 << card for card in cards.fixed_board)])
    for seat in range(players):
        hands, weights = cards.hands(seat)
        held = (1 << hands.astype(np.int64)).sum(axis=1)
        way, hand = np.nonzero((used[:, None] & held) == 0)
        holes = np.concatenate([holes[way], hands[hand, None]], axis=1)
        weight, used = weight[way] * weights[hand], used[way] | held[hand]
    cumulative = np.cumsum(weight)
    return JointHands(holes, cumulative / cumulative[-1])
