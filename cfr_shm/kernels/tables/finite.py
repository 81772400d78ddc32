"""Look for NaN and infinity in a table, row by row: their words mix float64 and float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.rows import regret_index, row_of, rows_at, sum_index
from cfr_shm.layout.tree import DECISION

FOUND_ARRAY = 0
FOUND_INDEX = 1
FOUND_WORDS = 2

#: What ``found[FOUND_ARRAY]`` says.
ALL_FINITE = 0
IN_STRATEGY_SUM = 1
IN_REGRET = 2


@kernel
def first_not_finite(
    nodes: NDArray[Any],
    bucket_count: NDArray[np.int64],
    strategy_sum: NDArray[Any],
    regret: NDArray[np.float32],
    found: NDArray[np.int64],
) -> None:
    """Report the first NaN or infinity of a table in ``found``.

    Args:
        nodes: (nodes,) NODE_DTYPE, read-only.
        bucket_count: (players, streets) int64, read-only.
        strategy_sum: float64 or float32, read-only; a table's sums.
        regret: float32, read-only; the same memory.
        found: (FOUND_WORDS,) int64, out; which array, and the index in it.

    Every row of every decision node is looked at, and nothing else: the regrets of a row are
    no float64, and an entry between two rows means nothing.
    """
    found[FOUND_ARRAY] = ALL_FINITE
    found[FOUND_INDEX] = 0
    for node in range(nodes.shape[0]):
        record = nodes[node]
        if record["kind"] != DECISION:
            continue
        count = np.int64(record["count"])
        for bucket in range(rows_at(record, bucket_count)):
            row = row_of(record, bucket)
            first = sum_index(strategy_sum, row, count)
            for index in range(first, first + count):
                if not np.isfinite(strategy_sum[index]):
                    found[FOUND_ARRAY] = IN_STRATEGY_SUM
                    found[FOUND_INDEX] = index
                    return
            first = regret_index(strategy_sum, row, count)
            for index in range(first, first + count):
                if not np.isfinite(regret[index]):
                    found[FOUND_ARRAY] = IN_REGRET
                    found[FOUND_INDEX] = index
                    return
