"""Deal real cards for a game: hole cards by the seats' ranges, and a board."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.joint_hands import joint_hands
from cfr_shm.strategy.public import holdem_parts

#: Deals that are thrown away because two hands share a card, at most, one after the other.
_MOST_TRIES = 1_000_000


class Dealt(NamedTuple):
    """The cards of one hand."""

    holes: tuple[tuple[int, ...], ...]  # by seat
    board: tuple[int, ...]  # all of it, in the order of dealing


class Dealer:
    """Deals hands of a hold'em game, as likely as the game deals them.

    Args:
        game: hold'em.
        seed: deals are a function of it and of how many came before.

    Raises:
        GameError: the game is not hold'em.
    """

    def __init__(self, game: Game, seed: int) -> None:
        _, self._cards = holdem_parts(game)
        self._random = random.Random(seed)
        self._joint = joint_hands(self._cards, game.player_count)
        self._ranges = []
        for seat in range(game.player_count):
            hands, weight = self._cards.hands(seat)
            self._ranges.append((hands.astype(np.int64).tolist(), np.cumsum(weight).tolist()))

    def deal(self) -> Dealt:
        """Deal the next hand.

        Raises:
            GameError: the seats' ranges leave hardly any deal.
        """
        fixed = self._cards.fixed_board
        holes = self._holes() if self._joint is None else self._joint.drawn(self._random.random())
        used = {*fixed, *(card for hole in holes for card in hole)}
        rest = [card for card in self._cards.dealt if card not in used]
        board = self._random.sample(rest, self._cards.showdown_cards - len(fixed))
        return Dealt(tuple((low, high) for low, high in holes), (*fixed, *board))

    def _holes(self) -> list[list[int]]:
        """Draw each seat's hand by itself, all anew until none shares a card."""
        fixed = self._cards.fixed_board
        for _ in range(_MOST_TRIES):
            holes = [
                self._random.choices(hands, cum_weights=weights)[0]
                for hands, weights in self._ranges
            ]
            used = {*fixed, *(card for hole in holes for card in hole)}
            if len(used) == len(fixed) + 2 * len(holes):
                return holes
        raise GameError("the starting ranges leave hardly any deal in which no card is twice")
