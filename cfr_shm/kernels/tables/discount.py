"""Discount what a table holds: old regrets and old averages count for less."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rows import regret_index, row_of, rows_at, sum_index
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import DECISION, Tree


@kernel
def discount_table(
    tree: Tree,
    bucket_count: NDArray[np.int64],
    first_use: NDArray[np.uint8],
    table: Table,
    positive: float,
    negative: float,
    average: float,
) -> None:
    """Multiply positive regrets, negative regrets and strategy sums by a factor each.

    Args:
        tree: layout.Tree, read-only.
        bucket_count: (players, streets) int64, read-only.
        first_use: (nodes,) uint8, read-only; 1 at the first decision node of each set of rows,
            so that rows that nodes share are discounted once.
        table: layout.Table, read and written; nobody else may write meanwhile.
        positive: factor of positive regrets.
        negative: factor of negative regrets.
        average: factor of strategy sums.

    Source: Brown & Sandholm 2019, "Solving imperfect-information games via discounted regret
    minimization", section 3.
    """
    for node in range(first_use.shape[0]):
        record = tree.nodes[node]
        if record["kind"] != DECISION or first_use[node] == 0:
            continue
        count = np.int64(record["count"])
        for bucket in range(rows_at(record, bucket_count)):
            row = row_of(record, bucket)
            first = sum_index(table.strategy_sum, row, count)
            for index in range(first, first + count):
                table.strategy_sum[index] *= average
            first = regret_index(table.strategy_sum, row, count)
            for index in range(first, first + count):
                regret = table.regret[index]
                factor = positive if regret > 0.0 else negative
                table.regret[index] = np.float32(regret * factor)
