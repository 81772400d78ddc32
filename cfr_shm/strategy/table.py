"""The average strategy of a training table, as everybody looks at it (``strategy.public``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.ranges import hand_of
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.kernels.evaluation.read_policy import read_policy
from cfr_shm.kernels.holdem.hand_buckets import bucket_boards
from cfr_shm.layout.cards import HOLE_CARDS
from cfr_shm.layout.policy import BLOCKED, BoardPolicy
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import Board, frozen_policy, hands_of, holdem_parts

Floats = NDArray[np.float64]


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
        self._numbers = _Numbers(game)
        self._rows = _rows_of(game, strategy)

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

    def rows(self, node: int, number: NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Return what a node says of hands: (hands, actions) probabilities, and weights.

        Args:
            node: a decision node.
            number: (hands,) as ``on_boards`` has it on the node's street, none BLOCKED.
        """
        rows = self._rows
        row = rows.base[node] + number.astype(np.int64) * rows.stride[node]
        actions = np.arange(int(self._game.tree.nodes["count"][node]))
        return rows.probability[row[:, None] + actions], rows.weight[row]

    def row(self, node: int, hole: Sequence[int], board: Board) -> tuple[Floats, float]:
        """Return what a node says of one hand: (actions,) probabilities, and weight.

        Args:
            node: a decision node.
            hole: two cards, neither of them on the board.
            board: the cards that lie there on the node's street.
        """
        street = int(self._game.tree.nodes["street"][node])
        number = self._numbers.on(np.array([list(board)], np.int64).reshape(1, -1), street + 1)
        low, high = sorted(hole)
        shares, weight = self.rows(node, number[0, street, [hand_of(low, high)]])
        return shares[0], float(weight[0])

    def _policy(self, boards: NDArray[np.int64], streets: int) -> BoardPolicy:
        number = self._numbers.on(boards, streets)
        return frozen_policy(self._rows.probability, self._rows.base, self._rows.stride, number)


class _Rows(NamedTuple):
    """Where each number of ``_Numbers`` has its row at every decision node."""

    probability: Floats  # (entries,)
    weight: Floats  # (entries,), at each row's first entry
    base: NDArray[np.int64]  # (nodes,)
    stride: NDArray[np.int64]  # (nodes,)


def _rows_of(game: Game, strategy: Strategy) -> _Rows:
    """Return the table's own rows, or others where it has none for some hands.

    A table of listed deals has rows for hands that their seat is dealt. Hands have the same
    numbers whoever holds them: those that only another seat has, or nobody, get rows here that
    say the same as one never visited.
    """
    nodes = game.tree.nodes
    base, stride = nodes["row_base"].astype(np.int64), nodes["row_stride"].astype(np.int64)
    if _has_rows_for_all(game):
        return _Rows(strategy.probability, strategy.weight, base, stride)
    wanted = _listed_counts(game) + 1
    decisions = np.flatnonzero(nodes["kind"] == DECISION)
    actions = nodes["count"][decisions].astype(np.int64)
    size = wanted[nodes["street"][decisions]] * actions
    first = np.concatenate([[0], np.cumsum(size)])
    probability, weight = np.zeros(first[-1]), np.zeros(first[-1])
    there, step = np.zeros(len(nodes), np.int64), np.ones(len(nodes), np.int64)
    there[decisions], step[decisions] = first[:-1], actions
    for node, begin, end in zip(decisions.tolist(), first[:-1], first[1:], strict=True):
        record = nodes[node]
        count = int(game.deals.bucket_count[record["actor"], record["street"]])
        row = base[node] + np.arange(count) * stride[node]
        action = np.arange(step[node])
        here = probability[begin:end].reshape(-1, step[node])
        here[:count] = strategy.probability[row[:, None] + action]
        here[count:] = 1.0 / step[node]
        weight[begin:end].reshape(-1, step[node])[:count, 0] = strategy.weight[row]
    return _Rows(probability, weight, there, step)


def _has_rows_for_all(game: Game) -> bool:
    """Return whether any seat may be dealt any hand that has a number, and every hand has one."""
    _, cards = holdem_parts(game)
    if isinstance(cards, DealtCards):
        return True
    every = math.comb(len(cards.dealt), HOLE_CARDS)
    whole = all(len(cards.hands(seat)[0]) == every for seat in range(game.player_count))
    return whole and not cards.fixed_board


def _listed_counts(game: Game) -> NDArray[np.int64]:
    """Return (streets,) how many numbers listed hands have; the next is for those without."""
    counts: NDArray[np.int64] = game.deals.bucket_count.max(axis=0)
    return counts


class _Numbers:
    """The buckets of all hands on boards; those of small decks are kept, they take long to find."""

    def __init__(self, game: Game) -> None:
        _, self._cards = holdem_parts(game)
        self._holes = hands_of(game)
        self._holes.setflags(write=False)
        self._dealt = np.isin(self._holes, self._cards.dealt).all(axis=1)
        self._none = _listed_counts(game)  # the number of hands that nobody is dealt
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
            found = self._cards.anybodys_buckets(street, hands, board)
            number[free] = np.where(found == BLOCKED, self._none[street], found)
            self._known[street, board] = number
        return self._known[street, board]
