"""What ranks exchange: the mean of their regrets, and at checkpoints the sum of their averages.

A rank holds 1/N of the regrets that one machine would have, and adds its own gains in full: it
plays as if the others had gained the same, and the mean of all is what one machine would have
(docs/adr/0033-ranks.md). The sum of everybody's gains would overshoot N times. Strategy sums are
read by nobody while training goes on, and may lie at any rank: only their total counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cfr_shm.kernels.tables.dense import (
    collect_regrets,
    collect_sums,
    spread_regrets,
    spread_sums,
)
from cfr_shm.layout.row_sets import RowSets
from cfr_shm.layout.table import Table
from cfr_shm.ranks.world import World

#: Entries of one message: 64 MiB of regrets, 128 MiB of sums.
CHUNK_ENTRIES = 16 << 20


class Exchange:
    """Exchanges the tables of all ranks, in chunks; nobody trains meanwhile.

    Args:
        world: the other ranks.
        sets: the rows of the table.
        chunk_entries: of one message.
    """

    def __init__(self, world: World, sets: RowSets, chunk_entries: int = CHUNK_ENTRIES) -> None:
        self._world = world
        self._chunks = _chunks(sets, chunk_entries)

    def average_regrets(self, table: Table) -> None:
        """Put the mean of everybody's regrets in the place of a rank's own."""
        for slices, entries in self._chunks:
            values = np.empty(entries, np.float32)
            collect_regrets(table, slices, values)
            self._world.add_up(values)
            spread_regrets(table, slices, values, 1.0 / self._world.size)

    def move_sums_to_first(self, table: Table) -> None:
        """Add everybody's strategy sums to those of rank 0; the others begin again at zero."""
        factor = 1.0 if self._world.rank == 0 else 0.0
        for slices, entries in self._chunks:
            values = np.empty(entries, np.float64)
            collect_sums(table, slices, values)
            self._world.add_up_at_first(values)
            spread_sums(table, slices, values, factor)

    def drop_sums(self, table: Table) -> None:
        """Set strategy sums to zero: another rank has them."""
        for slices, entries in self._chunks:
            spread_sums(table, slices, np.zeros(entries), 0.0)

    def scale_regrets(self, table: Table, factor: float) -> None:
        """Multiply every regret: exact where the number of ranks is a power of two."""
        for slices, entries in self._chunks:
            values = np.empty(entries, np.float32)
            collect_regrets(table, slices, values)
            spread_regrets(table, slices, values, factor)


def _chunks(sets: RowSets, chunk_entries: int) -> list[tuple[NDArray[np.int64], int]]:
    """Return slices of at most about ``chunk_entries`` entries each, with their entries."""
    chunks: list[tuple[NDArray[np.int64], int]] = []
    slices: list[tuple[int, int, int, int]] = []
    entries = 0
    for base, stride, actions, rows in zip(
        sets.base.tolist(), sets.stride.tolist(), sets.actions.tolist(), sets.rows.tolist(),
        strict=True,
    ):  # fmt: skip
        done = 0
        while done < rows:
            part = min(rows - done, max(1, (chunk_entries - entries) // actions))
            slices.append((base + done * stride, stride, actions, part))
            entries, done = entries + part * actions, done + part
            if entries + actions > chunk_entries:
                chunks.append((np.array(slices, np.int64), entries))
                slices, entries = [], 0
    if slices:
        chunks.append((np.array(slices, np.int64), entries))
    return chunks
