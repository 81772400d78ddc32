"""Who still has a decision below each node of a tree: what passes for the average look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.tree import DECISION, TERMINAL


def mark_deciders(nodes: NDArray[Any]) -> None:
    """Fill the field ``deciders`` of a finished tree.

    Args:
        nodes: (nodes,) layout.NODE_DTYPE, written to; the root is 0.
    """
    actor = nodes["actor"].astype(np.uint16)
    mask = np.where(nodes["kind"] == DECISION, np.uint16(1) << actor, np.uint16(0))
    levels = []
    level = np.zeros(1, np.int32)
    while len(level):
        inner = level[nodes["kind"][level] < TERMINAL]
        count = nodes["count"][inner].astype(np.int64)
        begin = np.cumsum(count) - count
        first = nodes["first_child"][inner] - begin
        level = (np.repeat(first, count) + np.arange(count.sum())).astype(np.int32)
        levels.append((inner, begin, level))
    for inner, begin, children in reversed(levels[:-1]):
        mask[inner] |= np.bitwise_or.reduceat(mask[children], begin)
    nodes["deciders"] = mask
