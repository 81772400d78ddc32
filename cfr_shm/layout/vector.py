"""The memory format of games whose deals are all taken at once (docs/adr/0011-vector-form.md)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.control import Meeting

#: What the vector algorithms know of one tree node beyond NODE_DTYPE. ``value`` is where the
#: node's values begin, one per class of the traverser on street ``above`` (its parent's);
#: ``scale`` is the product of the in-tree chance probabilities on the way (1 in public trees);
#: ``exclusive`` is 1 when no other node and no two classes use the node's rows.
VECTOR_NODE_DTYPE = np.dtype(
    [
        ("value", np.int64),
        ("scale", np.float64),
        ("street", np.uint8),
        ("above", np.uint8),
        ("exclusive", np.uint8),
        ("reserved", np.uint8, (5,)),
    ]
)


class VectorForm(NamedTuple):
    """A game for algorithms that take all deals at once; all arrays are read-only.

    A *class* is what a player has seen: the tuple of buckets up to a street. Classes are
    numbered from 0 for each (player, street); element ``class_first[player, street] + class``
    of the ``class_*`` arrays is about it. A *joint* is a combination of one class per player
    that can be dealt; each player has a list of them, ordered by the player's own class.
    """

    nodes: NDArray[Any]  # (nodes,) VECTOR_NODE_DTYPE
    reach: NDArray[np.int64]  # (nodes, players), where the reach by a player's own moves begins
    payoff_first: NDArray[np.int64]  # (nodes, players), leaves: offset to ``payoff``, by joint
    class_first: NDArray[np.int64]  # (players, streets)
    class_count: NDArray[np.int64]  # (players, streets)
    class_bucket: NDArray[np.int32]  # (classes,)
    class_above: NDArray[np.int32]  # (classes,), the class on the street before
    class_probability: NDArray[np.float64]  # (classes,), sums to 1 for each (player, street)
    joint_first: NDArray[np.int64]  # (classes,), index from 0 for each (player, street)
    joint_count: NDArray[np.int64]  # (classes,)
    joint_class: NDArray[np.int32]  # (joints of all players and streets, players)
    joint_base: NDArray[np.int64]  # (players, streets), offset to ``joint_class``
    payoff: NDArray[np.float64]  # chips times probability of the joint
    shared_first: NDArray[np.int64]  # (players + 1,), each player's part of ``shared_rows``
    shared_rows: NDArray[np.int64]  # (rows, 2), first entry and actions of rows not exclusive
    use_first: NDArray[np.int64]  # (rows + 1,), each shared row's part of ``use_node``
    use_node: NDArray[np.int32]  # (uses,), a node that uses the row, last nodes first
    use_class: NDArray[np.int32]  # (uses,), the class that uses it there


class PublicStates(NamedTuple):
    """What everybody knows of a deal, by street: the smallest sets of deals closed under doubt.

    Public states are numbered on through all streets; their classes are contiguous.
    """

    of_deal: NDArray[np.int64]  # (streets, deals)
    probability: NDArray[np.float64]  # (states,), sums to 1 for each street
    class_begin: NDArray[np.int64]  # (states, players), first class, from 0 for each street
    class_end: NDArray[np.int64]  # (states, players)


class VectorScratch(NamedTuple):
    """Memory of one vector traversal, and which classes it is about."""

    policy: NDArray[np.float64]  # (entries,), each row sums to 1
    reach: NDArray[np.float64]  # as ``VectorForm.reach`` says
    value: NDArray[np.float64]  # as ``VectorForm.nodes`` says, chips
    own_street: NDArray[np.float64]  # (most classes,), one node's values on its own street
    begin: NDArray[np.int64]  # (players, streets), first class that takes part
    end: NDArray[np.int64]  # (players, streets)
    leaf_scale: NDArray[np.float64]  # (streets,), 1 / probability of what was sampled


class FullWidthRegrets(NamedTuple):
    """What a full-width algorithm keeps beside the strategy sums.

    ``regret`` is addressed as these are; it and the policy in the scratch memory are carried
    from iteration to iteration.
    """

    regret: NDArray[np.float64]  # (entries,), cumulative, chips
    instant: NDArray[np.float64]  # (most actions,), one row's instant regrets, scratch


class SweepShare(NamedTuple):
    """The part of every sweep that one worker does, and how it meets the others.

    Every node is in the subtrees of one worker or in the *trunk* above them, which worker 0
    walks; every shared row is one worker's.
    """

    nodes: NDArray[np.int32]  # (own,), ascending, whole subtrees
    trunk: NDArray[np.int32]  # (trunk,), ascending, the same for all workers
    row_first: NDArray[np.int64]  # (players + 1,), each player's part of ``rows``
    rows: NDArray[np.int64]  # (own rows,), indices to ``VectorForm.shared_rows``
    meeting: Meeting


class FullWidthRule(NamedTuple):
    """How regrets and averages are weighted; see docs/algorithms.md.

    With t counting iterations from 1: the old regrets are multiplied by
    ``s(t - 1, exponent)``, ``s(t, e) = t**e / (t**e + offset)``, or left alone where the
    exponent is NaN; then the instant regrets are added; the average gets the policy
    ``t ** average`` times.
    """

    keep_positive: float  # exponent e for positive regrets, NaN: keep all
    keep_negative: float  # exponent e for negative regrets, NaN: keep all
    offset: float
    average: float
    floored: int  # 1: regrets are never negative
    predicts: int  # 1: the next instant regrets are guessed to be the last
