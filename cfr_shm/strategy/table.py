"""The average strategy of a training table, as everybody looks at it (``strategy.public``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.kernels.evaluation.read_policy import read_policy
from cfr_shm.kernels.holdem.hand_buckets import bucket_boards
from cfr_shm.layout.policy import BLOCKED, BoardPolicy
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import Board, frozen_policy, hands_of, holdem_parts


class TableStrategy:
    """A hold'em strategy whose rows are buckets of hands; implements ``PublicStrategy``.

    Args:
        name: what reports call it.
        game: what it plays.
        strategy: the probabilities of every row, which are only read.

    Raises:
        GameError: the game is not hold'em.
    """

    def __init__(self, name: str, game: Game, strategy: Strategy) -> None:
        holdem_parts(game)
        self._name, self._game = name, game
        self._probability = strategy.probability
        self._weight = strategy.weight
        self._row_base = game.tree.nodes["row_base"].astype(np.int64)
        self._row_stride = game.tree.nodes["row_stride"].astype(np.int64)

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._name

    @property
    def game(self) -> Game:
        """The game that it plays."""
        return self._game

    @property
    def weight(self) -> NDArray[np.float64]:
        """Strategy weight at each row's first entry; 0: never visited, played uniformly."""
        return self._weight

    def probabilities(self, nodes: Sequence[int], board: Board) -> NDArray[np.float64]:
        """Return (nodes, hands, actions); see ``PublicStrategy``."""
        chosen = np.array(nodes, np.int64)
        chosen.setflags(write=False)
        records = self._game.tree.nodes
        last = int(records["street"][chosen].max(initial=0))
        policy = self._policy(np.array([list(board)], np.int64).reshape(1, -1), last + 1)
        hands = policy.number.shape[2]
        found = np.empty((len(chosen), hands, self._game.max_actions))
        read_policy(records, policy, 0, chosen, found)
        return found

    def on_boards(self, boards: NDArray[np.int64]) -> BoardPolicy:
        """Return the table and every hand's bucket on some boards; see ``PublicStrategy``."""
        return self._policy(boards, self._game.street_count)

    def _policy(self, boards: NDArray[np.int64], streets: int) -> BoardPolicy:
        number = bucket_numbers(self._game, boards, streets)
        return frozen_policy(self._probability, self._row_base, self._row_stride, number)


def bucket_numbers(game: Game, boards: NDArray[np.int64], streets: int) -> NDArray[np.int32]:
    """Return (boards, streets, hands): the bucket of every hand, BLOCKED where there is none."""
    _, cards = holdem_parts(game)
    holes = hands_of(game)
    number = np.full((len(boards), streets, len(holes)), BLOCKED, np.int32)
    if isinstance(cards, DealtCards):
        holes.setflags(write=False)
        given = np.array(boards, np.int64, order="C")
        given.setflags(write=False)
        bucket_boards(cards.deals.cards, holes, given, number)
        return number
    dealt = np.isin(holes, cards.dealt).all(axis=1)
    for row, board in enumerate(boards.tolist()):
        for street in range(streets):
            shown = board[: cards.board_count(street)]
            free = dealt & ~np.isin(holes, shown).any(axis=1)
            buckets = cards.buckets(0, street, holes[free].astype(np.uint8), shown)
            number[row, street, free] = buckets
    return number
