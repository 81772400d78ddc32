"""What the leaves of a tree are worth under every listed deal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import kernel
from cfr_shm.kernels.parts.payoff import leaf_utility
from cfr_shm.layout.deals import Deals
from cfr_shm.layout.tree import TERMINAL, Tree


@kernel
def leaf_values(tree: Tree, deals: Deals, player: int, value: NDArray[np.float64]) -> None:
    """Write a player's utility at every leaf and under every deal.

    Args:
        tree: layout.Tree, read-only.
        deals: layout.Deals of kind DEALS_TABLE, read-only.
        player: whose utility.
        value: (nodes, deals) float64, out; rows of leaves only.
    """
    for node in range(value.shape[0]):
        if tree.nodes[node]["kind"] >= TERMINAL:
            for deal in range(value.shape[1]):
                value[node, deal] = leaf_utility(tree, node, player, deals.strength, deal)
