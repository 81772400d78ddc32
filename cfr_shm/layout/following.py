"""The memory format of following a hand through a betting tree that may not have its sizes.

Two hands are kept, each one row of betting state (``layout.betting``): the hand as played, and
the tree's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.betting import BettingRules

#: Rows of the states: the hand as played, the tree's, and what each would become.
FOLLOW_PLAYED, FOLLOW_TREE, FOLLOW_PLAYED_NEXT, FOLLOW_TREE_NEXT = range(4)
FOLLOW_STATES = 4

#: Words of what else is kept.
FOLLOW_NODE = 0  # a decision of the tree, -1 once it has nothing to say any more
FOLLOW_IN_STEP = 1  # 1: both hands are the same
FOLLOW_WORDS = 2


class FollowedTree(NamedTuple):
    """A betting tree, and the rules by which the hand is really played."""

    nodes: NDArray[Any]  # (nodes,) NODE_DTYPE
    move: NDArray[np.int64]  # (nodes,), that leads to the node
    rules: BettingRules  # the tree's
    real: BettingRules  # the hand's: the same ones, perhaps in other chips
