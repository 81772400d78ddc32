"""The rows of a table in sets, one for each decision node, or several nodes that share them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.tree import DECISION, Tree


class RowSets(NamedTuple):
    """The sets of rows of a table, ascending: each row is in one of them."""

    node: NDArray[np.int64]  # (sets,), the first node that has these rows
    uses: NDArray[np.int64]  # (sets,), nodes that have them
    base: NDArray[np.int64]  # (sets,), first entry of the first row
    stride: NDArray[np.int64]  # (sets,), entries from row to row; of a single row its length
    actions: NDArray[np.int64]  # (sets,), of each row
    rows: NDArray[np.int64]  # (sets,)


def row_sets(tree: Tree, bucket_count: NDArray[np.int64]) -> RowSets:
    """Return where the rows of a table are, those that several nodes share once.

    Args:
        tree: the public tree.
        bucket_count: (players, streets).
    """
    decisions = np.flatnonzero(tree.nodes["kind"] == DECISION)
    base, first, uses = np.unique(
        tree.nodes["row_base"][decisions], return_index=True, return_counts=True
    )
    node = decisions[first]
    nodes = tree.nodes[node]
    count = nodes["count"].astype(np.int64)
    stride = nodes["row_stride"].astype(np.int64)
    buckets = bucket_count[nodes["actor"], nodes["street"]]
    return RowSets(
        node=node,
        uses=uses,
        base=base.astype(np.int64),
        stride=np.where(stride > 0, stride, count),
        actions=count,
        rows=np.where(stride > 0, buckets, 1).astype(np.int64),
    )
