"""The memory format of comparing the hands of two sides on one board."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class HandOrder(NamedTuple):
    """The hands of one side, weakest first, and where the other side holds the same cards.

    Hands that do not fit the board are not among them. Before the river strengths are all 0,
    and any order will do.
    """

    card_a: NDArray[np.int16]  # (hands,)
    card_b: NDArray[np.int16]  # (hands,)
    strength: NDArray[np.int32]  # (hands,), ascending; equal ties
    twin: NDArray[np.int32]  # (hands,), place of the same two cards on the other side, or -1


class Amounts(NamedTuple):
    """What a hand gets from one that it beats, ties and loses to, in any unit."""

    win: float
    tie: float
    lose: float
