"""Read a strategy back from parquet, a row group at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.storage.documents import DocumentError, parse_document
from cfr_shm.storage.files import opened
from cfr_shm.strategy.export_blueprint import node_arrays
from cfr_shm.strategy.parquet_file import require_pyarrow

_COLUMNS = ["node", "line", "bucket", "action", "probability", "visits"]


def parquet_origin(path: Path) -> Mapping[str, Any]:
    """Return what a file's metadata say of its origin.

    Raises:
        UsageError: it is no parquet file.
    """
    arrow = require_pyarrow()
    with opened(path) as (file, _):
        try:
            about = arrow.parquet.read_schema(file).metadata or {}
        except (arrow.ArrowException, OSError) as error:
            raise UsageError(f"{path}: is no parquet file: {error}") from error
    found: dict[str, Any] = {key.decode(): value.decode() for key, value in about.items()}
    if "config" in found:
        try:
            found["config"] = parse_document(found["config"].encode())
        except DocumentError as error:
            raise UsageError(f"{path}: its config is no JSON: {error}") from None
    return found


def parquet_arrays(path: Path, game: Game) -> dict[str, NDArray[Any]]:
    """Return a file's lines as the arrays that an npz of the same game has.

    Raises:
        UsageError: it has not one line for each action of each infoset, in order.
    """
    columns = _columns(path)
    blueprint = game.betting is not None and game.why_not_enumerable() is not None
    return _by_node(path, columns, game) if blueprint else _by_name(columns)


def _columns(path: Path) -> dict[str, NDArray[Any]]:
    arrow = require_pyarrow()
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _COLUMNS}
    with opened(path) as (file, _):
        try:
            stored = arrow.parquet.ParquetFile(file)
            for batch in stored.iter_batches(1 << 18, columns=_COLUMNS):
                for name in _COLUMNS:
                    column = batch.column(name)
                    if arrow.types.is_dictionary(column.type):
                        column = column.dictionary_decode()
                    parts[name].append(column.to_numpy(zero_copy_only=False))
        except (arrow.ArrowException, OSError, KeyError) as error:
            raise UsageError(f"{path}: holds no strategy: {error}") from error
    if not parts["node"]:
        raise UsageError(f"{path}: is empty")
    return {name: np.concatenate(found) for name, found in parts.items()}


def _by_node(
    path: Path, columns: Mapping[str, NDArray[Any]], game: Game
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a blueprint: its lines go by street, the arrays by node."""
    expected = node_arrays(game)
    counts = expected["buckets"] * expected["actions"]
    order = np.lexsort((np.arange(len(columns["node"])), columns["bucket"], columns["node"]))
    line = columns["line"][order]
    if len(line) != counts.sum():
        raise UsageError(f"{path}: has {len(line):,} lines, {game.name} has {counts.sum():,}")
    first = np.cumsum(counts) - counts
    buckets = np.concatenate(
        [
            np.repeat(np.arange(each), actions)
            for each, actions in zip(expected["buckets"], expected["actions"], strict=True)
        ]
    )
    lines = np.array([text.decode() for text in expected["line"]], object)
    if not (
        np.array_equal(columns["bucket"][order], buckets)
        and np.array_equal(line, np.repeat(lines, counts))
    ):
        raise UsageError(
            f"{path}: has other nodes or buckets than {game.name} as configured; give the "
            "configuration that it was trained with"
        )
    probability = columns["probability"][order].astype(np.float64)
    actions = np.repeat(expected["actions"], counts)
    unknown = np.isnan(probability)
    probability[unknown] = 1.0 / actions[unknown]
    begin = np.concatenate(
        [
            each + np.arange(bucket) * count
            for each, bucket, count in zip(
                first, expected["buckets"], expected["actions"], strict=True
            )
        ]
    )
    visits = columns["visits"][order][begin].astype(np.float64)
    return expected | {"probability": probability, "visits": visits}


def _by_name(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a game whose infosets have names: an infoset's lines lie together."""
    names = columns["line"]
    begin = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1]]))
    offset = np.concatenate([begin, [len(names)]])
    probability = columns["probability"].astype(np.float64)
    count = np.repeat(np.diff(offset), np.diff(offset))
    unknown = np.isnan(probability)
    probability[unknown] = 1.0 / count[unknown]
    return {
        "name": names[begin],
        "offset": offset,
        "action": columns["action"],
        "probability": probability,
    }
