"""Strategies that were exported, read back: npz, parquet, and OpenSpiel policies.

What is read is never trusted: nothing is unpickled, every infoset must be there with the actions
that the game has, and probabilities must be some.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.config.values import settings_from
from cfr_shm.errors import ConfigError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.storage.documents import DocumentError, parse_document, read_document
from cfr_shm.storage.files import is_file, opened
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export_blueprint import entry_index, node_arrays, row_index
from cfr_shm.strategy.read_parquet import parquet_arrays, parquet_origin

NPZ, PARQUET, OPENSPIEL = ".npz", ".parquet", ".json"

#: The endings of files that are read back.
EXPORTS = (NPZ, PARQUET, OPENSPIEL)

#: An OpenSpiel policy of more bytes is refused.
MOST_JSON_BYTES = 1 << 30

#: What probabilities of an infoset may add up to, but for one.
_TOLERANCE = 1e-3


class Exported(NamedTuple):
    """An exported file: what it says of itself, and its strategy, not yet compared with a game."""

    path: Path
    kind: str  # NPZ, PARQUET or OPENSPIEL
    origin: Mapping[str, Any]  # empty where the file is older
    content: Any  # arrays by name (NPZ), a policy (OPENSPIEL), None (PARQUET)


def names_export(text: str) -> bool:
    """Tell whether a text names an exported file, by its ending."""
    path = Path(text)
    return path.suffix.lower() in EXPORTS and is_file(path)


def read_export(path: Path) -> Exported:
    """Read an exported file.

    Raises:
        UsageError: it is none.
    """
    kind = path.suffix.lower()
    try:
        if kind == NPZ:
            arrays = _arrays(path)
            return Exported(path, kind, _origin(arrays), arrays)
        if kind == PARQUET:
            return Exported(path, kind, parquet_origin(path), None)
        document = read_document(path, MOST_JSON_BYTES)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"{path}: cannot be read as a strategy: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("policy"), dict):
        raise UsageError(f"{path}: is no OpenSpiel policy as 'export --format openspiel' writes")
    origin = document.get("origin", {})
    return Exported(path, kind, origin if isinstance(origin, dict) else {}, document["policy"])


def config_of(found: Exported) -> Config:
    """Return the configuration that an exported file carries.

    Raises:
        UsageError: it carries none: it is of an older version.
    """
    config = found.origin.get("config")
    if not isinstance(config, dict):
        raise UsageError(
            f"{found.path}: does not say which game it is of, for it is of an older version; give "
            "its configuration with -c"
        )
    try:
        known = {key: value for key, value in config.items() if isinstance(value, dict)}
        return load_config(flags=list(settings_from(known, "config")))
    except ConfigError as error:
        raise UsageError(f"{found.path}: its configuration cannot be used: {error}") from None


def strategy_of_export(found: Exported, game: Game) -> Strategy:
    """Return the strategy of an exported file, as a table of ``game`` has it.

    Raises:
        UsageError: it is of another tree, other infosets or other buckets, or says nonsense.
    """
    _refuse_other_buckets(found, game)
    content = parquet_arrays(found.path, game) if found.kind == PARQUET else found.content
    by_node = found.kind == PARQUET or (found.kind == NPZ and "first_infoset" in content)
    if by_node and game.betting is not None and game.why_not_enumerable() is not None:
        return _of_nodes(found.path, content, game)
    if by_node and found.kind == NPZ:
        raise UsageError(f"{found.path}: is a blueprint of hold'em; {game.name} is another game")
    policy = found.content if found.kind == OPENSPIEL else _policy_of(found.path, content)
    return _of_names(found.path, policy, game)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with opened(path) as (file, _), np.load(file, allow_pickle=False) as store:
        if not isinstance(store, np.lib.npyio.NpzFile):
            raise UsageError(f"{path}: is no npz archive")
        return {name: store[name] for name in store.files}


def _origin(arrays: Mapping[str, NDArray[Any]]) -> Mapping[str, Any]:
    """Return what an archive says of itself; of older ones the buckets only."""
    told = arrays.get("origin")
    if told is not None:
        try:
            found = parse_document(str(told.reshape(-1)[0]).encode())
        except (DocumentError, IndexError) as error:
            raise UsageError(f"origin: is no JSON: {error}") from None
        return found if isinstance(found, dict) else {}
    buckets = arrays.get("buckets_fingerprint")
    return {} if buckets is None else {"buckets_fingerprint": str(buckets.reshape(-1)[0])}


def _refuse_other_buckets(found: Exported, game: Game) -> None:
    theirs = found.origin.get("buckets_fingerprint", "")
    ours = "" if game.bucket_file is None else game.bucket_file.fingerprint
    if isinstance(theirs, str) and theirs != ours and (theirs or found.origin):
        raise UsageError(
            f"{found.path}: was made with the card buckets {theirs[:16] or '(none)'}, the game has "
            f"{ours[:16] or '(none)'}; name the file of its own with -c and abstraction.buckets"
        )


def _of_nodes(path: Path, arrays: Mapping[str, NDArray[Any]], game: Game) -> Strategy:
    """Return the strategy of a blueprint, whose tree must be the game's."""
    expected = node_arrays(game)
    for name in ("line", "seat", "street", "buckets", "actions", "move"):
        if name not in arrays or not np.array_equal(arrays[name], expected[name]):
            raise UsageError(
                f"{path}: has another betting tree than {game.name} as configured (its {name} "
                "differs); give the configuration that it was trained with"
            )
    probability, weight = np.zeros(game.table_entries), np.zeros(game.table_entries)
    entries, rows = entry_index(game), row_index(game)
    counts = np.repeat(expected["actions"], expected["buckets"])
    probability[entries] = _checked(path, arrays, counts)
    weight[rows] = arrays["visits"]
    return Strategy(probability, weight)


def _checked(
    path: Path, arrays: Mapping[str, NDArray[Any]], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return probabilities whose rows, of so many actions, sum to 1."""
    for name, size in (("probability", counts.sum()), ("visits", len(counts))):
        if name not in arrays or arrays[name].shape != (size,) or arrays[name].dtype.kind != "f":
            raise UsageError(f"{path}: has not {size:,} numbers in {name}")
    found: NDArray[np.float64] = arrays["probability"].astype(np.float64)
    row = np.repeat(np.arange(len(counts)), counts)
    with np.errstate(invalid="ignore"):
        total = np.bincount(row, weights=found, minlength=len(counts))
        wrong = ~(np.abs(total - 1.0) <= _TOLERANCE)
        wrong[row[~(found >= 0.0)]] = True
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise UsageError(
            f"{path}: infoset {where} has no probabilities: {found[row == where].tolist()}"
        )
    total[np.abs(total - 1.0) < 1e-12] = 1.0  # rounding: what was exported comes back as it was
    return found / total[row]


def _policy_of(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, float]]:
    """Return the policy of an archive whose infosets have names."""
    try:
        names, offset = arrays["name"].tolist(), arrays["offset"].tolist()
        actions, shares = arrays["action"].tolist(), arrays["probability"].tolist()
    except KeyError as error:
        raise UsageError(f"{path}: holds no strategy: there is no array {error}") from None
    if len(offset) != len(names) + 1:
        raise UsageError(f"{path}: has {len(names)} names and {len(offset)} offsets")
    return {
        name: dict(zip(map(str, actions[first:last]), shares[first:last], strict=True))
        for name, first, last in zip(names, offset[:-1], offset[1:], strict=True)
    }


def _of_names(path: Path, policy: Mapping[str, Any], game: Game) -> Strategy:
    """Return the strategy that a policy by names of infosets is."""
    probability, weight = np.zeros(game.table_entries), np.zeros(game.table_entries)
    for label in game.infosets():
        said = policy.get(label.name)
        expected = [str(action) for action in label.actions]
        if not isinstance(said, dict) or set(said) != set(expected):
            found = "nothing" if said is None else f"actions {', '.join(map(str, said))[:60]}"
            raise UsageError(
                f"{path}: says {found} of {game.name}'s infoset {label.name[:60]!r}, which has the "
                f"actions {', '.join(expected)}"
            )
        shares = [said[action] for action in expected]
        numbers = all(isinstance(each, int | float) and each >= 0.0 for each in shares)
        if not numbers or not abs(sum(shares) - 1.0) <= _TOLERANCE:
            raise UsageError(f"{path}: infoset {label.name[:60]!r} has no probabilities: {shares}")
        entries = slice(label.row, label.row + len(shares))
        probability[entries] = np.array(shares) / sum(shares)
        weight[label.row] = 1.0
    return Strategy(probability, weight)
