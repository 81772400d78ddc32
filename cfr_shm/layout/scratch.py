"""The private memory of one worker's traversals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Scratch(NamedTuple):
    """Memory that one worker's traversal kernel owns.

    A *lane* holds one traversal in flight: what it needs to go on after others had their turn,
    and ``depth`` frames of explicit stack: one per traverser node on the path and one more to
    work in. Frame ``f`` of lane ``l`` is row ``l * depth + f`` of the ``frame_*`` arrays. The
    ``deal_*`` arrays hold the hold'em deals of ``DEALS_READY`` iterations in a row.
    """

    lane_state: NDArray[np.int64]  # (lanes, LANE_WORDS)
    lane_bucket: NDArray[np.int32]  # (lanes, players, streets)
    lane_strength: NDArray[np.int32]  # (lanes, players)
    frame_state: NDArray[np.int64]  # (lanes * depth, FRAME_WORDS)
    frame_policy: NDArray[np.float64]  # (lanes * depth, actions)
    frame_value: NDArray[np.float64]  # (lanes * depth, actions), chips
    deal_cards: NDArray[np.int64]  # (deals, 5 + 2 * players), board, then hole cards by player
    deal_board: NDArray[np.int64]  # (deals, 4), board codes by street of the cards
    deal_number: NDArray[np.int64]  # (deals, players, streets), hand numbers
    deal_strength: NDArray[np.int64]  # (deals, players)
    deal_ready: NDArray[np.int64]  # (2,), seed and first iteration of what the deal_* arrays hold


class Exploration(NamedTuple):
    """How outcome sampling explores, and memory for everybody's reach on the line."""

    first: NDArray[np.int64]  # (steps,), ascending from 0: iterations from which epsilon holds
    epsilon: NDArray[np.float64]  # (steps,), in (0, 1]
    reach: NDArray[np.float64]  # (players,), scratch
    largest_share: float  # a weight in the average is cut at it: three and more players only


LANE_ITERATION, LANE_TRAVERSER, LANE_NODE, LANE_DEPTH, LANE_KEY = range(5)
LANE_WORDS = 8
FRAME_ROW, FRAME_FIRST_CHILD, FRAME_ACTION, FRAME_COUNT = range(4)

#: External sampling keeps where the row's first regret is in place of the row.
FRAME_REGRETS = FRAME_ROW
FRAME_WORDS = 4
