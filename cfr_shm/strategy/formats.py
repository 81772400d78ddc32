"""A strategy as a file of some format, or as arrays: which way fits which game."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.config.reader import nearest
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.memory.checkpoint import Checkpoint
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export import export_csv, export_npz, export_openspiel, infoset_arrays
from cfr_shm.strategy.export_blueprint import (
    blueprint_arrays,
    export_blueprint,
    require_few_entries,
)
from cfr_shm.strategy.origin import Origin

OPENSPIEL, NPZ, CSV, PARQUET = "openspiel", "npz", "csv", "parquet"
FORMATS = (OPENSPIEL, NPZ, CSV, PARQUET)


def is_streamed(game: Game, kind: str) -> bool:
    """Return whether a format is written from a checkpoint that stays on disk."""
    return kind == PARQUET and _is_blueprint(game)


def write_strategy(
    game: Game,
    checkpoint: Checkpoint,
    path: Path,
    kind: str,
    mean_iteration_weight: float,
    progress: Progress | None = None,
) -> None:
    """Write a checkpoint's average strategy to a file.

    Args:
        game: the game.
        checkpoint: its table, in memory or (``is_streamed``) where it was loaded from.
        path: the file; what is there is replaced.
        kind: one of ``FORMATS``.
        mean_iteration_weight: as ``export_npz`` takes it.
        progress: told how far it is, where it takes long.

    Raises:
        UsageError: there is no such format, or ``path`` cannot be written to.
        GameError: the game cannot be written in this format.
    """
    if kind not in FORMATS:
        raise UsageError(
            f"there is no format {kind!r}{nearest(kind, FORMATS)} (there are {', '.join(FORMATS)})"
        )
    origin = Origin(
        checkpoint.config, checkpoint.fingerprint, checkpoint.iterations, mean_iteration_weight
    )
    if is_streamed(game, kind):
        _stream(game, checkpoint, path, origin, progress)
        return
    strategy = Strategy.from_table(game, checkpoint.table)
    if kind == PARQUET:
        from cfr_shm.strategy.export_small_parquet import export_small_parquet

        export_small_parquet(game, strategy, path, origin)
    elif kind == OPENSPIEL:
        export_openspiel(game, strategy, path, origin=origin)
    elif kind == CSV:
        if _is_blueprint(game):
            require_few_entries(game)
        export_csv(game, strategy, path, mean_iteration_weight=mean_iteration_weight)
    else:
        write = export_blueprint if _is_blueprint(game) else export_npz
        write(game, strategy, path, mean_iteration_weight=mean_iteration_weight, origin=origin)


def arrays_of(
    game: Game, strategy: Strategy, mean_iteration_weight: float
) -> dict[str, NDArray[Any]]:
    """Return a strategy as the arrays that the format npz has, by name."""
    arrays = blueprint_arrays if _is_blueprint(game) else infoset_arrays
    return arrays(game, strategy, mean_iteration_weight)


def _stream(
    game: Game, checkpoint: Checkpoint, path: Path, origin: Origin, progress: Progress | None
) -> None:
    from cfr_shm.strategy.export_parquet import export_parquet
    from cfr_shm.strategy.row_sums import StoredSums, TableSums

    if checkpoint.path is None or len(checkpoint.rows):
        export_parquet(game, TableSums(checkpoint.table), path, origin, progress)
        return
    with checkpoint.open_rows() as file:
        export_parquet(game, StoredSums(file, checkpoint.compact), path, origin, progress)


def _is_blueprint(game: Game) -> bool:
    """Return whether a game has too many infosets to name each one."""
    return game.betting is not None and game.why_not_enumerable() is not None
