"""A table's rows, node by node: from memory, or from a checkpoint that stays on disk.

What is written or looked up piece by piece asks here, so that a table of any size takes the
memory of some nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import CheckpointError
from cfr_shm.games.game import Game
from cfr_shm.layout.rows import entry_words, first_regret, first_sum
from cfr_shm.layout.table import Table
from cfr_shm.storage.array_files import ArrayFile
from cfr_shm.strategy.flat import ranges

#: Entries of the table, from the first to the last, that are read together: 200 KB.
ENTRIES_TOGETHER = 1 << 14


class NodeRows(NamedTuple):
    """The average strategy of all rows of one decision node."""

    weight: NDArray[np.float64]  # (buckets,), strategy weight; 0: never visited
    probability: NDArray[np.float64]  # (buckets, actions), sums to 1; uniform if never visited


class RowSums(Protocol):
    """Strategy sums and regrets by rows of as many actions, which lie near each other."""

    def sums(self, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
        """Return (rows, actions) strategy sums of rows of so many actions, at least one."""
        ...

    def regrets(self, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
        """Return (rows, actions) regrets of rows of so many actions, at least one."""
        ...


class TableSums:
    """The sums of a table in memory; implements ``RowSums``."""

    def __init__(self, table: Table) -> None:
        self._sums, self._compact = np.asarray(table.strategy_sum), table.compact
        self._regrets = np.asarray(table.regret)

    def sums(self, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
        """Return the sums of some rows; see ``RowSums``."""
        first = first_sum(row, actions, self._compact)
        found: NDArray[np.float64] = self._sums[first[:, None] + np.arange(actions)]
        return found.astype(np.float64)

    def regrets(self, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
        """Return the regrets of some rows; see ``RowSums``."""
        first = first_regret(row, actions, self._compact)
        found: NDArray[np.float64] = self._regrets[first[:, None] + np.arange(actions)]
        return found.astype(np.float64)


class StoredSums:
    """The sums of a table on disk, read as they are asked for; implements ``RowSums``.

    Args:
        file: the table's rows, as ``TrainingViews.rows``, held open by the caller.
        compact: whether the table has the compact layout.
    """

    def __init__(self, file: ArrayFile, compact: bool) -> None:
        self._file, self._compact = file, compact

    def sums(self, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
        """Return the sums of some rows; see ``RowSums``.

        Raises:
            ArrayStoreError: the file cannot be read.
            CheckpointError: a sum is not finite.
        """
        words, begin = self._words(row, actions)
        values: NDArray[Any] = words.view(np.float32) if self._compact else words
        offset = begin * (2 if self._compact else 1)
        return self._finite(values, first_sum(row, actions, self._compact) - offset, actions)

    def regrets(self, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
        """Return the regrets of some rows; see ``RowSums``.

        Raises:
            ArrayStoreError: the file cannot be read.
            CheckpointError: a regret is not finite.
        """
        words, begin = self._words(row, actions)
        first = first_regret(row, actions, self._compact) - 2 * begin
        return self._finite(words.view(np.float32), first, actions)

    def _words(self, row: NDArray[np.int64], actions: int) -> tuple[NDArray[Any], int]:
        """Return the words of the file from the first of the rows to the last, and their place."""
        # Words of 4 bytes, two to one of the file's.
        wide = entry_words(self._compact)
        begin = wide * int(row.min()) // 2
        end = -(-wide * (int(row.max()) + actions) // 2)
        return self._file.read(begin, end - begin), begin

    def _finite(
        self, values: NDArray[Any], first: NDArray[np.int64], actions: int
    ) -> NDArray[np.float64]:
        found: NDArray[np.float64] = values[first[:, None] + np.arange(actions)].astype(np.float64)
        if not np.isfinite(found).all():
            raise CheckpointError(f"{self._file.path}: holds values that are no finite numbers")
        return found


def averages_of(game: Game, sums: RowSums, nodes: NDArray[np.int64]) -> Iterator[NodeRows]:
    """Yield the average strategy of all rows of each decision node, in the order of buckets.

    Nodes whose rows lie near each other are read together: one by one the many calls for few rows
    took most of an export's time.
    """
    records = game.tree.nodes[nodes]
    buckets = game.deals.bucket_count[records["actor"], records["street"]].astype(np.int64)
    base, stride = records["row_base"].astype(np.int64), records["row_stride"].astype(np.int64)
    count = records["count"].astype(np.int64)
    end = base + (buckets - 1) * stride + count
    first = 0
    while first < len(nodes):
        span = np.maximum.accumulate(end[first:]) - np.minimum.accumulate(base[first:])
        last = first + max(1, int(np.searchsorted(span, ENTRIES_TOGETHER, side="right")))
        some = slice(first, last)
        yield from _averages(sums, base[some], stride[some], buckets[some], count[some])
        first = last


def _averages(
    sums: RowSums,
    base: NDArray[np.int64],
    stride: NDArray[np.int64],
    buckets: NDArray[np.int64],
    count: NDArray[np.int64],
) -> list[NodeRows]:
    """Return the average strategy of nodes that are read together, each with its rows' place."""
    found: dict[int, NodeRows] = {}
    for actions in np.unique(count).tolist():
        chosen = np.flatnonzero(count == actions)
        some = buckets[chosen]
        bucket = ranges(np.zeros(len(chosen), np.int64), some)
        rows = np.repeat(base[chosen], some) + bucket * np.repeat(stride[chosen], some)
        weight, probability = averaged(sums.sums(rows, actions))
        ends = np.cumsum(some)[:-1]
        pieces = (np.split(weight, ends), np.split(probability, ends))
        found.update(zip(chosen.tolist(), map(NodeRows, *pieces), strict=True))
    return [found[place] for place in range(len(count))]


def averaged(sums: NDArray[np.float64]) -> NodeRows:
    """Normalise (rows, actions) strategy sums, as ``Strategy.from_table`` does."""
    weight = np.zeros(len(sums))
    for action in range(sums.shape[1]):  # in the kernel's order: the same bits
        weight += sums[:, action]
    uniform = np.full_like(sums, 1.0 / sums.shape[1])
    known = weight[:, None] > 0.0
    return NodeRows(weight, np.divide(sums, weight[:, None], out=uniform, where=known))


def visits_of(weight: NDArray[np.float64], mean_iteration_weight: float) -> NDArray[np.float64]:
    """Turn strategy weights into visits, as every export has them.

    Args:
        weight: of rows.
        mean_iteration_weight: 1 with vanilla weights: visits are then counts, but for the
            rounding of sums. Else visits are weights in units of the mean one.
    """
    visits = weight / mean_iteration_weight
    return np.rint(visits) if mean_iteration_weight == 1.0 else visits
