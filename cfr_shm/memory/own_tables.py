"""Tables of the workers' own beside a small shared one (docs/adr/0003-updates.md).

They lie in the arena: what a worker that died had learnt is still there and counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.layout.exchange import BLOCK_BITS, COUNT_STRIDE, Exchange
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.rows import ENTRIES_OF_LINES, first_regret, first_sum, table_bytes, table_words
from cfr_shm.layout.table import Table
from cfr_shm.layout.tree import Tree
from cfr_shm.memory.arena import ArraySpec

#: Beside tables of up to this size, a second-level cache, there are tables of each worker's own, of
#: all of them together at most so many bytes.
OWN_TABLE_BYTES = 1 << 20
ALL_OWN_BYTES = 8 << 20

#: Iterations between two exchanges, for each bucket of the street that has fewest; tables beyond
#: the first-level cache, whose rows come more rarely, at least so many.
BUCKET_ITERATIONS = 4
FIRST_CACHE_BYTES = 32 << 10
LARGE_PERIOD = 32

#: Of a ring in which a worker tells the others what it has gained, a power of 2: several exchanges,
#: and little of a cache.
MOST_TOLD_WORDS = 1 << 15

_ROWS = "own_rows"
_GAINED = "own_gained"
_TOLD = "own_told"
_COUNTS = "own_counts"


class OwnTables(NamedTuple):
    """The workers' tables, and what their regrets have gained since they were settled."""

    rows: NDArray[np.float64]  # (workers, words of the table); or (0, 0), as below
    gained: NDArray[np.float32]  # (workers, entries), by place (``_Places``), in whole lines
    told: NDArray[np.int32]  # (workers, words), rings of what each has told, as ``Exchange.told``
    counts: NDArray[np.int64]  # (workers * COUNT_STRIDE,), words told, words about to be

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
        blocks = len(places.block) - 1
        exchange = Exchange(
            period=1 if often else _period(shared, bucket_count, len(self.rows) - 1),
            place=places.block.astype(np.int32),
            last=np.uint32(blocks - 1),
            word=places.regret.astype(np.int32),
            touched=np.zeros(blocks, np.uint8),
            changed=np.zeros(blocks + 1, np.int32),
            shared=shared.regret,
            gained=self.gained.reshape(-1),
            stride=self.gained.shape[1],
            own=worker * self.gained.shape[1],
            told=self.told.reshape(-1),
            told_gains=self.told.reshape(-1).view(np.float32),
            told_words=_told_words(self.gained.shape[1]),
            told_stride=self.told.shape[1],
            counts=self.counts,
            worker=worker,
            heard=np.zeros(len(self.rows), np.int64),
            known=np.zeros(self.gained.size, np.float32),
            read=np.zeros(int(np.diff(places.block).max()), np.float32),
            beneath=np.zeros(len(places.regret), np.float32),
        )
        return Table(self.rows[worker], self.rows[worker].view(np.float32), exchange=exchange)

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


def has_own_tables(byte_count: int, worker_count: int, compact: bool) -> bool:
    """Return whether workers have tables of their own beside one of so many bytes.

    One worker has none, and neither has the compact layout.
    """
    small = byte_count <= OWN_TABLE_BYTES and worker_count * byte_count <= ALL_OWN_BYTES
    return worker_count > 1 and small and not compact


def own_table_specs(entries: int, worker_count: int, compact: bool) -> list[ArraySpec]:
    """Return the arrays of the tables beside one of so many entries: empty where there are none."""
    size = table_bytes(entries)
    count = worker_count if has_own_tables(size, worker_count, compact) else 0
    line = -(-entries // ENTRIES_OF_LINES) * ENTRIES_OF_LINES
    shapes = {
        _ROWS: (np.float64, (count, table_words(entries))),
        _GAINED: (np.float32, (count, line)),
        _TOLD: (np.int32, (count, _told_words(line) + line + ENTRIES_OF_LINES)),
        _COUNTS: (np.int64, (count * COUNT_STRIDE,)),
    }
    return [
        ArraySpec(name, np.dtype(kind), shape if count else (0,) * len(shape))
        for name, (kind, shape) in shapes.items()
    ]


def own_table_bytes(entries: int, worker_count: int, compact: bool) -> int:
    """Return the bytes of the tables beside one of so many entries, 0 where there are none."""
    return sum(spec.byte_count for spec in own_table_specs(entries, worker_count, compact))


def own_tables(array: Callable[[str], NDArray[Any]]) -> OwnTables:
    """Return the tables among the arrays of an arena, or of private memory."""
    return OwnTables(array(_ROWS), array(_GAINED), array(_TOLD), array(_COUNTS))


def _told_words(entries: int) -> int:
    """Return the words of a ring beside a table of so many entries, a power of 2.

    Behind its end is room for a block of all entries, which begins before it.
    """
    return min(1 << (4 * entries).bit_length(), MOST_TOLD_WORDS)


def _period(shared: Table, bucket_count: NDArray[np.int64], others: int) -> int:
    """Return the iterations between two exchanges, a power of 2.

    Where nothing is dealt every iteration comes to the first rows, and 1 is right; where cards are,
    one in as many as there are buckets.
    """
    buckets = int(bucket_count.min())
    if buckets == 1:
        return 1
    period = BUCKET_ITERATIONS << (buckets - 1).bit_length()
    if shared.regret.nbytes > FIRST_CACHE_BYTES:
        period = max(period, LARGE_PERIOD)
    return 1 << max(0, (period // others).bit_length() - 1)


def _do_nothing() -> None:
    """Leave a table alone that workers share."""


class _Places(NamedTuple):
    """Where each entry of a table has its words: block by block."""

    block: NDArray[np.int64]  # (blocks + 1,), their first places
    regret: NDArray[np.int64]  # (entries of rows,), word in ``Table.regret``
    sum: NDArray[np.int64]  # (entries of rows,), word in ``Table.strategy_sum``


def _places(tree: Tree, bucket_count: NDArray[np.int64]) -> _Places:
    """Order a table's entries by blocks."""
    sets = row_sets(tree, bucket_count)
    row = np.repeat(sets.base, sets.rows) + _counted(sets.rows) * np.repeat(sets.stride, sets.rows)
    count = np.repeat(sets.actions, sets.rows)
    action = _counted(count)
    row, count = np.repeat(row, count), np.repeat(count, count)
    block = first_regret(row, count, False) >> BLOCK_BITS
    regret = first_regret(row, count, False) + action
    by_place = np.lexsort((regret, block))
    return _Places(
        block=np.searchsorted(block[by_place], np.arange(int(block.max()) + 2)),
        regret=regret[by_place],
        sum=(first_sum(row, count, False) + action)[by_place],
    )


def _counted(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, ... up to each count, one after another.

    >>> _counted(np.array([2, 3])).tolist()
    [0, 1, 0, 1, 2]
    """
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
