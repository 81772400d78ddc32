"""From strategy sums to the average strategy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rows import row_of, rows_at, sum_index
from cfr_shm.layout.tree import DECISION


@kernel
def average_strategy(
    nodes: NDArray[Any],
    bucket_count: NDArray[np.int64],
    strategy_sum: NDArray[Any],
    probability: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> None:
    """Normalise every row of ``strategy_sum``.

    Args:
        nodes: (nodes,) layout.NODE_DTYPE, read-only.
        bucket_count: (players, streets) int64, read-only.
        strategy_sum: float64 or float32, read-only; a table's weighted policy sums.
        probability: (entries,) float64, out; each row sums to 1, and is uniform where it was
            never visited; entries between rows are left as they are.
        weight: (entries,) float64, out; the row's sum at its first entry, the rest left.

    Source: Zinkevich et al. 2007, section 3.1 (the average strategy).
    """
    for node in range(nodes.shape[0]):
        record = nodes[node]
        if record["kind"] == DECISION:
            count = int(record["count"])
            for bucket in range(rows_at(record, bucket_count)):
                row = row_of(record, bucket)
                first = sum_index(strategy_sum, row, count)
                total = 0.0
                for action in range(count):
                    total += np.float64(strategy_sum[first + action])
                weight[row] = total
                for action in range(count):
                    if total > 0.0:
                        share = np.float64(strategy_sum[first + action]) / total
                        probability[row + action] = share
                    else:
                        probability[row + action] = 1.0 / count
