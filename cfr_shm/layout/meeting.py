"""The memory format of two strategies that meet with all hands on a board, in both seatings.

Arrays over hands hold two numbers for each hand, side by side: the seating in which the responder
plays the first strategy, and that in which it plays the second.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.policy import BoardPolicy


class Meeting(NamedTuple):
    """Who meets, on one board; ``number[0]`` is over the hands of a ``HandOrder``."""

    first: BoardPolicy
    second: BoardPolicy
    responder: int  # the seat whose hands get values


class MeetingSpace(NamedTuple):
    """What a walk writes to while it lasts; one row more than decision nodes on any path."""

    frame: NDArray[np.int64]  # (depth + 1, layout.response.WALK_WORDS)
    reach: NDArray[np.float64]  # (depth + 1, 2 * hands), of the other seat
    value: NDArray[np.float64]  # (depth + 1, 2 * hands), of the responder
    by_card: NDArray[np.float64]  # (depth + 1, 2 * cards), of each row of reach
    whole: NDArray[np.float64]  # (depth + 1, 2), all of each row of reach, or NOT_SUMMED
    below: NDArray[np.float64]  # (2 * cards,)
