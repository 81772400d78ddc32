"""The memory format of a public tree, and of where its rows lie.

Private information enters through *buckets*, so that the infoset of a decision node is one
address::

    row = node.row_base + bucket[actor, street] * node.row_stride

It counts entries from the table's start; what lies where in a row, ``layout.rows`` alone knows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

DECISION = 0
CHANCE = 1
TERMINAL = 2
SHOWDOWN = 3
MATCHUP = 4

#: One public node, 32 bytes, two to a cache line. Children are contiguous from
#: ``first_child``. ``payoff`` is a row of ``Tree.utility``: the net utilities of a terminal
#: node, or of a showdown in which the player wins no pot, or the first row of a matchup, whose
#: row is ``payoff`` plus the strengths of all players. ``detail`` is the first pot of a
#: showdown, the first outcome of a chance node, or the number of rows of a matchup. ``count``
#: is the number of children, or of pots for a showdown. ``deciders`` has bit p
#: set where player p decides at the node or below it. Every field that does not apply is 0.
NODE_DTYPE = np.dtype(
    [
        ("row_base", np.int64),
        ("row_stride", np.int32),
        ("first_child", np.int32),
        ("payoff", np.int32),
        ("detail", np.int32),
        ("count", np.int16),
        ("kind", np.uint8),
        ("actor", np.uint8),
        ("street", np.uint8),
        ("reserved", np.uint8),
        ("deciders", np.uint16),
    ]
)


class Tree(NamedTuple):
    """A public tree as flat, read-only arrays. Parents come before children; the root is 0."""

    nodes: NDArray[Any]  # (nodes,) NODE_DTYPE
    utility: NDArray[np.float64]  # (payoffs, players), chips
    pot_amount: NDArray[np.float64]  # (pots,), chips
    pot_players: NDArray[np.int64]  # (pots,), bit p set: player p may win this pot
    outcome_cumulative: NDArray[np.float64]  # (outcomes,), ends at 1.0 for each chance node
