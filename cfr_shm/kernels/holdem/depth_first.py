"""The decision nodes of a betting tree, parents before children, in the order of their rows."""

from __future__ import annotations

from cfr_shm.kernels.jit import at, kernel
from cfr_shm.layout.tree import DECISION


@kernel
def next_decisions(nodes, waiting, found):
    """Find the decision nodes that come next, depth first; return how many were found.

    Args:
        nodes: (nodes,) NODE_DTYPE, read-only; a betting tree, which has no chance nodes.
        waiting: (1 + room,) int64; how many nodes wait to be found, and these, the next one last.
            Begin with 1 and the root. Room for all moves of all decisions on a path is enough.
        found: (room,) int64, out; filled unless the tree ends.
    """
    count = 0
    while waiting[0] > 0 and count < found.shape[0]:
        node = waiting[at(waiting[0])]
        waiting[0] -= 1
        found[at(count)] = node
        count += 1
        first = nodes[at(node)]["first_child"]
        for child in range(first + nodes[at(node)]["count"] - 1, first - 1, -1):
            if nodes[at(child)]["kind"] == DECISION:
                waiting[0] += 1
                waiting[at(waiting[0])] = child
    return count
