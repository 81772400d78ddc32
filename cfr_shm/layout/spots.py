"""The memory format of spots: what the kernels of ``kernels/spots`` read and write.

A *level* is a street of the spot: level 0 its first. The betting trees of a level are the same
on every board, one for each line that reaches it; together they are its *forest*, cut into
*segments* whose work space stays in the cache. A segment's work space has a *row* of ``stride``
numbers, one per hand, for each of its nodes, then a row that is always 0 and one that nobody
reads. All offsets are counted in numbers, not rows.

What both players have is indexed by the player first: 0 acts first after the flop (out of
position), 1 last. ``p`` stands for the traverser, whose values are computed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DECISION = 0
FOLD = 1
LEAF = 2

#: What a sweep is for.
TRAIN = 0
BEST = 1
VALUE = 2

#: Columns of a plan's row: who is swept, what for, and the iteration's weights.
PLAN_PLAYER = 0
PLAN_MODE = 1
PLAN_POSITIVE = 2
PLAN_NEGATIVE = 3
PLAN_AVERAGE = 4
PLAN_PREDICT = 5
PLAN_SCALE = 6  # what the ranges are multiplied by
PLAN_WORDS = 7

#: Columns of ``Spot.steps``: what a step does, and where.
STEP_DOWN = 0  # reach goes down, terminal nodes are valued
STEP_UP = 1  # values come up
STEP_LEVEL = 2
STEP_SEGMENT = 3
STEP_BOARD = 4
STEP_WORDS = 5

#: Levels of a spot that begins on the flop.
MOST_LEVELS = 3


#: Columns of ``Forest.node``. REACH_ROW is followed by that of the other traverser.
KIND = 0
ACTOR = 1
COUNT = 2  # of actions
SLOT = 3  # first of the actor's (action) slots of the level
VALUE_ROW = 4  # offset of the node's value
LOCKED = 5  # whether a part of its strategy is given
REACH_ROW = 6  # offset at which traverser 0 finds the other player's reach
NODE_WORDS = 8

#: Columns of ``Boards.about``.
WIDTH = 0  # hands, rounded up to sixteens
HANDS = 1
BASE = 2  # first slot in the player's tables
GROUPS = 3  # different strengths of his hands
ABOUT_WORDS = 4

#: Columns of ``Boards.hand``.
CARD_A = 0  # sixteen times the card
CARD_B = 1
TWIN = 2  # the other player's same hand, or stride - 1
HAND_WORDS = 4

#: Columns of ``Boards.strength``, by group of equally strong hands.
OWN_END = 0  # one past the player's last hand of it
BELOW_END = 1  # one past the other's weaker hands
TIED_END = 2  # one past the other's tied hands
STRENGTH_WORDS = 4

#: Columns of ``Boards.family``.
ORDER_FIRST = 0
CHILD_FIRST = 1  # of the boards with one card more
CHILD_END = 2
FAMILY_WORDS = 3

#: Rows of ``Columns.bounds``: showdowns of traverser 0 and 1, folds of traverser 0 and 1.
SHOWS = 0
FOLDS = 2

#: Sections of ``Columns.show_offsets``, ``show_amounts``, ``fold_offsets`` and of
#: ``Links.offsets``, each as long as there are columns, or lines.
SOURCE = 0  # of the other player's reach
TARGET = 1  # of the value
BESIDE = 2  # of the value of the fold beside a showdown
BEAT = 0  # amount of a win less that of a tie
HOLD = 1  # amount of a tie less that of a loss
LOSE = 2
TIE = 3
BESIDE_AMOUNT = 4
LEAF_REACH = 0  # followed by that of the other traverser
LEAF_VALUE = 2
ROOT = 3


class Forest(NamedTuple):
    """The betting trees of one level. Nodes of a segment stand together, parents first."""

    node: NDArray[np.int64]  # (nodes, NODE_WORDS)
    child: NDArray[np.int64]  # (nodes, most actions), offsets of the children's rows
    first: NDArray[np.int64]  # (segments + 1,), first node of each segment


class Columns(NamedTuple):
    """Terminal nodes in groups of sixteen, by traverser and segment.

    A showdown column may have a fold beside it, of the traverser to the bet that he could have
    called: there the other player's reach is the same.
    """

    bounds: NDArray[np.int64]  # (4, segments + 1), first columns
    show_offsets: NDArray[np.int64]  # (3 * showdown columns,)
    show_amounts: NDArray[np.float32]  # (5 * showdown columns,)
    beside: NDArray[np.bool_]  # (showdown columns / 16,), whether any has a fold beside it
    fold_offsets: NDArray[np.int64]  # (2 * fold columns,)
    fold_amounts: NDArray[np.float32]  # (fold columns,)


class Links(NamedTuple):
    """From the leaves of a level to the roots of the next one: *lines*, in sixteens."""

    offsets: NDArray[np.int64]  # (4 * lines,)
    first: NDArray[np.int64]  # (segments of the next level + 1,), lines


class Level(NamedTuple):
    """A street: its betting trees, their ends, and the way on."""

    forest: Forest
    columns: Columns
    links: Links


class Boards(NamedTuple):
    """The boards that are played, and the hands that fit each; 0 is the spot's own.

    River hands are sorted by strength. A board may stand for others that suit permutations turn
    it into: each has a row of ``order``, the parent board's hand that turns into each hand.
    Few arrays, for every one is seven words in every call that passes them.
    """

    about: NDArray[np.int64]  # (2, boards, ABOUT_WORDS)
    hand: NDArray[np.int16]  # (2, boards, stride, HAND_WORDS)
    strength: NDArray[np.int16]  # (2, boards, stride, STRENGTH_WORDS)
    order: NDArray[np.int16]  # (2, orders, stride)
    family: NDArray[np.int64]  # (boards + 1, FAMILY_WORDS)


class Locks(NamedTuple):
    """Strategies that are given, by board and node; sorted by board."""

    first: NDArray[np.int64]  # (boards + 1,)
    place: NDArray[np.int64]  # (locks, 2), the node, and the first number in ``given``
    given: NDArray[np.float32]  # actions x width probabilities; below 0: left to the solver


class Weights(NamedTuple):
    """What one sweep does; numbers, not arrays."""

    mode: int  # TRAIN, BEST or VALUE
    positive: np.float32  # what positive regrets keep
    negative: np.float32  # what negative regrets keep
    average: np.float32  # this iteration's share of the average
    predict: np.float32  # what regrets keep where the next ones are predicted; 0: they are not
    scale: np.float32  # what the ranges are multiplied by
    uneven: bool  # whether what one player wins is not what the other loses


class Spot(NamedTuple):
    """Everything that is read."""

    first: Level
    second: Level
    third: Level
    boards: Boards
    locks: Locks
    reach: NDArray[np.float32]  # (2, stride), the ranges
    chance: NDArray[np.float32]  # (MOST_LEVELS,), of each board after a level
    steps: NDArray[np.int64]  # (steps, STEP_WORDS); the first and the last are of board 0
    groups: NDArray[np.int64]  # (groups + 1,), steps whose boards are added up together
    uneven: NDArray[np.int64]  # (1,), whether what one player wins is not what the other loses


class SpotTables(NamedTuple):
    """What is learnt: (slots + 16,) each; regrets float32 or halves, averages float32 or parts.

    ``ahead`` holds the regrets that strategies are made of; they are the regrets themselves
    unless the algorithm predicts.
    """

    regret_0: NDArray[np.generic]
    regret_1: NDArray[np.generic]
    ahead_0: NDArray[np.generic]
    ahead_1: NDArray[np.generic]
    average_0: NDArray[np.generic]
    average_1: NDArray[np.generic]


class Gathered(NamedTuple):
    """What workers hand to each other within a sweep."""

    lifted: NDArray[np.float32]  # (lines * stride,), reach at the first level's leaves
    sums: NDArray[np.float32]  # (groups, lines * stride), values of groups of boards
    total: NDArray[np.float32]  # (lines * stride,), their sum
    claimed: NDArray[np.int64]  # (1,), groups that workers have taken


class SweepSpace(NamedTuple):
    """One worker's work space."""

    reach_0: NDArray[np.float32]
    value_0: NDArray[np.float32]
    reach_1: NDArray[np.float32]
    value_1: NDArray[np.float32]
    reach_2: NDArray[np.float32]
    value_2: NDArray[np.float32]
    lifted: NDArray[np.float32]  # (lines from the second level on * stride,)
    summed: NDArray[np.float32]
    others: NDArray[np.float32]  # (stride * 16,), the other player's reach, transposed
    shown: NDArray[np.float32]  # (stride * 16,)
    folded: NDArray[np.float32]  # (stride * 16,)
    by_card: NDArray[np.float32]  # (cards * 16,)
