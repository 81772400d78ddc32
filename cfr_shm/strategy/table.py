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
        self._numbers = _Numbers(game)

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._name

    @property
    def game(self) -> Game:
        """The game that it plays."""
        return self._game

    @property
    def suits_alike(self) -> bool:
        """Whether what differs in suits only is played alike: so all buckets are made."""
        return True

    @property
    def probability(self) -> NDArray[np.float64]:
        """The probabilities of every row, (entries,)."""
        return self._probability

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
        number = self._numbers.on(boards, streets)
        return frozen_policy(self._probability, self._row_base, self._row_stride, number)


class _Numbers:
    """The buckets of all hands on boards; those of small decks are kept, they take long to find."""

    def __init__(self, game: Game) -> None:
        _, self._cards = holdem_parts(game)
        self._holes = hands_of(game)
        self._holes.setflags(write=False)
        self._dealt = np.isin(self._holes, self._cards.dealt).all(axis=1)
        self._known: dict[tuple[int, tuple[int, ...]], NDArray[np.int32]] = {}

    def on(self, boards: NDArray[np.int64], streets: int) -> NDArray[np.int32]:
        """Return (boards, streets, hands): every hand's bucket, BLOCKED where there is none."""
        number = np.full((len(boards), streets, len(self._holes)), BLOCKED, np.int32)
        if isinstance(self._cards, DealtCards):
            given = np.array(boards, np.int64, order="C")
            given.setflags(write=False)
            bucket_boards(self._cards.deals.cards, self._holes, given, number)
            return number
        for row, board in enumerate(boards.tolist()):
            for street in range(streets):
                number[row, street] = self._listed(
                    street, tuple(board[: self._cards.board_count(street)])
                )
        return number

    def _listed(self, street: int, board: tuple[int, ...]) -> NDArray[np.int32]:
        if (street, board) not in self._known:
            free = self._dealt & ~np.isin(self._holes, board).any(axis=1)
            number = np.full(len(self._holes), BLOCKED, np.int32)
            hands = self._holes[free].astype(np.uint8)
            # Hands that no range holds have no bucket: they may read any row, for they weigh 0.
            number[free] = np.maximum(self._cards.buckets(0, street, hands, board), 0)
            self._known[street, board] = number
        return self._known[street, board]
