"""Smooth turns and rivers: each card bucket plays a little as its neighbours in strength do.

Sampled regrets of rare places are noisy: the same row of two seeds differs as much as the rows of
neighbouring buckets do, and whoever sees the board finds the buckets that fold too much on it.
Averaging a node's strategy sums over buckets of nearly the same mean strength takes noise out that
more training takes out slowly, and knowledge that is finer than the buckets' distance with it.
docs/adr/0007-default-weighting.md has what it
gains and costs.

Buckets are numbered by mean strength, whatever method made them (``cards/bucket_builder.py``). A
pass replaces the sums of each bucket by a quarter of both neighbours' and half of its own; at the
ends a bucket is its own neighbour. A bucket of hands that cannot lose stays as it is, and is
nobody's neighbour: its hands never fold (docs/adr/0024-unbeaten-hands.md).

Neighbours in mean strength may be hands of another kind, a made one beside a draw. What training
found to lose for a bucket it hardly plays, and is not to get from neighbours: with ``own`` an
action keeps of its smoothed share as much as its own share is of ``own``, and the row is scaled to
what it had, on all streets. So noise is taken out among what a bucket plays anyway, and what it
hardly plays becomes rarer still (docs/adr/0041-smoothing-within.md).
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.config.smoothing_values import Smoothing
from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.hole_cards import DealtCards
from cfr_shm.layout.row_sets import RowSets, row_sets
from cfr_shm.layout.rows import first_sum
from cfr_shm.layout.table import Table
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.memory.tables import table_of

#: Passes that anybody can want: what is beyond makes all buckets alike.
MOST_PASSES = 1000

#: Board cards of the first street that is smoothed: the turn's.
_FIRST_CARDS = 4

#: Sums that are in memory a second time.
_TOGETHER = 1 << 20


def smoothing_matrix(buckets: int, passes: int, apart: int | None = None) -> NDArray[np.float64]:
    """Return (buckets, buckets): how much of each bucket's sums (column) another gets (row).

    Args:
        buckets: of a street, in the order of their mean strength.
        passes: how often neighbours are averaged.
        apart: the bucket that stays as it is, if any.

    Its columns sum to 1, so that no strategy weight is lost.

    >>> smoothing_matrix(3, 1).tolist()
    [[0.75, 0.25, 0.0], [0.25, 0.5, 0.25], [0.0, 0.25, 0.75]]
    """
    order = np.array([each for each in range(buckets) if each != apart], np.int64)
    below, above = np.concatenate([order[:1], order[:-1]]), np.concatenate([order[1:], order[-1:]])
    step = np.zeros((buckets, buckets))
    for neighbour, share in ((below, 0.25), (order, 0.5), (above, 0.25)):
        np.add.at(step, (order, neighbour), share)
    if apart is not None:
        step[apart, apart] = 1.0
    return np.linalg.matrix_power(step, passes)


def smoothed(game: Game, checkpoint: Checkpoint, smoothing: Smoothing) -> Checkpoint:
    """Return a checkpoint whose turn and river rows are smoothed; the given one stays as it is.

    Args:
        game: whose table it holds.
        checkpoint: with its rows in memory.
        smoothing: how; of no passes the checkpoint itself is returned.

    Raises:
        GameError: the game has no card buckets that could have neighbours.
    """
    if smoothing.passes == 0:
        return checkpoint
    rows = smoothed_rows(game, checkpoint.rows, checkpoint.compact, smoothing)
    return dataclasses.replace(checkpoint, rows=rows, config=_told(checkpoint.config, smoothing))


def smoothed_rows(
    game: Game, rows: NDArray[np.float64], compact: bool, smoothing: Smoothing
) -> NDArray[np.float64]:
    """Return a smoothed copy of a table's rows; of no passes the rows themselves.

    Args:
        game: whose table it is.
        rows: as ``TrainingViews.rows``; only read, nobody may write to them meanwhile.
        compact: whether the table has the compact layout.
        smoothing: how.

    Raises:
        GameError: the game has no card buckets that could have neighbours.
    """
    if smoothing.passes == 0:
        return rows
    copied = rows.copy()
    smooth_sums(game, table_of(copied, compact), smoothing)
    copied.setflags(write=False)
    return copied


def smooth_sums(game: Game, table: Table, smoothing: Smoothing) -> None:
    """Smooth a table's strategy sums of turn and river; its regrets are left alone.

    With ``own`` preflop and flop lose what a bucket hardly plays, too.

    Args:
        game: whose table it is.
        table: written; nobody else may use it meanwhile.
        smoothing: how, of at least one pass.

    Raises:
        GameError: the game has no card buckets that could have neighbours.
    """
    sets = row_sets(game.tree, game.deals.bucket_count)
    street = game.tree.nodes["street"][sets.node]
    averaged = streets_with_neighbours(game, _FIRST_CARDS)
    for each in range(game.street_count) if smoothing.own else averaged:
        passes, apart = smoothing.passes if each in averaged else 0, averaged.get(each)
        for rows, actions in _shapes(sets, street == each):
            chosen = (street == each) & (sets.rows == rows) & (sets.actions == actions)
            mixing = _Mixing(smoothing_matrix(rows, passes, apart), apart, smoothing.own)
            _smooth_alike(sets, np.flatnonzero(chosen), table, mixing)


def streets_with_neighbours(game: Game, first_cards: int) -> dict[int, int | None]:
    """Return the streets of at least so many board cards, each with the bucket that stays apart.

    Raises:
        GameError: the game has no card buckets that could have neighbours.
    """
    cards = require_neighbours(game)
    last = game.street_count - 1
    unbeaten = game.bucket_file.unbeaten if game.bucket_file is not None else None
    return {
        street: unbeaten if street == last else None
        for street in range(game.street_count)
        if cards.board_count(street) >= first_cards
    }


def require_neighbours(game: Game) -> DealtCards:
    """Return the cards of a game whose hands have buckets in the order of their strength.

    Raises:
        GameError: it has none.
    """
    if isinstance(game.hole_cards, DealtCards) and game.bucket_file is not None:
        return game.hole_cards
    raise GameError(
        f"smoothing and pooling average neighbouring card buckets, and {game.name} as configured "
        "has none; leave --smooth, run.smoothing and algorithm.pooling out"
    )


def _shapes(sets: RowSets, chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the numbers of rows and actions that sets of rows have, each pair once."""
    pairs = zip(sets.rows[chosen].tolist(), sets.actions[chosen].tolist(), strict=True)
    return sorted(set(pairs))


class _Mixing(NamedTuple):
    """How the rows of a street's nodes are mixed."""

    matrix: NDArray[np.float64]  # (buckets, buckets), of ``smoothing_matrix``
    apart: int | None
    own: float

    def of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (sets, buckets, actions) sums smoothed."""
        found: NDArray[np.float64] = self.matrix @ sums
        return found if self.own == 0.0 else self._within(sums, found)

    def _within(self, sums: NDArray[np.float64], found: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return smoothed sums less what a bucket hardly plays itself; rows keep their totals.

        Something of a row is always left: of what it plays most it has itself a part in its
        smoothed sums. A row that was never visited has no share of its own, and takes all.
        """
        total = sums.sum(axis=-1, keepdims=True)
        share = np.divide(sums, total, out=np.ones_like(sums), where=total > 0.0)
        left: NDArray[np.float64] = found * np.minimum(share / self.own, 1.0)
        whole, rest = (each.sum(axis=-1, keepdims=True) for each in (found, left))
        left *= np.divide(whole, rest, out=np.ones_like(rest), where=rest > 0.0)
        if self.apart is not None:
            left[:, self.apart] = found[:, self.apart]
        return left


def _smooth_alike(sets: RowSets, chosen: NDArray[np.int64], table: Table, mixing: _Mixing) -> None:
    """Smooth sets of as many rows and actions, so many at once as ``_TOGETHER`` allows."""
    rows, actions = len(mixing.matrix), int(sets.actions[chosen[0]])
    sums: NDArray[Any] = table.strategy_sum
    at_once = max(1, _TOGETHER // (rows * actions))
    for first in range(0, len(chosen), at_once):
        some = chosen[first : first + at_once]
        row = sets.base[some][:, None] + np.arange(rows) * sets.stride[some][:, None]
        index = first_sum(row, actions, table.compact)[:, :, None] + np.arange(actions)
        sums[index] = mixing.of(sums[index].astype(np.float64))


def _told(config: Any, smoothing: Smoothing) -> dict[str, Any]:
    """Return a checkpoint's configuration that says how the strategy was smoothed."""
    said = {"smoothing": smoothing.passes, "smoothing_own": smoothing.own}
    run = dict(config.get("run", {})) | said
    return dict(config) | {"run": run}
