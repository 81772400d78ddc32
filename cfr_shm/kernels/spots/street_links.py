"""From a street to the boards of the next one, and back.

Hands are permuted once on the way down and once on the way up, for sixteen lines together:
the leaves' rows are transposed, so that a hand's sixteen numbers are one vector to be moved.
"""

from __future__ import annotations

import numpy as np

from cfr_shm.kernels.jit import at, outlined
from cfr_shm.kernels.spots.lanes import LANES, load, same, store
from cfr_shm.kernels.spots.terminals import lanes_to_rows, rows_to_lanes
from cfr_shm.layout.spots import HANDS, LEAF_REACH, LEAF_VALUE, ORDER_FIRST, ROOT, WIDTH


@outlined
def lift(boards, offsets, stride, p, board, reach, lifted):
    """Transpose the other player's reach at the leaves, for the boards below.

    Args:
        boards: layout.spots.Boards, read-only.
        offsets: of the links of the board's level, read-only.
        stride: of rows.
        p: the traverser.
        board: number of the board.
        reach: the board's work space, read-only.
        lifted: (lines * stride,) float32, out; hands that the board has not are 0.
    """
    lines = len(offsets) // 4
    width = boards.about[at(1 - p), at(board), WIDTH]
    zero = same(np.float32(0.0))
    for line in range(0, lines, LANES):
        part = lifted[at(line * stride) :]
        rows_to_lanes(reach, offsets, (LEAF_REACH + p) * lines + line, width, part)
        for hand in range(width, stride):
            store(part, hand * LANES, zero)


@outlined
def drop(boards, offsets, stride, p, board, chance, summed, value):
    """Bring the boards' values, times the chance of each, to the leaves.

    Args as ``lift``, but ``chance`` of each board and ``summed``, (lines * stride,) float32, which
    is scaled on the way.
    """
    lines = len(offsets) // 4
    width = boards.about[at(p), at(board), WIDTH]
    factor = same(chance)
    for line in range(0, lines, LANES):
        part = summed[at(line * stride) :]
        for hand in range(width):
            store(part, hand * LANES, load(part, hand * LANES) * factor)
        lanes_to_rows(part, width, value, offsets, LEAF_VALUE * lines + line)


@outlined
def send(boards, links, stride, segment, p, board, lifted, reach, space):
    """Bring the other player's reach from the leaves to a board's roots.

    Args:
        boards: layout.spots.Boards, read-only.
        links: layout.spots.Links of the level above, read-only.
        stride: of rows.
        segment: of the board's level.
        p: the traverser.
        board: number of the board.
        lifted: what ``lift`` wrote for the board above, read-only.
        reach: the segment's work space, out.
        space: (stride * 16,) float32, work space.
    """
    q = 1 - p
    lines = len(links.offsets) // 4
    width = boards.about[at(q), at(board), WIDTH]
    order = boards.order[at(q), at(boards.family[at(board), ORDER_FIRST])]
    for line in range(links.first[at(segment)], links.first[at(segment + 1)], LANES):
        for hand in range(width):
            above = np.int64(order[at(hand)])
            store(space, hand * LANES, load(lifted, line * stride + above * LANES))
        lanes_to_rows(space, width, reach, links.offsets, ROOT * lines + line)


@outlined
def collect(boards, links, stride, segment, p, board, value, summed, space):
    """Add a board's values, and those of the boards that it stands for, to the leaves'.

    Args as ``send``; ``value`` is read and ``summed`` added to.
    """
    lines = len(links.offsets) // 4
    width = boards.about[at(p), at(board), WIDTH]
    count = boards.about[at(p), at(board), HANDS]
    first = boards.family[at(board), ORDER_FIRST]
    last = boards.family[at(board + 1), ORDER_FIRST]
    for line in range(links.first[at(segment)], links.first[at(segment + 1)], LANES):
        rows_to_lanes(value, links.offsets, ROOT * lines + line, width, space)
        for row in range(first, last):
            order = boards.order[at(p), at(row)]
            for hand in range(count):
                place = line * stride + np.int64(order[at(hand)]) * LANES
                store(summed, place, load(summed, place) + load(space, hand * LANES))
