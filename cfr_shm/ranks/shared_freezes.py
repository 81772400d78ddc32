"""Deterministic mode over ranks: each traverses a part of every freeze, all apply the whole of it.

::

    freeze [first, end) --parts--> rank 0 | rank 1 | ...    units, each rank's own
                                      +-- sum of int64 --+
                                        every rank applies --> the same table everywhere

What is added up is whole numbers, so that neither the ranks nor their order matter to a bit. Every
rank holds the whole table, regrets and strategy sums: nothing is scaled, and nothing is moved for
checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.ledger import IterationLedger, Range
from cfr_shm.errors import WorkerError
from cfr_shm.kernels.tables.dense import collect_units, spread_units
from cfr_shm.layout.row_sets import RowSets
from cfr_shm.layout.table import Table
from cfr_shm.ranks.exchange import Surely, row_chunks
from cfr_shm.ranks.world import World

#: Entries of one message: 16 MiB of units, of which there are two for each entry; MPI copies it.
CHUNK_ENTRIES = 1 << 20


class SharedFreezes:
    """Brings the units of all ranks together at the border of a freeze.

    Args:
        world: the other ranks.
        sets: the rows of the table.
        freezes: of this rank's workers, which are planned to be among ranks.
        chunk_entries: of one message.
    """

    in_step = True

    def __init__(
        self, world: World, sets: RowSets, freezes: Freezes, chunk_entries: int = CHUNK_ENTRIES
    ) -> None:
        self._world = world
        self._freezes = freezes
        self._chunks = row_chunks(sets, chunk_entries)

    def deal(
        self,
        whole: IterationLedger,
        rates: Sequence[float],
        seconds: float,  # noqa: ARG002 - a freeze is a freeze
        window: int,  # noqa: ARG002
    ) -> list[list[Range]]:
        """Return each rank's part of the next freeze; some may have none."""
        return freeze_parts(whole, len(rates))

    def bring_together(self, table: Table, done: Sequence[Range]) -> None:  # noqa: ARG002 - freezes
        """Add up what all ranks have added in the freeze that ``done`` are the parts of.

        Raises:
            WorkerError: a part is missing.
        """
        first, end = min(done)[0], max(done)[1]
        if sum(stop - begin for begin, stop in done) != end - first:
            raise WorkerError(f"of iterations [{first}, {end}) ranks have traversed only {done}")
        for slices, entries in self._chunks:
            units = np.empty(2 * entries, np.int64)
            collect_units(self._freezes.units, slices, units)
            self._world.add_up(units)
            spread_units(self._freezes.units, slices, units)

    def take_in(self, table: Table, done: Sequence[Range]) -> None:  # noqa: ARG002 - in the freezes
        """Apply what was added up."""
        self._freezes.apply(min(done)[0], max(done)[1])

    def take_share(self, table: Table, *, resumed: bool) -> None:
        """Leave the table as it is: every rank holds the whole."""

    def gather_sums(self, table: Table, surely: Surely) -> None:
        """Leave strategy sums as they are: they are the same everywhere."""

    def make_whole(self, table: Table) -> None:
        """Leave the table as it is: it is whole."""

    def hold_more(self, table: Table, former_size: int) -> None:
        """Leave the table as it is: every rank holds the whole."""


def freeze_parts(whole: IterationLedger, size: int) -> list[list[Range]]:
    """Take the next freeze and deal it out in parts of about the same length.

    >>> freeze_parts(IterationLedger(200, [(0, 64)], drain_window=64), 3)
    [[(64, 85)], [(85, 106)], [(106, 128)]]
    """
    freeze = whole.take(1)
    if freeze is None:
        return [[] for _ in range(size)]
    first, count = freeze
    cuts = [first + count * rank // size for rank in range(size + 1)]
    return [[(begin, end)] if begin < end else [] for begin, end in pairwise(cuts)]
