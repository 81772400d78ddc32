"""Where the words of a row's block are: what a frozen traversal reads and adds to.

A row of the table has a *block* in the increments, 24 bytes per entry: the units of its strategy
sums, a copy of its regrets, the units of those. Its policy is then read in the place that is
added to: beyond the cache two places cost two misses. The copy changes with the table, at
borders (``kernels.parts.freeze``), and where the table is loaded or discounted (``copy_regrets``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.jit import at, device, kernel
from cfr_shm.kernels.parts.atomics import prefetch
from cfr_shm.kernels.parts.rows import regret_index
from cfr_shm.layout.freeze import RUN_BASE, RUN_COUNT, RUN_ROWS, RUN_STRIDE
from cfr_shm.layout.table import BLOCK_WORDS, Table


@device
def weight_cell(row, action):
    """Return the index, in int64 units, of what is added to one strategy sum."""
    return BLOCK_WORDS * row + action


@device
def copied_regret(row, count):
    """Return the index, in float32, of the copy of a row's first regret."""
    return 2 * (BLOCK_WORDS * row + count)


@device
def gain_cell(row, count, action):
    """Return the index, in int64 units, of what is added to one regret."""
    return gain_cell_beside(copied_regret(row, count), count) + action


@device
def gain_cell_beside(copied, count):
    """Return what ``gain_cell`` does of a row's first regret, from where its copy is."""
    return (copied >> 1) + ((count + 1) >> 1)


@device
def prefetch_block(increments, row, count, updates):
    """Ask for what a visit takes: the regrets, and the units before or behind them.

    ``updates``: the traverser's, whose regrets are added to; else the strategy sums are.
    """
    first, last = weight_cell(row, 0), gain_cell(row, count, -1)
    if updates:
        first, last = weight_cell(row, count), gain_cell(row, count, count - 1)
    prefetch(increments.units, first)
    prefetch(increments.units, last)


@kernel
def copy_regrets(table: Table, run: NDArray[np.int64], copied: NDArray[np.float32]) -> None:
    """Copy the regrets of a table that was written to outside of freezes to all blocks.

    Args:
        table: layout.Table, read.
        run: (runs, RUN_WORDS) int64, read-only, where its rows are.
        copied: (copies, 6 * entries) float32, the blocks, written to.
    """
    put_regrets(table, run, copied)


@device
def put_regrets(table, run, copied):
    """Do what ``copy_regrets`` does, as part of a kernel."""
    for number in range(run.shape[0]):
        count = run[at(number), RUN_COUNT]
        row = run[at(number), RUN_BASE]
        end = row + run[at(number), RUN_ROWS] * run[at(number), RUN_STRIDE]
        while row < end:
            first, block = regret_index(table.strategy_sum, row, count), copied_regret(row, count)
            for copy in range(copied.shape[0]):
                for action in range(count):
                    copied[at(copy), at(block + action)] = table.regret[at(first + action)]
            row += run[at(number), RUN_STRIDE]
