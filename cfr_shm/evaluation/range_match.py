"""Matches of strategies that share a betting tree: all hands of both, on sampled boards.

Every board is played by both ranges, hand against hand, along all lines of the tree, in both
seatings. What is left to chance is the board alone. A strategy against itself wins exactly
nothing, and with sides swapped the result is the negative, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cfr_shm.cards.parallel import Progress
from cfr_shm.evaluation.board_walk import BoardHands, BoardWalk, Players
from cfr_shm.evaluation.gathering import Gathered, Length, Pieces, Sampler, gather
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.games.game import Game
from cfr_shm.kernels.evaluation.both_seatings import meet
from cfr_shm.layout.meeting import Meeting, MeetingSpace
from cfr_shm.layout.response import WALK_WORDS
from cfr_shm.strategy.public import PublicStrategy, start_weights

#: Who plays which seat: the first strategy the small blind's, or the second.
SEATINGS = 2

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
        depth, hands = self._walk.depth, len(self._walk.holes)
        cards = self._walk.cards.deck.card_count
        self._frame = np.zeros((depth, WALK_WORDS), np.int64)
        self._reach, self._value = (np.zeros(depth * SEATINGS * hands) for _ in range(2))
        self._by_card = np.zeros((depth, SEATINGS * cards))
        self._whole = np.zeros((depth, SEATINGS))
        self._below = np.zeros(SEATINGS * cards)

    def winnings(self, index: int) -> float:
        """Return what the first wins on board ``index``, the mean of both seatings, chips."""
        cards = self._walk.cards
        return self.on_board(drawn_board(cards, cards.showdown_cards, self._seed, index))

    def on_board(self, board: tuple[int, ...]) -> float:
        """Return the same on a given board."""
        walk, size = self._walk, len(board)
        hands = walk.hands_on(board)
        policies = walk.policies(Players(self._first, self._second), board, hands)
        ahead, behind = self._seat_values(Meeting(*policies, 0), hands, size)
        if walk.game.zero_sum:
            return 0.25 * (2.0 * ahead - 2.0 * behind)
        # The other seat plays the second strategy where seat 0 plays the first.
        against_behind, against_ahead = self._seat_values(Meeting(*policies, 1), hands, size)
        return 0.25 * ((ahead - against_ahead) - (behind - against_behind))

    def _seat_values(self, meeting: Meeting, hands: BoardHands, size: int) -> list[float]:
        """Return what a seat gets that plays the first, and the second, against the other one."""
        walk, seat, count = self._walk, meeting.responder, len(hands.rows)
        shape = walk.depth, SEATINGS * count
        space = MeetingSpace(
            self._frame,
            self._reach[: walk.depth * SEATINGS * count].reshape(shape),
            self._value[: walk.depth * SEATINGS * count].reshape(shape),
            self._by_card,
            self._whole,
            self._below,
        )
        found = np.empty(SEATINGS * count)
        start = np.ascontiguousarray(walk.start[1 - seat][hands.rows])
        meet(walk.game.tree, meeting, hands.order, start, space, found)
        values = np.zeros((SEATINGS, len(walk.holes)))
        values[:, hands.rows] = found.reshape(count, SEATINGS).T
        return [walk.seat_value(each, seat, size) for each in values]
