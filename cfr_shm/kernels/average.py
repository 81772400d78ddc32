"""From strategy sums to the average strategy."""

from __future__ import annotations

from cfr_shm.kernels.jit import kernel
from cfr_shm.layout import DECISION


@kernel
def average_strategy(nodes, bucket_count, strategy_sum, probability, weight):
    """Normalise every row of ``strategy_sum``.

    Args:
        nodes: (nodes,) layout.NODE_DTYPE, read-only.
        bucket_count: (players, streets) int64, read-only.
        strategy_sum: (words,) float64, read-only; weighted policy sums.
        probability: (words,) float64, out; each row's first ``count`` words sum to 1, uniform
            where the row was never visited; words between are left as they are.
        weight: (words,) float64, out; the row's sum at its first word, the rest left.

    Source: Zinkevich et al. 2007, section 3.1 (the average strategy).
    """
    for node in range(nodes.shape[0]):
        record = nodes[node]
        if record["kind"] == DECISION:
            count = int(record["count"])
            stride = int(record["row_stride"])
            rows = bucket_count[record["actor"], record["street"]] if stride > 0 else 1
            for bucket in range(rows):
                row = record["row_base"] + bucket * stride
                total = 0.0
                for action in range(count):
                    total += strategy_sum[row + action]
                weight[row] = total
                for action in range(count):
                    if total > 0.0:
                        probability[row + action] = strategy_sum[row + action] / total
                    else:
                        probability[row + action] = 1.0 / count
