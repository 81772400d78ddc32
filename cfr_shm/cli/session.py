"""What several commands share: running a training, loading a strategy, printing.

Data goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cfr_shm.cli.flags import RANKS
from cfr_shm.cli.output import drawing
from cfr_shm.config.load import located
from cfr_shm.config.sections import Config
from cfr_shm.config.smoothing_values import UNSMOOTHED, Smoothing, smoothing_of
from cfr_shm.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_RUNTIME,
    ConfigError,
    GameError,
    UsageError,
)
from cfr_shm.run.signals import StopRequested, StopSignals, interrupts_held
from cfr_shm.telemetry.plain_text import plain_line

if TYPE_CHECKING:
    from cfr_shm.config.reader import Setting
    from cfr_shm.games.game import Game
    from cfr_shm.layout.table import Table
    from cfr_shm.memory.checkpoint import Checkpoint
    from cfr_shm.ranks.world import World
    from cfr_shm.strategy.average import Strategy
    from cfr_shm.strategy.row_sums import RowSums
    from cfr_shm.strategy.table import TableStrategy
    from cfr_shm.telemetry.events import Event, Listener


@contextlib.contextmanager
def agreed_by_ranks(
    command: str, given: Sequence[Setting], overrides: Sequence[str], source: str | None = None
) -> Iterator[World | None]:
    """Do what comes before a run, at all ranks or at none: a file may be missing at one of them.

    Args:
        command: that all ranks must have been started by.
        given: on the command line.
        overrides: by ``--set``.
        source: the configuration file of a run that begins, which may say ``ranks: mpi`` too.

    Yields:
        The ranks, None where nobody said ``mpi``.
    """
    said = _says_mpi(given, overrides, source)
    with contextlib.ExitStack() as held:
        # A rank that left between MPI's start and here would wait for the others in leaving.
        held.enter_context(interrupts_held())
        world = _world_to_agree(said)
        if world is None:
            held.close()
            yield None
            return
        with _ending_everywhere(world):
            held.close()
            yield from _agreed(command, world, said)


def _agreed(command: str, world: World, said: bool | None) -> Iterator[World]:
    """Yield the ranks when they have the same command and, or none, the same to do."""
    from cfr_shm.ranks.world import open_world
    from cfr_shm.run.ranked import refuse_other_commands, together

    with together(world):
        refuse_other_commands(command, world)
    with together(world):
        if said is False:
            open_world("none")  # refuses several copies, as it does where there is no MPI
        yield world


def _says_mpi(
    given: Sequence[Setting], overrides: Sequence[str], source: str | None
) -> bool | None:
    """Return whether ``ranks: mpi`` is said, None where the file that may say it is unreadable."""
    from cfr_shm.config.load import said

    told = [each.text for each in given if each.key == RANKS]
    if told:
        return told[-1] == "mpi"
    if f"{RANKS}=mpi" in overrides:
        return True
    if source is None:
        return False
    try:
        return said(RANKS, source, os.environ, overrides, given) == "mpi"
    except ConfigError:
        return None


def _world_to_agree(said: bool | None) -> World | None:
    """Return the ranks with which to agree, None where there are none to agree with.

    Of several copies none knows what a file says to the others, which may lie on one machine only:
    they come together wherever MPI is, and be it to be refused.
    """
    from cfr_shm.ranks.launchers import copies_started
    from cfr_shm.ranks.world import open_world

    if said:
        return open_world("mpi")
    if copies_started(os.environ) is None:
        return None
    try:
        return open_world("mpi")
    except UsageError:
        return None


def run_session(
    config: Config,
    path: Path,
    *,
    resume: Checkpoint | None,
    json_output: bool,
    world: World | None = None,
) -> int:
    """Train and print the result on stdout, a few lines or one JSON document; return the code.

    Of several ranks, ``world`` if they are known already, the first prints, and names the run
    directory.
    """
    with StopSignals() as signals:
        from cfr_shm.ranks.world import open_world

        world = open_world(config.engine.ranks) if world is None else world
        with _ending_everywhere(world), _display(config, world, json_output) as show:
            from cfr_shm.run.train import train

            path = Path(world.texts(str(path))[0])
            summary = train(config, path, resume=resume, report=show, signals=signals, world=world)
            world.wait_for_the_end()
        if json_output and world.rank == 0:
            print_json(summary)
        if summary["moved_to"] is not None:
            return EXIT_RUNTIME
        return signals.exit_code if summary["status"] == "interrupted" else EXIT_OK


@contextlib.contextmanager
def _display(config: Config, world: World, json_output: bool) -> Iterator[Listener]:
    """Show what happens, until the run is over; at other ranks than the first what is wrong."""
    from cfr_shm.telemetry.events import Warned
    from cfr_shm.telemetry.live import choose_display

    if (rank := world.rank) > 0:
        yield (
            lambda event: say(f"rank {rank}: {event.text}") if isinstance(event, Warned) else None
        )
        return
    results = sys.stderr if json_output else sys.stdout
    display = choose_display(drawing(sys.stderr), config.run.loglevel, results=results)

    def show(event: Event) -> None:
        with contextlib.suppress(OSError):  # a closed terminal ends no run
            display(event)

    try:
        yield show
    finally:
        with contextlib.suppress(OSError):
            display.close()


@contextlib.contextmanager
def _ending_everywhere(world: World) -> Iterator[None]:
    """End all ranks where one fails and the others do not know: they would wait for it forever."""
    rank = world.rank
    try:
        yield
    except BaseException as error:
        if world.size == 1 or getattr(error, "agreed", False):
            raise
        if isinstance(error, StopRequested):
            say(f"cfr-shm: error: rank {rank}: {error}")
            world.abort(128 + error.signal_number)
        if isinstance(error, KeyboardInterrupt):
            say(f"cfr-shm: error: rank {rank}: {error or 'interrupted'}")
            number = getattr(error, "signal_number", None)
            world.abort(128 + number if number else EXIT_INTERRUPTED)
        say(f"cfr-shm: error: rank {rank}: {type(error).__name__}: {error}")
        world.abort(getattr(error, "exit_code", EXIT_RUNTIME))


@contextlib.contextmanager
def named_places(
    source: str | None, overrides: Sequence[str], flags: Sequence[Setting]
) -> Iterator[None]:
    """Say in errors about a key of the configuration where it was set, file and line."""
    try:
        yield
    except (ConfigError, GameError) as error:
        message = located(str(error), source, os.environ, overrides, flags)
        raise type(error)(message) from None


class StoredTable(NamedTuple):
    """The table of a run's newest checkpoint, and where it comes from."""

    config: Config
    game: Game
    checkpoint: Checkpoint
    table: Table  # empty where it was left on disk

    @property
    def sums(self) -> RowSums:
        """The table's strategy sums, wherever they are."""
        from cfr_shm.strategy.row_sums import StoredSums, TableSums

        if len(self.table.regret):
            return TableSums(self.table)
        return StoredSums(self.checkpoint.open_rows(), self.checkpoint.compact)


class StoredStrategy(NamedTuple):
    """The strategy of a run's newest checkpoint, and where it comes from."""

    config: Config
    game: Game
    checkpoint: Checkpoint
    strategy: Strategy
    name: str = ""  # what reports call it; empty: by run and iterations


def load_table(
    directory: str,
    in_memory: Callable[[Game], bool] | None = None,
    smoothing: Smoothing | None = None,
) -> StoredTable:
    """Return the table of a run's checkpoint: of the newest, or of that which ``@N`` names.

    Args:
        directory: the run, or ``RUN@ITERATIONS``, or several, ``RUN+RUN``, whose sum is returned.
        in_memory: whether the table of a game is read, or stays on disk
            (``Checkpoint.open_rows``) and the one that is returned is empty; None reads runs'
            tables, and leaves blueprints in bundles where they lie. What is smoothed or summed is
            read.
        smoothing: how (``strategy.smoothing``); None: as the run's configuration says, of a sum
            as the first run's does. A sum is smoothed, not its parts.

    Raises:
        UsageError: there is no run, or no such checkpoint, or runs of several games.
        CheckpointError: it has no usable checkpoint.
        GameError: it cannot be smoothed.
    """
    from cfr_shm.strategy.smoothing import smoothed
    from cfr_shm.strategy.sums import runs_of, summed

    runs = runs_of(directory)
    if len(runs) == 1:
        return _load_table(directory, in_memory, smoothing)
    loaded = [_load_table(each, lambda _: True, UNSMOOTHED) for each in runs]
    _require_one_game(runs, loaded)
    config, game = loaded[0].config, loaded[0].game
    checkpoint = summed(game, [each.checkpoint for each in loaded], directory)
    how = smoothing_of(config.run) if smoothing is None else smoothing
    checkpoint = smoothed(game, checkpoint, how)
    return StoredTable(config, game, checkpoint, checkpoint.table)


def _require_one_game(runs: Sequence[str], loaded: Sequence[StoredTable]) -> None:
    """Refuse to sum strategies whose rows are not the same places.

    Raises:
        UsageError: names the first thing that differs.
    """
    from cfr_shm.config.identity import differences

    for run, each in zip(runs[1:], loaded[1:], strict=True):
        other = differences(loaded[0].config, each.config)
        other = [key for key in other if key.startswith(("game.", "abstraction."))]
        files = {found.game.bucket_file for found in (loaded[0], each)}
        if not other and len({file.fingerprint for file in files if file is not None}) > 1:
            other = ["their card buckets"]
        if other:
            raise UsageError(
                f"{runs[0]} and {run} are not of one game, and cannot be summed: {other[0]}"
            )


def _load_table(
    directory: str, in_memory: Callable[[Game], bool] | None, smoothing: Smoothing | None
) -> StoredTable:
    from cfr_shm.games.registry import load_game
    from cfr_shm.kernels.warm import compile_kernels_of_readers
    from cfr_shm.run.bundle import stored_strategy
    from cfr_shm.strategy.smoothing import smoothed

    stored = stored_strategy(directory)
    config = stored.load_config()
    how = smoothing_of(config.run) if smoothing is None else smoothing
    game = load_game(config.game, say, config.abstraction)
    compile_kernels_of_readers(say, config.table.compact)
    read = stored.reads(game) if in_memory is None else in_memory(game)
    checkpoint = stored.load_checkpoint(config, game, warn, in_memory=read or how.passes > 0)
    checkpoint = smoothed(game, checkpoint, how)
    return StoredTable(config, game, checkpoint, checkpoint.table)


def load_strategy(directory: str, smoothing: Smoothing | None = None) -> StoredStrategy:
    """Return the average strategy of a run's checkpoint: of the newest, or as ``@N`` names it.

    Args:
        directory: the run, or ``RUN@ITERATIONS``, or the sum of several, ``RUN+RUN``.
        smoothing: as ``load_table`` takes it.

    Raises:
        UsageError: there is no run, or no such checkpoint.
        CheckpointError: it has no usable checkpoint.
    """
    from cfr_shm.strategy.average import Strategy
    from cfr_shm.strategy.sums import runs_of

    stored = load_table(directory, lambda _: True, smoothing)
    strategy = Strategy.from_table(stored.game, stored.table)
    name = directory if len(runs_of(directory)) > 1 else ""
    return StoredStrategy(stored.config, stored.game, stored.checkpoint, strategy, name)


def public_strategy(stored: StoredStrategy) -> TableStrategy:
    """Return a stored strategy as ``strategy.public`` wants it, named by run and iterations.

    Raises:
        GameError: the game is not hold'em.
    """
    from cfr_shm.strategy.table import TableStrategy

    return TableStrategy(name_of(stored), stored.game, stored.strategy)


def name_of(stored: StoredStrategy) -> str:
    """Return what reports call a stored strategy: by run and iterations, or by its file."""
    from cfr_shm.run.bundle import home_of

    checkpoint = stored.checkpoint
    run = "run" if checkpoint.path is None else home_of(checkpoint.path).name
    return stored.name or f"{run}@{checkpoint.iterations}"


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(document, indent=2, allow_nan=False).replace("\x7f", "\\u007f"))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of data on stdout."""
    for line in lines:
        print(plain_line(line))


def say(text: str) -> None:
    """Print what happens on stderr."""
    with contextlib.suppress(OSError):  # a closed terminal ends nothing
        print(plain_line(text), file=sys.stderr, flush=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    say(f"cfr-shm: warning: {text}")
