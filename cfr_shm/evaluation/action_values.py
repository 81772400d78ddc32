"""What each action of a place is worth to a hand, where both go on as the strategy does.

The other seat's range at the place is what its strategy leaves of it along the line. On every
full board that is looked at, the hand's value after each action is the exact mean over that
range and over all that both do later; all actions are compared on the same boards. Where few
boards may come (on the turn, on the river, on small decks) all are looked at and nothing is
estimated.
"""

from __future__ import annotations

import itertools
import math
import random
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.ranges import hand_of
from cfr_shm.errors import UsageError
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.layout.response import NEVER, Stage
from cfr_shm.strategy.public import PublicStrategy, hand_at, holdem_parts

Floats = NDArray[np.float64]

#: Boards that stand for all, where more may come.
BOARDS = 64


class ValuedAction(NamedTuple):
    """What an action is worth."""

    move: int  # chips in the tree's hand, FOLD or CALL
    ev: float  # chips from here on: folding is 0
    lost: float  # against the best action, 0 or more
    error: float  # standard error of ``lost``; 0 where every board was looked at


class ActionValues:
    """Values actions along one strategy; threads may share it, one at a time is answered.

    Args:
        strategy: of both seats.

    Raises:
        GameError: the game is not hold'em for two.
    """

    def __init__(self, strategy: PublicStrategy) -> None:
        self._strategy, self._walk = strategy, BoardWalk(strategy.game)
        self._using = threading.Lock()

    def of(
        self, node: int, hole: Sequence[int], board: Sequence[int], seed: int = 0
    ) -> tuple[ValuedAction, ...]:
        """Return the actions of a decision node, in the order of its rows' entries.

        Args:
            node: of the tree.
            hole: of the seat to act.
            board: what lies there.
            seed: of the boards, where some stand for all.

        Raises:
            UsageError: the other seat holds nothing here that goes with these cards.
        """
        with self._using:
            value, mass = self._on_boards(node, hole, board, seed)
        total = float(mass.sum())
        if not total > 0.0:
            raise UsageError("the strategy never comes here with any hand of the other seat")
        game = self._strategy.game
        betting, _ = holdem_parts(game)
        record = game.tree.nodes[node]
        first, put = int(record["first_child"]), hand_at(game, node).committed[int(record["actor"])]
        mean = value.sum(axis=0) / total
        best = int(mean.argmax())
        ahead = value[:, best, None] - value
        lost = ahead.sum(axis=0) / total
        error = np.zeros(len(mean))
        if len(value) < self._board_count(hole, board):
            left = ahead - lost * mass[:, None]
            error = np.sqrt((left**2).sum(axis=0) * len(value) / (len(value) - 1)) / total
        return tuple(
            ValuedAction(int(betting.move[first + action]), *map(float, each))
            for action, each in enumerate(zip(mean + put, lost, error, strict=True))
        )

    def _on_boards(
        self, node: int, hole: Sequence[int], board: Sequence[int], seed: int
    ) -> tuple[Floats, Floats]:
        """Return (boards, actions) value sums over the other's hands, (boards,) their weights."""
        record = self._strategy.game.tree.nodes[node]
        first, count = int(record["first_child"]), int(record["count"])
        seat, number = int(record["actor"]), hand_of(int(hole[0]), int(hole[1]))
        children = np.arange(first, first + count)
        reach = self._other_reach(node, board)
        players = Players(self._strategy, self._strategy)
        values, masses = [], []
        for full in self._boards(hole, board, seed):
            # Without hands that the hole cards block: nothing large is taken off again.
            there = np.where(self._walk.fits((*full, *hole)), reach, 0.0)
            everywhere = np.tile(there, (count, 1))
            stage = Stage(seat, NEVER, 0)
            found = self._walk.values(players, stage, full, children, everywhere)
            values.append(found[:, number])
            masses.append(float(there.sum()))
        return np.array(values), np.array(masses)

    def _other_reach(self, node: int, board: Sequence[int]) -> Floats:
        """Return (hands,) how much of each hand the other seat brings to a node."""
        game = self._strategy.game
        betting, _ = holdem_parts(game)
        records = game.tree.nodes
        other = 1 - int(records[node]["actor"])
        reach = np.where(self._walk.fits(board), self._walk.start[other], 0.0)
        while (above := int(betting.parent[node])) >= 0:
            if int(records[above]["actor"]) == other:
                action = node - int(records[above]["first_child"])
                reach = reach * self._strategy.probabilities([above], board)[0, :, action]
            node = above
        return reach

    def _left(self, hole: Sequence[int], board: Sequence[int]) -> tuple[list[int], int]:
        """Return the cards that may come, and how many do."""
        cards = self._walk.cards
        fixed = [card for card in cards.fixed_board if card not in board]
        used = {*hole, *board, *fixed}
        more = cards.showdown_cards - len(board) - len(fixed)
        return [card for card in cards.dealt if card not in used], more

    def _board_count(self, hole: Sequence[int], board: Sequence[int]) -> int:
        left, more = self._left(hole, board)
        return math.comb(len(left), more)

    def _boards(
        self, hole: Sequence[int], board: Sequence[int], seed: int
    ) -> Iterator[tuple[int, ...]]:
        fixed = tuple(card for card in self._walk.cards.fixed_board if card not in board)
        left, more = self._left(hole, board)
        begun = (*board, *fixed)
        if math.comb(len(left), more) <= BOARDS:
            yield from ((*begun, *rest) for rest in itertools.combinations(left, more))
            return
        draws = random.Random(f"{seed}/{sorted(hole)}/{list(board)}")
        for _ in range(BOARDS):
            yield (*begun, *draws.sample(left, more))
