"""What ranks exchange: the mean of their regrets, and at checkpoints the sum of their averages.

A rank holds 1/N of the regrets that one machine would have, and adds its own gains in full: it
plays as if the others had gained the same, and the mean of all is what one machine would have
(docs/adr/0033-ranks.md). The sum of everybody's gains would overshoot N times. Strategy sums are
read by nobody while training goes on, and may lie at any rank: only their total counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.engine.ledger import IterationLedger, Range
from cfr_shm.kernels.tables.dense import (
    collect_regrets,
    collect_sums,
    spread_regrets,
    spread_sums,
)
from cfr_shm.layout.row_sets import RowSets
from cfr_shm.layout.table import Table
from cfr_shm.ranks.leases import leases
from cfr_shm.ranks.world import World

#: Entries of one message: 64 MiB of regrets, 128 MiB of sums.
CHUNK_ENTRIES = 16 << 20


class Exchanging(Protocol):
    """What ranks do with their tables when they meet; nobody trains meanwhile.

    Attributes:
        in_step: whether everybody finishes what was dealt before anything else happens.
    """

    in_step: bool

    def deal(
        self, whole: IterationLedger, rates: Sequence[float], seconds: float, window: int
    ) -> list[list[Range]]:
        """Return what each rank is to train until they meet again; it is taken from ``whole``."""

    def exchange(self, table: Table, done: Sequence[Range]) -> None:
        """Make of everybody's table what all have learnt in the iterations ``done``."""

    def take_share(self, table: Table, *, resumed: bool) -> None:
        """Make of the whole table, which every rank has, what this rank is to hold of it."""

    def gather_sums(self, table: Table) -> None:
        """Bring all strategy sums together at rank 0."""

    def make_whole(self, table: Table) -> None:
        """Make of rank 0's table, or a copy, what one machine would have: what files hold."""


class Exchange:
    """Exchanges the tables of all ranks, in chunks.

    Args:
        world: the other ranks.
        sets: the rows of the table.
        chunk_entries: of one message.
    """

    in_step = False

    def __init__(self, world: World, sets: RowSets, chunk_entries: int = CHUNK_ENTRIES) -> None:
        self._world = world
        self._chunks = row_chunks(sets, chunk_entries)

    def deal(
        self, whole: IterationLedger, rates: Sequence[float], seconds: float, window: int
    ) -> list[list[Range]]:
        """Return leases in proportion to everybody's rates."""
        return leases(whole, rates, seconds, window)

    def exchange(self, table: Table, done: Sequence[Range]) -> None:  # noqa: ARG002 - any will do
        """Exchange regrets."""
        self.average_regrets(table)

    def take_share(self, table: Table, *, resumed: bool) -> None:
        """Hold 1/N of the regrets, and the strategy sums at rank 0 only."""
        self.scale_regrets(table, 1.0 / self._world.size)
        if resumed and self._world.rank > 0:
            self.drop_sums(table)

    def gather_sums(self, table: Table) -> None:
        """Move the strategy sums to rank 0."""
        self._world.wait_for_all()
        self.move_sums_to_first(table)

    def make_whole(self, table: Table) -> None:
        """Hold N times the regrets."""
        self.scale_regrets(table, float(self._world.size))

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


def row_chunks(sets: RowSets, chunk_entries: int) -> list[tuple[NDArray[np.int64], int]]:
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
