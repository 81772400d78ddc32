"""Write a game whose infosets have names to parquet: the lines of ``export_csv``, sorted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.games.game import Game
from cfr_shm.layout.tree import DECISION
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export import infoset_arrays
from cfr_shm.strategy.export_parquet import GROUP_LINES
from cfr_shm.strategy.flat import ranges
from cfr_shm.strategy.origin import Origin, origin_texts
from cfr_shm.strategy.parquet_file import (
    Lines,
    Texts,
    lines_batch,
    parquet_writer,
    strategy_schema,
)


def export_small_parquet(game: Game, strategy: Strategy, path: Path, origin: Origin) -> None:
    """Write one line for each action of each infoset, in the columns of ``export_parquet``.

    ``line`` is the infoset's name, ``action`` OpenSpiel's action id, ``node`` the first node of
    the tree that has its row, ``bucket`` the row's place there. There are no hands and amounts,
    and no file of nodes.

    Raises:
        UsageError: ``path`` cannot be written to, or pyarrow is not installed.
    """
    lines = _lines(game, strategy, origin.mean_iteration_weight)
    with parquet_writer(path, strategy_schema(), origin_texts(game, origin)) as writer:
        writer.write_batch(lines_batch(lines), row_group_size=GROUP_LINES)


def _lines(game: Game, strategy: Strategy, mean_iteration_weight: float) -> Lines:
    arrays = infoset_arrays(game, strategy, mean_iteration_weight)
    node, bucket = _places(game, arrays["row"])
    street = game.tree.nodes["street"][node]
    order = np.lexsort((bucket, node, street))
    first, count = arrays["offset"][:-1][order], np.diff(arrays["offset"])[order]
    of_line, entry = np.repeat(order, count), ranges(first, count)
    actions, number = np.unique(arrays["action"][entry], return_inverse=True)
    visits = arrays["visits"][of_line]
    reach = arrays.get("reach", np.full(len(order), np.nan))
    none = np.full(len(entry), -1, np.int32)
    return Lines(
        node=node[of_line].astype(np.int32),
        line=Texts(of_line.astype(np.int32), arrays["name"].tolist()),
        street=street[of_line].astype(np.int8),
        seat=arrays["player"][of_line].astype(np.int8),
        bucket=bucket[of_line].astype(np.int32),
        hand=Texts(none, []),
        action=Texts(number.astype(np.int32), [str(each) for each in actions]),
        amount=none.astype(np.int64),
        probability=np.where(visits > 0.0, arrays["probability"][entry], np.nan).astype(np.float32),
        reach=reach[of_line],
        visits=visits,
    )


def _places(game: Game, row: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first decision node that has each row, and the row's place there."""
    nodes = game.tree.nodes
    decisions = np.flatnonzero(nodes["kind"] == DECISION)
    base, first = np.unique(nodes["row_base"][decisions], return_index=True)
    found = decisions[first[np.searchsorted(base, row, side="right") - 1]]
    stride = np.maximum(nodes["row_stride"][found].astype(np.int64), 1)
    return found, (row - nodes["row_base"][found]) // stride
