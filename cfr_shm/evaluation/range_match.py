"""Matches of strategies that share a betting tree: all hands of both, on sampled boards.

Every board is played by both ranges, hand against hand, along all lines of the tree, in both
seatings. What is left to chance is the board alone. A strategy against itself wins exactly
nothing, and with sides swapped the result is the negative, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfr_shm.cards.parallel import Progress
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.gathering import Gathered, Length, Pieces, Sampler, gather
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.games.game import Game
from cfr_shm.strategy.public import PublicStrategy, start_weights

#: Boards between two looks at a match that ends when enough is known; 400 make it tightest.
BOARDS = Pieces(together=1, look_after=50, ratio=0.05)


def share_a_tree(one: Game, two: Game) -> bool:
    """Return whether two games have the same betting tree, payoffs, deck and ranges.

    Their buckets may differ.
    """
    if one.betting is None or two.betting is None or one.player_count != two.player_count:
        return False
    if one.hole_cards is None or two.hole_cards is None:
        return False
    names = ("kind", "actor", "street", "count", "first_child", "payoff", "detail")
    same = len(one.tree.nodes) == len(two.tree.nodes) and all(
        np.array_equal(one.tree.nodes[name], two.tree.nodes[name]) for name in names
    )
    pairs: list[tuple[Any, Any]] = [
        (one.betting.move, two.betting.move),
        (one.tree.utility, two.tree.utility),
        (one.tree.pot_amount, two.tree.pot_amount),
        (one.hole_cards.dealt, two.hole_cards.dealt),
        (one.hole_cards.fixed_board, two.hole_cards.fixed_board),
    ]
    pairs += [(start_weights(one, seat), start_weights(two, seat)) for seat in (0, 1)]
    return same and all(np.array_equal(first, second) for first, second in pairs)


def range_match(
    first: PublicStrategy,
    second: PublicStrategy,
    length: Length,
    *,
    seed: int = 0,
    workers: int = 0,
    progress: Progress | None = None,
) -> Gathered:
    """Play two strategies against each other; their games must ``share_a_tree`` (unchecked).

    Returns what the first wins, in chips a hand; a sample is a board, and half the difference of
    both where there is rake.

    Args:
        first: whose winnings are told.
        second: the other one.
        length: how many full boards are drawn.
        seed: of the boards.
        workers: threads, 0 for all usable cores; changes nothing in the result.
        progress: told how far it is.
    """

    def make() -> Sampler:
        match = BoardMatch(first, second, seed)
        return lambda board, count: np.array(
            [match.winnings(board + place) for place in range(count)]
        )

    return gather(make, length, BOARDS, workers=workers, progress=progress)


class BoardMatch:
    """Plays one board after the other; owns the space for it, so that one thread uses it."""

    def __init__(self, first: PublicStrategy, second: PublicStrategy, seed: int) -> None:
        self._walk = BoardWalk(first.game)
        self._first, self._second, self._seed = first, second, seed

    def winnings(self, index: int) -> float:
        """Return what the first wins on board ``index``, the mean of both seatings, chips."""
        cards = self._walk.cards
        return self.on_board(drawn_board(cards, cards.showdown_cards, self._seed, index))

    def on_board(self, board: tuple[int, ...]) -> float:
        """Return the same on a given board."""
        ahead = self._difference(self._first, self._second, board)
        behind = self._difference(self._second, self._first, board)
        return 0.25 * (ahead - behind)

    def _difference(
        self, small: PublicStrategy, big: PublicStrategy, board: tuple[int, ...]
    ) -> float:
        """Return what the small blind, seat 0, wins more than the other seat on a board."""
        walk, size = self._walk, len(board)
        values = walk.root_values(Players(small, big), 0, board)
        won = walk.seat_value(values, 0, size)
        if walk.game.zero_sum:
            return 2.0 * won
        values = walk.root_values(Players(big, small), 1, board)
        return won - walk.seat_value(values, 1, size)
