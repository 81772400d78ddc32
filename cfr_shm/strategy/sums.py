"""Sums of independent runs: each plays its share of the hands, and nobody can tell which.

What is noise in the average strategy of one run is other noise in that of a run with another seed,
so that the sum of both plays more evenly than either. Strategy sums add up as they do within a
run: a row counts for as much as its run came there. Runs count alike, however long they are and
whatever their iterations weigh: the sums of each are scaled to the same total.
docs/adr/0039-pooling-and-sums.md has what it gains.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.layout.rows import first_sum, table_words
from cfr_shm.layout.table import Table
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.memory.tables import table_of

#: Between runs whose strategies are summed.
PLUS = "+"


def runs_of(source: str) -> list[str]:
    """Return the runs that a text names: of ``RUN+RUN`` both, of anything else itself.

    A directory whose name has a plus is itself.

    Raises:
        UsageError: a run is missing beside a plus.
    """
    if PLUS not in source or Path(source.partition("@")[0]).exists():
        return [source]
    runs = source.split(PLUS)
    if not all(runs):
        raise UsageError(f"{source}: a run is missing beside a {PLUS}; name it as RUN{PLUS}RUN")
    return runs


def summed(game: Game, checkpoints: Sequence[Checkpoint], name: str) -> Checkpoint:
    """Return a checkpoint whose strategy plays each of several equally often.

    Args:
        game: that all of them are of.
        checkpoints: at least one, with their rows in memory; they stay as they are. One that
            visited nothing counts for nothing.
        name: what stands for the place where it lies.

    Its regrets are zero: of a sum there are none, and nothing can go on from it.
    """
    first = checkpoints[0]
    rows = summed_rows(game, [each.table for each in checkpoints])
    table: dict[str, Any] = {**first.config.get("table", {}), "compact": False}
    return dataclasses.replace(
        first,
        rows=rows,
        config={**first.config, "table": table},
        completed=(),
        iterations=sum(each.iterations for each in checkpoints),
        nodes=sum(each.nodes for each in checkpoints),
        seconds=sum(each.seconds for each in checkpoints),
        path=Path(name),
    )


def summed_rows(game: Game, tables: Sequence[Table]) -> NDArray[np.float64]:
    """Return the rows of a table whose strategy plays each of several equally often.

    Args:
        game: whose tables they are.
        tables: at least one; one that visited nothing counts for nothing.
    """
    rows = np.zeros(table_words(game.table_entries))
    _add_sums(game, table_of(rows), tables)
    rows.setflags(write=False)
    return rows


def _add_sums(game: Game, target: Table, tables: Sequence[Table]) -> None:
    """Write the sums of ``tables``, each scaled to what they have in the mean."""
    sets = row_sets(game.tree, game.deals.bucket_count)
    places = [
        base + np.arange(rows)[:, None] * stride
        for base, stride, rows in zip(sets.base, sets.stride, sets.rows, strict=True)
    ]
    totals = np.zeros(len(tables))
    for row, actions in zip(places, sets.actions.tolist(), strict=True):
        totals += [float(_sums(each, row, actions).sum()) for each in tables]
    scale = np.divide(totals.mean(), totals, out=np.zeros(len(tables)), where=totals > 0.0)
    for row, actions in zip(places, sets.actions.tolist(), strict=True):
        parts = zip(tables, scale, strict=True)
        added = sum(_sums(each, row, actions) * share for each, share in parts)
        target.strategy_sum[_entries(target, row, actions)] = added


def _sums(table: Table, row: NDArray[np.int64], actions: int) -> NDArray[np.float64]:
    """Return (rows, actions) strategy sums of a set of rows."""
    found: NDArray[Any] = table.strategy_sum[_entries(table, row, actions)]
    return found.astype(np.float64)


def _entries(table: Table, row: NDArray[np.int64], actions: int) -> NDArray[np.int64]:
    entries: NDArray[np.int64] = first_sum(row, actions, table.compact) + np.arange(actions)
    return entries
