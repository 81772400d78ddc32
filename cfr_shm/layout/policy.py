"""The memory format of a strategy on given boards, for all hands of a seat at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: In ``BoardPolicy.number``: the hand shares a card with the board.
BLOCKED = -1


class BoardPolicy(NamedTuple):
    """Where the probabilities of every decision node and hand lie, on some boards.

    The actions of a hand at a node have ``probability[row : row + actions]``, with ``row =
    row_base[node] + number[board, street, hand] * row_stride[node]``. For a training table the
    numbers are buckets; a strategy that knows single hands gives every hand a row of its own.
    """

    probability: NDArray[np.float64]  # (entries,), each row's sums to 1
    row_base: NDArray[np.int64]  # (nodes,), decision nodes only
    row_stride: NDArray[np.int64]  # (nodes,)
    number: NDArray[np.int32]  # (boards, streets, hands), or BLOCKED
