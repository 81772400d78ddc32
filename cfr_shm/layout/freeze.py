"""The shared words and arrays by which workers end a freeze together (docs/adr/0018-freezes.md)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.control import Meeting

#: The shared words of freezes: line 0, then for each worker its lines, see ``freeze_lines``.
#: A worker's STEP is 2 * number while it adds to the increments of freeze ``number``, and
#: 2 * number + 1 while they are applied; FIRST and END are that freeze's iterations.
FREEZE_CLAIMED = 0  # line 0: the next iteration that nobody has claimed
FREEZE_STEP = 0
FREEZE_FIRST = 1
FREEZE_END = 2
FREEZE_CLAMPED = 3  # regrets that were put back to a limit, since the beginning
COUNTING_CLAMPED = 4  # the same with the one below
COUNTING_CELL = 5  # 1 + the cell of units whose limit is just being counted, 0 for none
FREEZE_LINE_WORDS = 8

#: What a worker has done in all freezes before number n stands in totals ``n & 1``; totals
#: TOTALS_OF_TASK hold what it has done in the freezes of its task.
TOTALS_OF_TASK = 2
TOTAL_ITERATIONS = 0
TOTAL_NODES = 1
TOTAL_UTILITY = 2
RUN_BASE, RUN_STRIDE, RUN_COUNT, RUN_ROWS = range(4)
RUN_WORDS = 4


class FreezeLines(NamedTuple):
    """Where a worker's words are: offsets from the first of its lines."""

    totals: int  # 3 x ``total_words``: iterations, nodes, each player's utility in units
    total_words: int
    words: int  # of one worker, whole cache lines


def freeze_lines(player_count: int) -> FreezeLines:
    """Return how a worker's words of the freezes are laid out."""
    total_words = TOTAL_UTILITY + player_count
    words = FREEZE_LINE_WORDS + 3 * total_words
    return FreezeLines(FREEZE_LINE_WORDS, total_words, -(-words // 8) * 8)


class Border(NamedTuple):
    """What the workers need to end a freeze together: all of it is shared, but for the ints."""

    units: NDArray[np.int64]  # (copies, 3 * entries), as ``Increments.units``; copies are added up
    unit_sum: NDArray[np.float64]  # ``units``, as strategy sums
    unit_regret: NDArray[np.float32]  # ``units``, as regrets
    run: NDArray[np.int64]  # (runs, RUN_WORDS), read-only: base, stride, actions and number of rows
    line: NDArray[np.int64]  # (CONTROL_LINE_WORDS + workers * lines.words,)
    lines: FreezeLines
    meeting: Meeting
    own: int  # first of this worker's words in ``line``
    freeze: int  # iterations
    weighting: int  # of iterations, WEIGHT_VANILLA or WEIGHT_LINEAR
    floor: float  # regrets never fall below it
    share_shift: int  # a worker applies every n-th 2 ** share_shift entries
    among_ranks: int  # 1: others' units are to be added first; the coordinator then applies
