"""The one door to strategies that a user names: runs, bundles, exported files, Python functions.

``open_strategy`` opens any of them for whoever looks at hold'em; ``load_players`` several for a
match, and ``load_source`` those that have rows, of every game.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cfr_shm.cli.session import (
    StoredStrategy,
    load_strategy,
    name_of,
    public_strategy,
    say,
)
from cfr_shm.errors import UsageError

if TYPE_CHECKING:
    from cfr_shm.config.sections import Config
    from cfr_shm.config.smoothing_values import Smoothing
    from cfr_shm.games.game import Game
    from cfr_shm.memory.checkpoint import Checkpoint
    from cfr_shm.strategy.listed import ListedStrategy
    from cfr_shm.strategy.public import PublicStrategy


class Opened(NamedTuple):
    """A hold'em strategy of any kind, and where it comes from."""

    stored: StoredStrategy  # of a function: of no rows
    strategy: PublicStrategy


def open_strategy(
    source: str, config: str | None = None, smoothing: Smoothing | None = None
) -> Opened:
    """Return a hold'em strategy as ``strategy.public`` wants it.

    Args:
        source: a run, ``RUN@ITERATIONS``, a bundle, an exported file, or ``FILE.py:FUNCTION``.
        config: names the game where nobody else does.
        smoothing: how it is smoothed; None: as the run's configuration says.

    Raises:
        UsageError: it is none of these, or of another game than it should be, or what cannot be
            smoothed is to be.
        CheckpointError: a run without a usable checkpoint.
        GameError: the game is not hold'em, or there is no such function.
    """
    if names_function(source):
        refuse_smoothing(source, smoothing)
        return Opened(*load_function(source, config))
    stored = load_source(source, config, smoothing)
    return Opened(stored, public_strategy(stored))


def names_function(source: str) -> bool:
    """Tell whether a text names a function, ``FILE.py:FUNCTION``."""
    from cfr_shm.games.imported.user_game import names_user_game

    return names_user_game(source)


def load_source(
    source: str, config: str | None, smoothing: Smoothing | None = None
) -> StoredStrategy:
    """Return the strategy of a run or of an exported file.

    Args:
        source: a run, or a file.
        config: names the game where the file does not.
        smoothing: how it is smoothed; None: as the run's configuration says.

    Raises:
        UsageError: it is neither, or is of another game than it should be, or a file that is to
            be smoothed.
        CheckpointError: a run without a usable checkpoint.
        GameError: it cannot be smoothed.
    """
    from cfr_shm.strategy.exported import config_of, names_export, read_export, strategy_of_export

    if not names_export(source):
        _refuse_what_is_no_run(source)
        return load_strategy(source, smoothing)
    refuse_smoothing(source, smoothing)
    found = read_export(Path(source))
    chosen = config_of(found) if config is None else _config(config)
    game = _game(chosen)
    strategy = strategy_of_export(found, game)
    iterations = found.origin.get("iterations", 0)
    count = int(iterations) if str(iterations).isdecimal() else 0
    checkpoint = _no_checkpoint(source, chosen, count)
    return StoredStrategy(chosen, game, checkpoint, strategy, Path(source).name)


def _refuse_what_is_no_run(source: str) -> None:
    """Refuse a file that is no strategy, or is not there, by what its name says it should be.

    Raises:
        UsageError: says what is expected.
    """
    from cfr_shm.storage.files import exists, is_file
    from cfr_shm.strategy.exported import EXPORTS

    path, kinds = Path(source), ", ".join(EXPORTS)
    if path.suffix.lower() == ".py":
        raise UsageError(f"{source}: name the function that plays too, {source}:FUNCTION")
    if is_file(path):
        raise UsageError(
            f"{source}: is a file, and no exported strategy by its name, which ends in {kinds}; "
            "export the run again, or name its directory"
        )
    if path.suffix.lower() in EXPORTS and not exists(path):
        raise UsageError(f"{source}: there is no such file")


def refuse_smoothing(source: str, smoothing: Smoothing | None) -> None:
    """Refuse to smooth what is no run.

    Raises:
        UsageError: says why.
    """
    if smoothing is not None:
        raise UsageError(
            f"--smooth is for runs and bundles, and {source} plays as it was written; export the "
            "run again with --smooth, or leave it out"
        )


def load_players(
    sources: Sequence[str], config: str | None, smoothing: Sequence[Smoothing | None] = ()
) -> list[PublicStrategy | ListedStrategy]:
    """Return the strategies of a match; functions play the game of the first other strategy.

    Those of other games than hold'em are known by their rows alone.

    Args:
        sources: runs, files, functions.
        config: names the game where nobody else does.
        smoothing: of each source, as ``load_source`` takes it; of no more: None.

    Raises:
        UsageError: nobody says which game a function plays; or as ``load_source``.
    """
    how = [*smoothing, *[None] * (len(sources) - len(smoothing))]
    for source, each in zip(sources, how, strict=True):
        if names_function(source):
            refuse_smoothing(source, each)
    tables: dict[int, PublicStrategy | ListedStrategy] = {
        number: _player(source, config, how[number])
        for number, source in enumerate(sources)
        if not names_function(source)
    }
    if len(tables) == len(sources):
        return list(tables.values())
    game = _game(_needed(config)) if config or not tables else next(iter(tables.values())).game
    return [
        tables[number] if number in tables else _function(source, game)
        for number, source in enumerate(sources)
    ]


def _player(
    source: str, config: str | None, smoothing: Smoothing | None
) -> PublicStrategy | ListedStrategy:
    """Return a run or a file as a player, named by how it is smoothed if it is."""
    from cfr_shm.strategy.listed import ListedStrategy
    from cfr_shm.strategy.table import TableStrategy

    stored = load_source(source, config, smoothing)
    if stored.game.betting is None:
        return ListedStrategy(name_of(stored), stored.game, stored.strategy.probability)
    found = public_strategy(stored)
    if smoothing is None or not smoothing.passes:
        return found
    return TableStrategy(f"{found.name}, smoothed {smoothing}", stored.game, stored.strategy)


def load_function(source: str, config: str | None) -> tuple[StoredStrategy, PublicStrategy]:
    """Return a function as a strategy, and what stands for the run that it is not of.

    Raises:
        UsageError: there is no ``config``, which says what game it plays.
        GameError: there is no such function, or the game is not hold'em.
    """
    import numpy as np

    from cfr_shm.strategy.average import Strategy

    chosen = _needed(config)
    game = _game(chosen)
    nothing = Strategy(np.zeros(0), np.zeros(0))
    checkpoint = _no_checkpoint(source, chosen, 0)
    stored = StoredStrategy(chosen, game, checkpoint, nothing, source)
    return stored, _function(source, game)


def _function(source: str, game: Game) -> PublicStrategy:
    from cfr_shm.strategy.function_strategy import FunctionStrategy

    return FunctionStrategy(source, game)


def _needed(config: str | None) -> Config:
    if config is None:
        raise UsageError(
            "a function plays whatever game it is told to: name the game's configuration with -c"
        )
    return _config(config)


def _config(named: str) -> Config:
    from cfr_shm.config.load import load_config

    return load_config(named)


def _game(config: Config) -> Game:
    from cfr_shm.games.registry import load_game
    from cfr_shm.kernels.warm import compile_kernels_of_readers

    game = load_game(config.game, say, config.abstraction)
    compile_kernels_of_readers(say, config.table.compact)
    return game


def _no_checkpoint(source: str, config: Config, iterations: int) -> Checkpoint:
    """Return what stands for the checkpoint of a strategy that has none."""
    import numpy as np

    from cfr_shm.config.identity import fingerprint
    from cfr_shm.config.sections import to_dict
    from cfr_shm.memory.checkpoint import Checkpoint

    return Checkpoint(
        fingerprint=fingerprint(config),
        config=to_dict(config),
        completed=(),
        iterations=iterations,
        nodes=0,
        utility_sums=(),
        seconds=0.0,
        rows=np.empty(0),
        path=Path(source),
    )
