"""Probabilities of some nodes for all hands, read off a policy."""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, kernel


@kernel
def read_policy(records, policy, board, nodes, probability):
    """Write what a seat does with each hand at some decision nodes.

    Args:
        records: (nodes of the tree,) layout.NODE_DTYPE, read-only.
        policy: layout.policy.BoardPolicy, read-only.
        board: row of ``policy.number``.
        nodes: (nodes,) int64, read-only; decision nodes.
        probability: (nodes, hands, actions) float64, out; 0 for hands that the board blocks, and
            beyond a node's last action.
    """
    probability[:] = 0.0
    for place in range(nodes.shape[0]):
        node = nodes[at(place)]
        street = np.int64(records[at(node)]["street"])
        count = np.int64(records[at(node)]["count"])
        for hand in range(probability.shape[1]):
            number = np.int64(policy.number[at(board), at(street), at(hand)])
            if number >= 0:
                row = policy.row_base[at(node)] + number * policy.row_stride[at(node)]
                for action in range(count):
                    probability[at(place), at(hand), at(action)] = policy.probability[
                        at(row + action)
                    ]
