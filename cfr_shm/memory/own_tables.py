"""Tables of the workers' own beside a small shared one (docs/adr/0003-updates.md).

They lie in the arena: what a worker that died had learnt is still there and counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.exchange import Exchange
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.rows import ENTRIES_OF_LINES, first_regret, first_sum, table_bytes, table_words
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import Tree
from cfr_shm.memory.arena import ArraySpec

#: Beside tables of up to this size, which fit the first-level cache, there are tables of each
#: worker's own.
OWN_TABLE_BYTES = 32 << 10

#: And up to this size, half a second-level cache, where every row is one of several that are dealt:
#: rows then come so rarely that exchanging them so many times as rarely leaves nobody behind.
DEALT_TABLE_BYTES = 256 << 10
DEALT_TIMES = 8

_ROWS = "own_rows"
_GAINED = "own_gained"


class OwnTables(NamedTuple):
    """The workers' tables, and what their regrets have gained since they were settled."""

    rows: NDArray[np.float64]  # (workers, words of the table); or (0, 0), as below
    gained: NDArray[np.float32]  # (workers, entries), by place (``_Places``), in whole lines

    def table_of(
        self, worker: int, shared: Table, tree: Tree, bucket_count: NDArray[np.int64], often: bool
    ) -> Table:
        """Return a worker's table, which kernels exchange with the others'.

        Args:
            worker: whose.
            shared: the table of all.
            tree: the public tree.
            bucket_count: (players, streets).
            often: exchange in every iteration, because each comes to most rows.
        """
        places = _places(tree, bucket_count)
        others = len(self.rows) - 1
        times = 1 if shared.regret.nbytes <= OWN_TABLE_BYTES else DEALT_TIMES
        period = [1 if often else _shared_out(each * times, others) for each in places.period]
        own = self.rows[worker]
        exchange = Exchange(
            period=np.array(period, np.int64),
            first=places.first,
            alone=places.alone,
            word=places.regret.astype(np.int32),
            shared=shared.regret,
            gained=self.gained.reshape(-1),
            stride=self.gained.shape[1],
            own=worker * self.gained.shape[1],
            settled=np.zeros(len(places.regret), np.float32),
            beneath=np.zeros(len(places.regret), np.float32),
        )
        return Table(own, own.view(np.float32), exchange=exchange)

    def settling(
        self, shared: Table, tree: Tree, bucket_count: NDArray[np.int64]
    ) -> Callable[[], None]:
        """Return what adds all that workers have learnt to ``shared``, while no kernel runs."""
        if len(self.rows) == 0:
            return _do_nothing
        places = _places(tree, bucket_count)

        def settle() -> None:
            shared.regret[places.regret] += self.gained[:, : len(places.regret)].sum(axis=0)
            shared.strategy_sum[places.sum] += self.rows[:, places.sum].sum(axis=0)
            self.gained[:] = 0.0
            self.rows[:] = 0.0

        return settle


def own_table_specs(
    entries: int, worker_count: int, compact: bool, bucket_count: NDArray[np.int64]
) -> list[ArraySpec]:
    """Return the arrays of the tables beside one of so many entries: empty but for a small one.

    One worker has none, and neither has the compact layout.
    """
    dealt = bucket_count.min() > 1
    small = table_bytes(entries) <= (DEALT_TABLE_BYTES if dealt else OWN_TABLE_BYTES)
    count = worker_count if worker_count > 1 and small and not compact else 0
    line = -(-entries // ENTRIES_OF_LINES) * ENTRIES_OF_LINES
    return [
        ArraySpec(_ROWS, np.dtype(np.float64), (count, table_words(entries) if count else 0)),
        ArraySpec(_GAINED, np.dtype(np.float32), (count, line if count else 0)),
    ]


def own_tables(array: Callable[[str], NDArray[Any]]) -> OwnTables:
    """Return the tables among the arrays of an arena, or of private memory."""
    return OwnTables(array(_ROWS), array(_GAINED))


def _shared_out(period: int, others: int) -> int:
    """Return the largest power of 2 within ``period / others``, at least 1."""
    return 1 << max(0, (period // others).bit_length() - 1)


def _do_nothing() -> None:
    """Leave a table alone that workers share."""


class _Places(NamedTuple):
    """Where each entry of a table has its words: those exchanged most often first."""

    period: list[int]  # of each section, iterations between two exchanges: powers of 2, ascending
    first: NDArray[np.int64]  # (sections + 1,), their first places
    alone: NDArray[np.int64]  # (sections,), as ``Exchange.alone``
    regret: NDArray[np.int64]  # (entries of rows,), word in ``Table.regret``
    sum: NDArray[np.int64]  # (entries of rows,), word in ``Table.strategy_sum``


def _places(tree: Tree, bucket_count: NDArray[np.int64]) -> _Places:
    """Order a table's entries by how often a deal comes to them.

    One deal in as many as there are buckets comes to a row: exchanged so often, or up to twice
    as rarely, it is behind the others' by a visit or two.
    """
    sets = row_sets(tree, bucket_count)
    found: dict[int, list[tuple[int, int]]] = {}
    for base, stride, count, buckets in np.stack(sets[2:], axis=1).tolist():
        rows = [(base + bucket * stride, count) for bucket in range(buckets)]
        found.setdefault(1 << (buckets - 1).bit_length(), []).extend(rows)
    periods = sorted(found)
    entries: list[tuple[int, int, int]] = []
    first, alone = [0], []
    for period in periods:
        entries += [(*row, each) for row in found[period] for each in range(row[1] & ~1)]
        alone.append(len(entries))
        entries += [(*row, row[1] - 1) for row in found[period] if row[1] & 1]
        first.append(len(entries))
    row, count, action = np.array(entries, np.int64).T
    return _Places(
        periods,
        np.array(first, np.int64),
        np.array(alone, np.int64),
        first_regret(row, count, False) + action,
        first_sum(row, count, False) + action,
    )
