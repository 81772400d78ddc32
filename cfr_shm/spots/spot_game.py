"""A spot as a game: ranges, boards and betting trees, ready for the kernels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.deck import STANDARD, Deck
from cfr_shm.kernels.spots.lanes import LANES
from cfr_shm.layout.spots import (
    CARD_A,
    CARD_B,
    CHILD_END,
    CHILD_FIRST,
    HANDS,
    MOST_LEVELS,
    Boards,
    Locks,
    Spot,
    SweepSpace,
)
from cfr_shm.spots.boards import (
    Board,
    SpotHands,
    board_arrays,
    board_level,
    list_boards,
    require_deals,
    spot_hands,
)
from cfr_shm.spots.forest import StreetForest, link, no_level, street_forest
from cfr_shm.spots.payoffs import Payoffs
from cfr_shm.spots.street_trees import StreetTrees, TreeRules, build_trees

#: Boards below the first are added up in about so many groups: enough to share among workers,
#: few enough to add up quickly.
GROUPS = 24


@dataclass(frozen=True, eq=False)
class SpotGame:
    """Everything about a spot that does not change while it is solved.

    Attributes:
        rules: of the betting trees.
        payoffs: of terminal nodes.
        hands: of both players on the spot's board.
        trees: by level.
        forests: by level, with links.
        boards: that are solved.
        sizes: slots in each player's tables.
        arrays: what the kernels read.
    """

    rules: TreeRules
    payoffs: Payoffs
    hands: SpotHands
    trees: list[StreetTrees]
    forests: list[StreetForest]
    boards: list[Board]
    sizes: tuple[int, int]
    arrays: Spot

    @property
    def locks_mark(self) -> str:
        """What tells the given strategies from others; empty where there are none."""
        locks = self.arrays.locks
        if not len(locks.place):
            return ""
        return hashlib.sha256(b"".join(each.tobytes() for each in locks)).hexdigest()

    @property
    def levels(self) -> int:
        """Return how many streets there are."""
        return len(self.trees)

    @property
    def pot(self) -> float:
        """Return the pot before anybody has put in anything."""
        return self.rules.pot

    def cards_on(self, board: int, player: int) -> NDArray[np.int64]:
        """Return (hands, 2), the cards of a player's hands on a board, in the tables' order."""
        count = self.arrays.boards.about[player, board, HANDS]
        words = self.arrays.boards.hand[player, board, :count]
        return words[:, [CARD_A, CARD_B]].astype(np.int64) // LANES

    def table_bytes(self, *, compact: bool, predicts: bool = False) -> int:
        """Return what regrets and averages take together."""
        tables = 3 if predicts else 2
        return tables * (2 if compact else 4) * sum(self.sizes)

    def node_count(self) -> int:
        """Return the nodes of the public tree, over all boards that are solved."""
        per_level = [len(trees.nodes) for trees in self.trees]
        return sum(per_level[board_level(self.hands, board)] for board in self.boards)

    def steps_to(self, level: int, board: int, segment: int) -> NDArray[np.int64]:
        """Return the steps of a sweep over what leads to a board, and the board itself.

        Args:
            level: of the board, 1 or 2.
            board: its number.
            segment: of the last level's forest, if it is that.
        """
        boards = self.arrays.boards
        segments = [len(forest.level.forest.first) - 1 for forest in self.forests]
        steps = [(1, 0, 0, 0, 0)]
        if level == 2:
            steps.append((1, 0, 1, 0, self.boards[board].parent))
        if level == self.levels - 1:
            steps.append((1, 1, level, segment, board))
        else:
            steps += board_steps(boards, segments, level, board)
        return np.array([*steps, (0, 1, 0, 0, 0)], np.int64)

    def scale(self) -> float:
        """Return what ranges are multiplied by in training, so that regrets fit half floats."""
        most = max(float(weights.sum()) for weights in self.hands.weights)
        stake = self.rules.pot / 2.0 + self.rules.stack
        return 64.0 / (most * stake)

    def space(self, *, apart: bool = False) -> SweepSpace:
        """Return a worker's work space.

        Args:
            apart: whether reach is to be read after a sweep. Else values take its place, row by
                row: a terminal node's value is written when its reach has been read, those of
                other nodes when all has. So less has to stay in the cache.
        """
        stride = self.hands.stride
        rows = [forest.rows for forest in self.forests] + [0] * (MOST_LEVELS - self.levels)
        lines = len(self.arrays.second.links.offsets) // 4
        reach = [_zeros(each * stride) for each in rows]
        value = [_zeros(each * stride) for each in rows] if apart else reach
        return SweepSpace(
            reach_0=reach[0],
            value_0=value[0],
            reach_1=reach[1],
            value_1=value[1],
            reach_2=reach[2],
            value_2=value[2],
            lifted=_zeros(lines * stride),
            summed=_zeros(lines * stride),
            others=_zeros(stride * LANES),
            shown=_zeros(stride * LANES),
            folded=_zeros(stride * LANES),
            by_card=_zeros(self.hands.deck.card_count * LANES),
        )


def build_spot(
    board: Sequence[int],
    ranges: Sequence[NDArray[np.float64]],
    rules: TreeRules,
    payoffs: Payoffs,
    *,
    deck: Deck = STANDARD,
    isomorphic: bool = True,
) -> SpotGame:
    """Return the spot on ``board`` with these ranges and betting rules.

    Raises:
        UsageError: ranges that leave no deal or hardly any, or lines that are not in the tree.
        GameError: too many nodes.
    """
    hands = spot_hands(deck, board, ranges)
    require_deals(hands)
    return spot_of_trees(hands, build_trees(rules), rules, payoffs, isomorphic=isomorphic)


def spot_of_trees(
    hands: SpotHands,
    trees: list[StreetTrees],
    rules: TreeRules,
    payoffs: Payoffs,
    *,
    isomorphic: bool = True,
) -> SpotGame:
    """Return the spot of betting trees that are built already.

    Args:
        hands: of both players, on the spot's board.
        trees: by street, from the spot's first one to the river.
        rules: whose first street, pot and stack hold; menus say nothing.
        payoffs: what terminal nodes pay.
        isomorphic: whether boards stand for others.
    """
    forests = _linked(trees, payoffs, hands.stride)
    boards = list_boards(hands, isomorphic=isomorphic)
    slots = [forest.slots for forest in forests]
    arrays, sizes = board_arrays(hands, boards, slots)
    spot = _spot(hands, forests, arrays, payoffs)
    return SpotGame(rules, payoffs, hands, trees, forests, boards, sizes, spot)


def _linked(trees: list[StreetTrees], payoffs: Payoffs, stride: int) -> list[StreetForest]:
    last = len(trees) - 1
    forests = [
        street_forest(each, payoffs, stride, cut=level == last and level > 0, shows=level == last)
        for level, each in enumerate(trees)
    ]
    for level in range(last):
        below = forests[level + 1]
        linked = link(forests[level], trees[level + 1], below, stride)
        forests[level] = forests[level]._replace(level=linked)
    return forests


def _spot(hands: SpotHands, forests: list[StreetForest], boards: Boards, payoffs: Payoffs) -> Spot:
    levels = [forest.level for forest in forests]
    levels += [no_level()] * (MOST_LEVELS - len(levels))
    reach = np.zeros((2, hands.stride), np.float32)
    for p in range(2):
        reach[p, : len(hands.weights[p])] = hands.weights[p]
    # Neither player holds the card that comes: of both hands and the board 45, then 44 are left.
    unseen = len(hands.dealt) - len(hands.board) - 4
    chance = np.array([1.0 / max(unseen - level, 1) for level in range(MOST_LEVELS)], np.float32)
    return Spot(
        levels[0],
        levels[1],
        levels[2],
        boards,
        Locks(
            np.zeros(len(boards.family), np.int64),
            np.zeros((0, 2), np.int64),
            np.zeros(0, np.float32),
        ),
        reach,
        chance,
        *sweep_steps(boards, [len(forest.level.forest.first) - 1 for forest in forests]),
        np.array([payoffs.uneven], np.int64),
    )


def sweep_steps(
    boards: Boards, segments: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the steps of a sweep over everything, and the groups that workers share out.

    Args:
        boards: that are played.
        segments: of each level's forest.
    """
    steps = [(1, 0, 0, 0, 0)]
    first, end = boards.family[0, [CHILD_FIRST, CHILD_END]].tolist()
    count = min(GROUPS, end - first)
    bounds = [1]
    for group in range(count):
        low, high = ((end - first) * each // count + first for each in (group, group + 1))
        for board in range(low, high):
            steps += board_steps(boards, segments, 1, board)
        bounds.append(len(steps))
    steps.append((0, 1, 0, 0, 0))
    return np.array(steps, np.int64), np.array(bounds, np.int64)


def board_steps(
    boards: Boards, segments: Sequence[int], level: int, board: int
) -> list[tuple[int, int, int, int, int]]:
    """Return the steps of a sweep over one board and all below it."""
    if level == len(segments) - 1:
        return [(1, 1, level, segment, board) for segment in range(segments[level])]
    steps = [(1, 0, level, 0, board)]
    for below in range(*boards.family[board, [CHILD_FIRST, CHILD_END]].tolist()):
        steps += board_steps(boards, segments, level + 1, below)
    return [*steps, (0, 1, level, 0, board)]


def _zeros(count: int) -> NDArray[np.float32]:
    """Return zeros that begin on a cache line."""
    room = np.zeros(count + LANES, np.float32)
    skip = -(room.ctypes.data // 4) % LANES
    return room[skip : skip + count]
