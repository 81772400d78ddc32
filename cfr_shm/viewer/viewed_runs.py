"""Runs and bundles that are shown: found by name, read when asked for, a few tables in memory.

Nothing is written and nothing is locked: a training that goes on in a directory never notices.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from cfr_shm.cards.evaluator import hand_rank_tables
from cfr_shm.config.load import load_config
from cfr_shm.config.sections import Config
from cfr_shm.config.smoothing_values import smoothing_of
from cfr_shm.errors import CfrShmError, UsageError
from cfr_shm.games.game import Game
from cfr_shm.games.holdem.dealing import deck_of, unbuilt_buckets
from cfr_shm.games.registry import load_game
from cfr_shm.layout.table import Table
from cfr_shm.memory.checkpoint import StoredCheckpoint
from cfr_shm.run.bundle import StoredBundle, stored_strategy
from cfr_shm.run.setup import mean_iteration_weight
from cfr_shm.storage.names import CHECKPOINTS
from cfr_shm.strategy.row_sums import RowSums, StoredSums, TableSums
from cfr_shm.strategy.smoothing import smoothed
from cfr_shm.viewer.computing import start
from cfr_shm.viewer.looked_at import LookedAt

#: Tables in memory at a time; one that is looked at beside another.
TABLES = 2

HOLDEM, LISTED, SPOT = "holdem", "listed", "spot"

Say = Callable[[str], None]


class NoSuchRunError(CfrShmError):
    """A run that is not shown, or that is no longer there."""


class NoSuchTableError(CfrShmError):
    """A table that is not there, or not any more."""


class TablesTakenError(CfrShmError):
    """All tables are taken."""


class NoBucketsError(CfrShmError):
    """A run whose card buckets have to be made first."""


class OpenedTable(NamedTuple):
    """A checkpoint's table, and what makes visits of its weights."""

    table: Table  # empty where it was left on disk
    sums: RowSums  # of the table, wherever it is
    iterations: int
    seconds: float
    mean_iteration_weight: float


class ViewedRun:
    """One run directory, or a bundle; threads may share it.

    Args:
        name: by which links name it.
        directory: as it was given.
        say: told what takes a while.

    Raises:
        UsageError: it is neither.
    """

    def __init__(self, name: str, directory: str, say: Say) -> None:
        stored = stored_strategy(directory)
        self.name, self.path = name, stored.path
        self.first_shown = stored.iterations  # of ``RUN@ITERATIONS``
        self._say = say
        self._building = threading.Lock()
        directories = (self.path, self.path / CHECKPOINTS)
        self._there = LookedAt(lambda: stored_strategy(self.path).checkpoints(), directories)

    @cached_property
    def config(self) -> Config:
        """The configuration."""
        stored = stored_strategy(self.path)
        if isinstance(stored, StoredBundle):
            return stored.load_config()
        # Spots too, which other readers of runs refuse.
        return load_config(stored.config_path)

    @property
    def game(self) -> Game:
        """The game, built when it is first asked for."""
        with self._building:
            return self._game

    @cached_property
    def _game(self) -> Game:
        self.check_buckets()
        return load_game(self.config.game, self._say, self.config.abstraction)

    @property
    def kind(self) -> str:
        """HOLDEM, LISTED or SPOT."""
        if self.config.spot.given:
            return SPOT
        return HOLDEM if self.config.game.name == "holdem" else LISTED

    def check_there(self) -> None:
        """Refuse a run that was removed meanwhile.

        Raises:
            NoSuchRunError: says so.
        """
        try:
            self._there.get()
        except UsageError as error:
            raise NoSuchRunError(f"{error}; it was there when the viewer was started") from None

    def check_buckets(self) -> None:
        """Refuse a run whose card buckets are not there: making them would take all cores.

        Raises:
            NoBucketsError: says what makes them.
        """
        if self.kind != HOLDEM or "_game" in self.__dict__:
            return
        path = unbuilt_buckets(self.config.game, self.config.abstraction)
        if path is not None:
            raise NoBucketsError(
                f"{self.path}: its card buckets are not there ({path}); "
                f"'cfr-shm show {self.path}' makes them, which takes a minute or two"
            )

    def checkpoints(self) -> list[StoredCheckpoint]:
        """Return the checkpoints that can be read, oldest first."""
        found = self._there.get()
        if self.kind == SPOT:  # whose tables have manifests of another kind
            return found
        return [each for each in found if each.sequence is not None]

    def newest_kept(self) -> int | None:
        """Return the newest checkpoint's iterations where nothing has to be read for it."""
        readable = [each for each in self._there.kept() or () if each.sequence is not None]
        return readable[-1].iterations if readable else None

    def open_table(self, iterations: int | None) -> OpenedTable:
        """Read a checkpoint: that of so many iterations, or the newest.

        Raises:
            CfrShmError: it is not there, damaged, too large, or another run's.
        """
        wanted = str(self.path) if iterations is None else f"{self.path}@{iterations}"
        config, game, stored = self.config, self.game, stored_strategy(wanted)
        smoothing = smoothing_of(config.run)
        read = stored.reads(game) or smoothing.passes > 0
        found = stored.load_checkpoint(config, game, self._say, in_memory=read)
        found = smoothed(game, found, smoothing)
        sums = TableSums(found.table) if read else StoredSums(found.open_rows(), found.compact)
        mean = mean_iteration_weight(config, found.iterations)
        return OpenedTable(found.table, sums, found.iterations, found.seconds, mean)

    def read_table(self, iterations: int) -> Table:
        """Read a checkpoint's table into memory, also where it is looked at on disk.

        Raises:
            CfrShmError: as of ``open_table``.
        """
        stored = stored_strategy(f"{self.path}@{iterations}")
        return stored.load_checkpoint(self.config, self.game, self._say, in_memory=True).table


class Told(NamedTuple):
    """What was told last, and when."""

    text: str
    moment: float  # monotonic


class ViewedRuns:
    """All runs that are shown, and the tables that were looked at last.

    Args:
        directories: of the runs.
        say: told what takes a while.

    Raises:
        UsageError: one of them is no run directory.
    """

    def __init__(self, directories: Sequence[str], say: Say) -> None:
        self.runs: dict[str, ViewedRun] = {}
        self.told = Told("", time.monotonic())
        self.prepared = threading.Event()  # what ``prepare`` begins is done, or cannot be
        self._say = self.noting(say)
        for directory in directories:
            name = self._free_name(directory)
            self.runs[name] = ViewedRun(name, directory, self._say)
        self._tables: OrderedDict[tuple[str, int], OpenedTable] = OrderedDict()
        self._reading = threading.Lock()

    def noting(self, say: Say) -> Say:
        """Return what tells, and keeps what it tells for whoever waits meanwhile."""

        def tell(text: str) -> None:
            self.told = Told(text, time.monotonic())
            say(text)

        return tell

    def named(self, name: str) -> ViewedRun:
        """Return a run that is still there.

        Raises:
            NoSuchRunError: there is none of the name, or it was removed.
        """
        run = self.runs.get(name)
        if run is None:
            raise NoSuchRunError(f"no run {name[:80]!r} is shown here; choose one of the list")
        run.check_there()
        return run

    def table(self, run: ViewedRun, iterations: int | None) -> OpenedTable:
        """Return a checkpoint's table, from memory if it was read lately; of None, the newest."""
        if iterations is None:
            kept = run.checkpoints()
            iterations = kept[-1].iterations if kept else None
        with self._reading:
            known = None if iterations is None else self._tables.get((run.name, iterations))
            if known is not None and iterations is not None:
                self._tables.move_to_end((run.name, iterations))
                return known
            while len(self._tables) >= TABLES:  # before the next needs its memory
                self._tables.popitem(last=False)
            found = run.open_table(iterations)
            self._tables[run.name, found.iterations] = found
            return found

    def prepare(self) -> None:
        """Begin to build the first run's game, which the first page waits for.

        Whose buckets are missing is said; what else is wrong with a run to who asks for it.
        """
        first = next(iter(self.runs.values()))

        def build() -> None:
            try:
                if first.kind != SPOT:
                    self.table(first, first.first_shown)
            except (CfrShmError, OSError, MemoryError):
                pass
            finally:
                self.prepared.set()

        def rank() -> None:
            # Reading and digesting buckets is not Python's: the ranks come for nothing meanwhile.
            with contextlib.suppress(CfrShmError, OSError, MemoryError):
                deck = deck_of(first.config.game, first.config.abstraction)
                if first.kind == HOLDEM and deck is not None:
                    hand_rank_tables(deck)

        def tell() -> None:
            for run in self.runs.values():
                try:
                    run.check_buckets()
                except NoBucketsError as error:
                    self._say(str(error))
                except (CfrShmError, OSError):
                    pass

        start(build)
        start(rank)
        start(tell)

    def documents(self) -> list[dict[str, Any]]:
        """Return every run as JSON."""
        return [self._document(run) for run in self.runs.values()]

    def _document(self, run: ViewedRun) -> dict[str, Any]:
        known: dict[str, Any] = {"run": run.name, "path": str(run.path), "problem": None}
        try:
            run.check_there()
            known |= {
                "kind": run.kind,
                "game": run.config.game.name,
                "checkpoints": sorted({each.iterations for each in run.checkpoints()}),
                "shown": run.first_shown,
            }
            run.check_buckets()
        except NoBucketsError as error:
            known["problem"] = str(error)
        except CfrShmError as error:
            known |= {"kind": None, "game": None, "checkpoints": [], "shown": None}
            known["problem"] = str(error)
        return known

    def _free_name(self, directory: str) -> str:
        plain, _, _ = directory.rpartition("@")
        stem = Path(directory).resolve().name
        if plain and not Path(directory).exists():
            stem = Path(plain).resolve().name
        stem = stem or "run"
        name, count = stem, 1
        while name in self.runs:
            count += 1
            name = f"{stem}~{count}"
        return name
