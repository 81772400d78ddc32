"""A strategy as a file of some format, or as arrays: which way fits which game."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cfr_shm.config.reader import nearest
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.export import export_csv, export_npz, export_openspiel, infoset_arrays
from cfr_shm.strategy.export_blueprint import (
    blueprint_arrays,
    export_blueprint,
    require_few_entries,
)

OPENSPIEL, NPZ, CSV = "openspiel", "npz", "csv"
FORMATS = (OPENSPIEL, NPZ, CSV)


def write_strategy(
    game: Game, strategy: Strategy, path: Path, kind: str, mean_iteration_weight: float
) -> None:
    """Write a strategy to a file.

    Args:
        game: the game.
        strategy: its strategy.
        path: the file; what is there is replaced.
        kind: one of ``FORMATS``.
        mean_iteration_weight: as ``export_npz`` takes it.

    Raises:
        UsageError: there is no such format, or ``path`` cannot be written to.
        GameError: the game cannot be written in this format.
    """
    if kind not in FORMATS:
        raise UsageError(
            f"there is no format {kind!r}{nearest(kind, FORMATS)} (there are {', '.join(FORMATS)})"
        )
    if kind == OPENSPIEL:
        export_openspiel(game, strategy, path)
        return
    write = export_npz if kind == NPZ else export_csv
    if _is_blueprint(game):
        if kind == CSV:
            require_few_entries(game)
        else:
            write = export_blueprint
    write(game, strategy, path, mean_iteration_weight=mean_iteration_weight)


def arrays_of(
    game: Game, strategy: Strategy, mean_iteration_weight: float
) -> dict[str, NDArray[Any]]:
    """Return a strategy as the arrays that the format npz has, by name."""
    arrays = blueprint_arrays if _is_blueprint(game) else infoset_arrays
    return arrays(game, strategy, mean_iteration_weight)


def _is_blueprint(game: Game) -> bool:
    """Return whether a game has too many infosets to name each one."""
    return game.betting is not None and game.why_not_enumerable() is not None
