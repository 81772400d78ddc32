"""Hands in which somebody plays of whom only the moves are seen.

The table's side, cards, draws and luck are those of all matches by play; where a bare player is
to act the hand waits, and the player is asked. The luck of what it does is never taken out: how
likely its moves were is not known, and correcting it with another strategy's probabilities would
return that strategy's result (``evaluation.aivat``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.evaluator import HandRankTables
from cfr_shm.games.holdem.hole_cards import HoleCards
from cfr_shm.kernels.evaluation.play_deals import play_on
from cfr_shm.layout.cards import FULL_BOARD, HOLE_CARDS
from cfr_shm.layout.following import FollowedTree
from cfr_shm.layout.play import (
    ASKED_A_SIDE,
    ASKED_ANSWER,
    ASKED_BEGIN,
    ASKED_GO_ON,
    ASKED_MOVES,
    ASKED_OVER,
    ASKED_ROW,
    ASKED_SEATING,
    ASKED_WORDS,
    PlayAsked,
    PlayDeals,
    PlayLuck,
    PlayPolicy,
    PlaySpace,
)
from cfr_shm.strategy.player import BarePlayer

#: Moves between two questions that are made in one call; the rest in the next one.
_MOST_MOVES = 64


class Table(NamedTuple):
    """What the kernels that play deals take, in their order."""

    tree: FollowedTree
    policy: PlayPolicy
    ranks: HandRankTables
    deals: PlayDeals
    luck: PlayLuck
    won: NDArray[np.float64]
    space: PlaySpace


class BareHands:
    """Plays deals hand by hand and asks bare players; they are its own meanwhile.

    Args:
        players: by side; one, or both.
        cards: how many lie there on each street.
    """

    def __init__(self, players: Mapping[int, BarePlayer], cards: HoleCards) -> None:
        self._players, self._cards = players, cards
        self._asked = PlayAsked(
            words=np.zeros(ASKED_WORDS, np.int64),
            moves=np.zeros(_MOST_MOVES, np.int64),
            draw=np.zeros(1),
        )

    def play(self, table: Table, dealt: NDArray[np.int64]) -> None:
        """Play every deal in every seating; ``dealt`` is as ``drawn_deals.DrawnDeals`` has it.

        Raises:
            GameError: a player fails, or does what is not legal.
        """
        for row, cards in enumerate(dealt):
            for place in range(len(table.deals.seating)):
                self._hand(table, row, place, cards)

    def _hand(self, table: Table, row: int, place: int, cards: NDArray[np.int64]) -> None:
        """Play one hand to its end."""
        asked, seating = self._asked, int(table.deals.seating[place])
        for player in self._players.values():
            player.begin()
        asked.words[ASKED_ROW], asked.words[ASKED_SEATING] = row, place
        answer = ASKED_BEGIN
        while True:
            asked.words[ASKED_ANSWER] = answer
            reason = int(play_on(*table, asked))
            for move in asked.moves[: asked.words[ASKED_MOVES]].tolist():
                self._tell(move)
            if reason == ASKED_OVER:
                return
            answer = ASKED_GO_ON
            if reason == ASKED_A_SIDE:
                answer = self._answer(seating, cards, float(asked.draw[0]))
                self._tell(answer)

    def _tell(self, move: int) -> None:
        for player in self._players.values():
            player.take(move)

    def _answer(self, seating: int, cards: NDArray[np.int64], draw: float) -> int:
        hand: Any = next(iter(self._players.values())).hand
        seat = hand.actor
        player = self._players[1 - ((seating >> seat) & 1)]
        first = FULL_BOARD + HOLE_CARDS * seat
        hole = cards[first : first + HOLE_CARDS].tolist()
        board = cards[: self._cards.board_count(hand.street)].tolist()
        return player.decide(hole, board).drawn(draw)
