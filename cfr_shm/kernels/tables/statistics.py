"""How far a table has come: rows visited, regrets left, and how mixed the strategy is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, kernel
from cfr_shm.kernels.parts.rows import regret_index, row_of, rows_at, sum_index
from cfr_shm.layout.tree import DECISION

#: Columns of the result, one row per street.
ROWS, VISITED, REGRET_NORM, ENTROPY = range(4)
COLUMNS = 4


@kernel
def table_statistics(
    nodes: NDArray[Any],
    bucket_count: NDArray[np.int64],
    strategy_sum: NDArray[Any],
    regret: NDArray[np.float32],
    result: NDArray[np.float64],
) -> None:
    """Add up what every row of a table says, by street.

    Args:
        nodes: (nodes,) layout.NODE_DTYPE, read-only.
        bucket_count: (players, streets) int64, read-only.
        strategy_sum: float64 or float32, read-only; a table's weighted policy sums.
        regret: float32, read-only; the same memory; cumulative, chips.
        result: (streets, COLUMNS) float64, out, zero before: rows; rows whose strategy sum is
            positive; over these, the sum of the Euclidean norms of their positive regrets
            (chips) and of the entropies of their average policies (nats).

    Rows that several nodes share count once for each node.
    """
    for node in range(nodes.shape[0]):
        record = nodes[at(node)]
        if record["kind"] != DECISION:
            continue
        count = int(record["count"])
        street = int(record["street"])
        rows = rows_at(record, bucket_count)
        result[at(street), ROWS] += rows
        for bucket in range(rows):
            row = row_of(record, bucket)
            sums = sum_index(strategy_sum, row, count)
            regrets = regret_index(strategy_sum, row, count)
            total = 0.0
            for action in range(count):
                total += float(strategy_sum[at(sums + action)])
            if total <= 0.0:
                continue
            squares = 0.0
            entropy = 0.0
            for action in range(count):
                left = float(regret[at(regrets + action)])
                if left > 0.0:
                    squares += left * left
                share = float(strategy_sum[at(sums + action)]) / total
                if share > 0.0:
                    entropy -= share * math.log(share)
            result[at(street), VISITED] += 1.0
            result[at(street), REGRET_NORM] += math.sqrt(squares)
            result[at(street), ENTROPY] += entropy
