"""What ranks exchange: the mean of their regrets, and at checkpoints the sum of their averages.

A rank holds 1/N of the regrets that one machine would have, and adds its own gains in full: it
plays as if the others had gained the same, and the mean of all is what one machine would have
(docs/adr/0033-ranks.md). The sum of everybody's gains would overshoot N times. Strategy sums are
read by nobody while training goes on, and may lie at any rank: only their total counts.

Where damped, a rank holds less, 1/(1.5 N), so that its own gains count half as much again as if
the others had gained the same; of what all have gained in mean, two thirds are then taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
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

#: Entries of one message: 8 MiB of regrets, 16 MiB of sums.
CHUNK_ENTRIES = 2 << 20

#: MPI takes up to twice as much again as a message while it adds up (MPICH's Reduce, measured).
MESSAGE_COPIES = 3

#: Where damped: the whole regrets are so many times as large as those held by as many ranks.
DAMPING = 1.5


#: Does a step that all ranks take part in, again without those that die over it; what it changes
#: of the table comes after.
Surely = Callable[[Callable[[], None]], None]


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

    def bring_together(self, table: Table, done: Sequence[Range]) -> None:
        """Bring together what all have learnt in the iterations ``done``.

        Where ranks may be lost it is asked again if one was, and changes nothing of the table.
        """

    def take_in(self, table: Table, done: Sequence[Range]) -> None:
        """Make that of everybody's table, once it is certain that all have come so far."""

    def take_share(self, table: Table, *, resumed: bool) -> None:
        """Make of the whole table, which every rank has, what this rank is to hold of it."""

    def gather_sums(self, table: Table, surely: Surely) -> None:
        """Bring all strategy sums together at rank 0, each step of it ``surely``."""

    def make_whole(self, table: Table) -> None:
        """Make of rank 0's table, or a copy, what one machine would have: what files hold."""

    def hold_more(self, table: Table, former_size: int) -> None:
        """Hold what each of fewer ranks than ``former_size`` is to hold."""


class Exchange:
    """Exchanges the tables of all ranks, in chunks.

    Where ranks may be lost the mean is brought together beside the table, in 4 bytes an entry, and
    is taken in when all have it: what the dead had not told counts nowhere, and nowhere in part.

    Args:
        world: the other ranks.
        sets: the rows of the table.
        chunk_entries: of one message.
        damped: whether two thirds of the mean gains are taken over, not all; nobody but the
            kernels may change regrets between two meetings then. It takes 4 bytes an entry.
    """

    in_step = False

    def __init__(
        self,
        world: World,
        sets: RowSets,
        chunk_entries: int = CHUNK_ENTRIES,
        *,
        damped: bool = False,
    ) -> None:
        self._world = world
        self._chunks = row_chunks(sets, chunk_entries)
        entries = sum(count for _, count in self._chunks)
        self._beside = np.empty(entries, np.float32) if world.survives else None
        self._base = np.empty(entries, np.float32) if damped else None

    def deal(
        self, whole: IterationLedger, rates: Sequence[float], seconds: float, window: int
    ) -> list[list[Range]]:
        """Return leases in proportion to everybody's rates."""
        return leases(whole, rates, seconds, window)

    def bring_together(self, table: Table, done: Sequence[Range]) -> None:  # noqa: ARG002 - any
        """Exchange regrets, in place where all ranks live or none."""
        if self._beside is None:
            self.average_regrets(table)
            return
        for slices, values, _ in self._parts_of(self._beside):
            collect_regrets(table, slices, values)
            self._world.add_up(values)

    def take_in(self, table: Table, done: Sequence[Range]) -> None:  # noqa: ARG002 - any will do
        """Take over the mean that was brought together beside the table."""
        if self._beside is not None:
            for slices, values, base in self._parts_of(self._beside):
                self._take_over(table, slices, values, base)

    def take_share(self, table: Table, *, resumed: bool) -> None:
        """Hold 1/N of the regrets, or less, and the strategy sums at rank 0 only."""
        self.scale_regrets(table, 1.0 / self._shares)
        for slices, _, base in self._parts_of(None):
            if base is not None:
                collect_regrets(table, slices, base)
        if resumed and self._world.rank > 0:
            self.drop_sums(table)

    def gather_sums(self, table: Table, surely: Surely) -> None:
        """Move the strategy sums to rank 0."""
        surely(self._world.wait_for_all)
        self.move_sums_to_first(table, surely)

    def make_whole(self, table: Table) -> None:
        """Hold N times the regrets, or more."""
        self.scale_regrets(table, self._shares)

    def average_regrets(self, table: Table) -> None:
        """Put the mean of everybody's regrets in the place of a rank's own, or damp them to it."""
        for slices, values, base in self._parts_of(None):
            collect_regrets(table, slices, values)
            self._world.add_up(values)
            self._take_over(table, slices, values, base)

    def move_sums_to_first(self, table: Table, surely: Surely) -> None:
        """Add everybody's strategy sums to those of rank 0; the others begin again at zero."""
        factor = 1.0 if self._world.rank == 0 else 0.0
        buffer = np.empty(max((count for _, count in self._chunks), default=0), np.float64)
        for slices, entries in self._chunks:
            values = buffer[:entries]
            surely(partial(self._add_up_sums, table, slices, values))
            spread_sums(table, slices, values, factor)

    def hold_more(self, table: Table, former_size: int) -> None:
        """Hold 1/N of the regrets, where it was one of more ranks."""
        factor = former_size / self._world.size
        self.scale_regrets(table, factor)
        if self._base is not None:
            self._base *= np.float32(factor)

    def _add_up_sums(
        self, table: Table, slices: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        collect_sums(table, slices, values)
        self._world.add_up_at_first(values)

    @property
    def _shares(self) -> float:
        """How many times the regrets that a rank holds the whole is."""
        return self._world.size * (1.0 if self._base is None else DAMPING)

    def _take_over(
        self,
        table: Table,
        slices: NDArray[np.int64],
        values: NDArray[np.float32],
        base: NDArray[np.float32] | None,
    ) -> None:
        """Hold the mean of what was added up to ``values``; or go from ``base`` towards it."""
        if base is None:
            spread_regrets(table, slices, values, 1.0 / self._world.size)
            return
        values *= np.float32(1.0 / self._shares)
        base *= np.float32(1.0 - 1.0 / DAMPING)
        base += values
        spread_regrets(table, slices, base, 1.0)

    def _parts_of(
        self, beside: NDArray[np.float32] | None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32] | None]]:
        """Return each chunk with its part of ``beside``, or of one array, and of the base."""
        first = 0
        buffer = np.empty(max((count for _, count in self._chunks), default=0), np.float32)
        for slices, entries in self._chunks:
            part = slice(first, first + entries)
            values = buffer[:entries] if beside is None else beside[part]
            yield slices, values, None if self._base is None else self._base[part]
            first += entries

    def drop_sums(self, table: Table) -> None:
        """Set strategy sums to zero: another rank has them."""
        for slices, entries in self._chunks:
            spread_sums(table, slices, np.zeros(entries), 0.0)

    def scale_regrets(self, table: Table, factor: float) -> None:
        """Multiply every regret: exact where the number of ranks is a power of two."""
        for slices, values, _ in self._parts_of(None):
            collect_regrets(table, slices, values)
            spread_regrets(table, slices, values, factor)


def exchange_bytes(entries: int, *, survives: bool, damped: bool) -> int:
    """Return what exchanges take beside a table: a message, and copies of the regrets.

    The largest messages are of strategy sums, 8 bytes an entry; where ranks may be lost there is
    the mean, and where damped the last one, 4 bytes an entry each.

    >>> exchange_bytes(1000, survives=False, damped=False)
    24000
    >>> exchange_bytes(10**9, survives=True, damped=True)
    8050331648
    """
    message = 8 * min(entries, CHUNK_ENTRIES)
    return MESSAGE_COPIES * message + 4 * entries * (survives + damped)


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
