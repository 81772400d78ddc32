"""Average what a table's regrets are over neighbouring card buckets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rows import regret_index, row_of, rows_at
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import DECISION, Tree

#: In the place of a street's bucket without neighbours: there is none, or the street has no order.
ALL_NEIGHBOURS, NO_NEIGHBOURS = -1, -2


@kernel
def pool_regrets(
    tree: Tree,
    bucket_count: NDArray[np.int64],
    first_use: NDArray[np.uint8],
    table: Table,
    apart: NDArray[np.int64],
    passes: int,
    work: NDArray[np.float64],
) -> None:
    """Replace each bucket's regrets by a quarter of both neighbours' and half of its own.

    Args:
        tree: layout.Tree, read-only.
        bucket_count: (players, streets) int64, read-only.
        first_use: (nodes,) uint8, read-only; 1 at the first decision node of each set of rows,
            so that rows that nodes share are pooled once.
        table: layout.Table, regrets read and written; nobody else may write meanwhile.
        apart: (streets,) int64, read-only; the bucket that stays as it is and is nobody's
            neighbour, ``ALL_NEIGHBOURS``, or ``NO_NEIGHBOURS`` of a street that is left alone.
        passes: how often; regrets are rounded to float32 once, at the end.
        work: (2, most buckets + 2) float64, scratch.

    The first and the last bucket are their own neighbours, so that a node's regrets add up to
    what they did.
    """
    for node in range(first_use.shape[0]):
        record = tree.nodes[node]
        if record["kind"] != DECISION or first_use[node] == 0:
            continue
        left_out = apart[record["street"]]
        if left_out == NO_NEIGHBOURS:
            continue
        count = np.int64(record["count"])
        rows = rows_at(record, bucket_count)
        for action in range(count):
            used = 0
            for bucket in range(rows):
                if bucket != left_out:
                    first = regret_index(table.strategy_sum, row_of(record, bucket), count)
                    used += 1
                    work[0, used] = table.regret[first + action]
            for step in range(passes):
                old, new = step & 1, 1 - (step & 1)
                work[old, used + 1] = work[old, used]
                work[old, 0] = work[old, 1]
                for place in range(1, used + 1):
                    beside = work[old, place - 1] + work[old, place + 1]
                    work[new, place] = 0.25 * beside + 0.5 * work[old, place]
            used = 0
            for bucket in range(rows):
                if bucket != left_out:
                    first = regret_index(table.strategy_sum, row_of(record, bucket), count)
                    used += 1
                    table.regret[first + action] = np.float32(work[passes & 1, used])
