"""The memory format of walks that play one seat against a strategy with all hands at once.

A walk covers a *stage*: some streets whose board cards all lie there. It begins at the stage's
roots and ends at leaves or at the stage's *exits*: nodes whose value depends on cards to come,
which are the decisions of later streets and, before the board is complete, showdowns. All arrays
over hands hold the hands that fit the board, in the order of ``HandOrder``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: ``Stage.first_best`` beyond every street: the responder plays its own strategy throughout.
NEVER = 1 << 16

#: Words of a frame of a walk: one decision node on the path.
WALK_NODE, WALK_NEXT, WALK_REACH = range(3)
WALK_WORDS = 3

#: In ``WalkSpace.whole``: nobody has asked for the sums of this row yet.
NOT_SUMMED = -1.0

#: In ``Exits.place``: the node is no exit.
NO_EXIT = -1


class Stage(NamedTuple):
    """What is walked over, and how."""

    responder: int  # the seat whose hands get values
    first_best: int  # street from which on it takes the best action; before, its own strategy
    collect: int  # 1: only write with which reach exits are come to; 0: values


class Roots(NamedTuple):
    """Where a walk begins."""

    node: NDArray[np.int64]  # (roots,)
    reach: NDArray[np.float64]  # (roots, hands), of the other seat
    value: NDArray[np.float64]  # (roots, hands), out: of the responder, times the other's reach


class Exits(NamedTuple):
    """Where it ends without knowing the value."""

    place: NDArray[np.int32]  # (nodes,), row of the arrays below, or NO_EXIT
    reach: NDArray[np.float64]  # (exits, hands), of the other seat; out when collecting
    value: NDArray[np.float64]  # (exits, hands), read otherwise


class WalkSpace(NamedTuple):
    """What a walk writes to while it lasts; one row more than decision nodes on any path."""

    frame: NDArray[np.int64]  # (depth + 1, WALK_WORDS)
    reach: NDArray[np.float64]  # (depth + 1, hands)
    value: NDArray[np.float64]  # (depth + 1, hands)
    sums: NDArray[np.float64]  # (depth + 1, SUM_ROWS, cards), of each row of reach
    whole: NDArray[np.float64]  # (depth + 1,), of each row of reach all of it, or NOT_SUMMED


class RunOutSpace(NamedTuple):
    """What adding up showdowns over boards writes to; room for all hands of the deck."""

    card_a: NDArray[np.int16]  # (hands,), as ``HandOrder`` has them
    card_b: NDArray[np.int16]  # (hands,)
    strength: NDArray[np.int32]  # (hands,)
    twin: NDArray[np.int32]  # (hands,)
    number: NDArray[np.int64]  # (hands,), of each hand in the deck
    reach: NDArray[np.float64]  # (hands,)
    value: NDArray[np.float64]  # (hands,)
    sums: NDArray[np.float64]  # (SUM_ROWS, cards)
