"""Write a hold'em strategy to an .npz file, array by array, node by node.

A blueprint has too many infosets to name each one: there is a line for each decision node, and
an infoset is a node and a bucket.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import GameError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.public_lines import public_lines
from cfr_shm.layout.tree import DECISION
from cfr_shm.storage.replacing import replaced_file
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.flat import ranges, starts
from cfr_shm.strategy.origin import Origin, origin_document
from cfr_shm.strategy.reach import sampled_reach_of_rows
from cfr_shm.strategy.row_sums import visits_of

#: A CSV of more lines is of no use to anybody.
MOST_CSV_ENTRIES = 3_000_000

_NODES_TOGETHER = 4096


def export_blueprint(
    game: Game,
    strategy: Strategy,
    path: Path,
    *,
    mean_iteration_weight: float = 1.0,
    origin: Origin | None = None,
) -> None:
    """Write the strategy as arrays; ``numpy.load(path, allow_pickle=False)`` reads them.

    One element per decision node: ``line`` (ASCII bytes), ``seat``, ``street`` (0 preflop to 3
    river, wherever the game begins), ``buckets`` and ``actions`` (how many), ``first_move`` (into
    ``move``: -1 fold, 0 check or call, otherwise the chips raised to), ``first_infoset`` and
    ``first_entry``. Infoset ``first_infoset[n] + b`` is node n with bucket b: ``visits`` and
    ``reach`` have one element for each. Its action a is
    ``probability[first_entry[n] + b * actions[n] + a]``. ``reach`` is estimated from
    ``reach_deals`` deals. ``buckets_file`` and ``buckets_fingerprint`` name the card buckets,
    empty where hands are told apart up to suits. ``origin`` is a JSON document of where the
    strategy comes from: the resolved config, its fingerprint, iterations and more.

    Args:
        game: hold'em, with its betting tree.
        strategy: its strategy.
        path: the file to write.
        mean_iteration_weight: as ``export_npz`` takes it.
        origin: the run, where there is one.

    Raises:
        UsageError: ``path`` cannot be written to.
    """
    nodes = _Nodes(game)
    reach, deal_count = sampled_reach_of_rows(game, strategy)
    with (
        replaced_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as store,
    ):
        named = nodes.arrays(game) | {
            "origin": np.array([json.dumps(origin_document(game, origin))])
        }
        for name, array in named.items():
            _write(store, name, array.dtype, len(array), iter([array]))
        _write(store, "reach_deals", np.dtype(np.int64), 1, iter([np.array([deal_count])]))
        weights = strategy.weight
        entries, infosets = nodes.entry_count, nodes.infoset_count
        real = np.dtype(np.float64)
        _write(store, "probability", real, entries, nodes.entries(strategy.probability))
        visits = (visits_of(part, mean_iteration_weight) for part in nodes.firsts(weights))
        _write(store, "visits", real, infosets, visits)
        _write(store, "reach", real, infosets, nodes.firsts(reach))


def blueprint_arrays(
    game: Game, strategy: Strategy, mean_iteration_weight: float
) -> dict[str, NDArray[Any]]:
    """Return the arrays that ``export_blueprint`` writes, by name, all at once."""
    nodes = _Nodes(game)
    reach, deal_count = sampled_reach_of_rows(game, strategy)
    return nodes.arrays(game) | {
        "reach_deals": np.array([deal_count]),
        "probability": np.concatenate(list(nodes.entries(strategy.probability))),
        "visits": visits_of(
            np.concatenate(list(nodes.firsts(strategy.weight))), mean_iteration_weight
        ),
        "reach": np.concatenate(list(nodes.firsts(reach))),
    }


def require_few_entries(game: Game) -> None:
    """Refuse a CSV of more lines than anybody can use.

    Raises:
        GameError: names both figures.
    """
    entries = _Nodes(game).entry_count
    if entries > MOST_CSV_ENTRIES:
        raise GameError(
            f"a csv of {entries:,} lines is of no use (at most {MOST_CSV_ENTRIES:,} are written); "
            "use --format npz"
        )


def entry_index(game: Game) -> NDArray[np.int64]:
    """Return where a table has each element of ``probability`` that ``export_blueprint`` writes."""
    return np.concatenate(list(_Nodes(game).parts(ranges)))


def row_index(game: Game) -> NDArray[np.int64]:
    """Return the row of each element of ``visits`` that ``export_blueprint`` writes."""
    return np.concatenate(list(_Nodes(game).parts(lambda rows, _: rows)))


def node_arrays(game: Game) -> dict[str, NDArray[Any]]:
    """Return what ``export_blueprint`` writes for each node, and the moves."""
    return _Nodes(game).arrays(game)


class _Nodes:
    """The decision nodes of a game, and where their infosets and entries begin."""

    def __init__(self, game: Game) -> None:
        every = game.tree.nodes
        self.index = np.flatnonzero(every["kind"] == DECISION)
        records = every[self.index]
        self.seat, self.street = records["actor"], records["street"]
        self.actions = records["count"].astype(np.int64)
        self.base, self.stride = records["row_base"], records["row_stride"].astype(np.int64)
        self.child = records["first_child"].astype(np.int64)
        self.buckets = game.deals.bucket_count[self.seat, self.street]
        self.entry_count = int((self.buckets * self.actions).sum())
        self.infoset_count = int(self.buckets.sum())

    def arrays(self, game: Game) -> dict[str, NDArray[Any]]:
        """Return what has an element per node, and the moves."""
        assert game.betting is not None
        lines = public_lines(game.betting, game.big_blind)
        file = game.bucket_file
        move = ranges(self.child, self.actions)
        return {
            "game": np.array([game.name]),
            "buckets_file": np.array(["" if file is None else file.path]),
            "buckets_fingerprint": np.array(["" if file is None else file.fingerprint]),
            "line": np.array([lines[node].encode() for node in self.index.tolist()]),
            "seat": self.seat,
            "street": game.betting.rules.real_street[self.street].astype(self.street.dtype),
            "buckets": self.buckets,
            "actions": self.actions,
            "first_move": starts(self.actions),
            "move": game.betting.move[move],
            "first_infoset": starts(self.buckets),
            "first_entry": starts(self.buckets * self.actions),
        }

    def entries(self, values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Yield the entries of all rows, in the order of nodes, buckets and actions."""

        def of_rows(rows: NDArray[np.int64], actions: NDArray[np.int64]) -> NDArray[np.float64]:
            return values[ranges(rows, actions)]

        return self.parts(of_rows)

    def firsts(self, values: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Yield the value at each row's first entry, in the order of nodes and buckets."""
        return self.parts(lambda rows, _: values[rows])

    def parts(
        self, read: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[Any]]
    ) -> Iterator[NDArray[Any]]:
        """Yield what ``read`` makes of rows and their numbers of actions, some nodes at a time."""
        for first in range(0, len(self.index), _NODES_TOGETHER):
            part = slice(first, first + _NODES_TOGETHER)
            buckets = self.buckets[part]
            bucket = ranges(np.zeros(len(buckets), np.int64), buckets)
            rows = np.repeat(self.base[part], buckets) + bucket * np.repeat(
                self.stride[part], buckets
            )
            yield read(rows, np.repeat(self.actions[part], buckets))


def _write(
    store: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    count: int,
    parts: Iterator[NDArray[Any]],
) -> None:
    """Write one array of ``count`` elements as it comes."""
    with store.open(f"{name}.npy", "w", force_zip64=True) as member:
        header = {"descr": dtype.str, "fortran_order": False, "shape": (count,)}
        np.lib.format.write_array_header_1_0(member, header)
        for part in parts:
            member.write(np.ascontiguousarray(part, dtype).tobytes())
