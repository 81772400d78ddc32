"""Tables at which visitors of the page play: few, in memory, gone when nobody comes back.

A table is known by a name that nobody can guess, so that nobody else reads its cards. What is
played there changes no run.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from cfr_shm.errors import UsageError
from cfr_shm.evaluation.action_values import ActionValues
from cfr_shm.evaluation.resolved_strategy import Resolution
from cfr_shm.play.valued_hand import values_of
from cfr_shm.spots.spot_kernels import make_spot_kernels_ready
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.public import PublicStrategy
from cfr_shm.strategy.table import TableStrategy
from cfr_shm.viewer.viewed_runs import (
    NoSuchTableError,
    Say,
    TablesTakenError,
    ViewedRun,
    ViewedRuns,
)

#: Tables at a time.
MOST_TABLES = 32

#: A table that nobody came to for so long makes room for another, or is closed.
FREE_AFTER_SECONDS = 600.0
CLOSED_AFTER_SECONDS = 4 * 3600.0

#: Strategies that are played at a time; opening one more closes the tables of another.
PLAYED_STRATEGIES = 2

#: From which streets on a table's strategy may solve the rest of a hand anew, and the seconds that
#: it may take each time: a visitor waits for it, and others for the memory of a flop.
RESOLVED_STREETS = ("turn", "river")
MOST_SECONDS = 10.0

Seated = TypeVar("Seated")


class Kept(NamedTuple, Generic[Seated]):
    """Something that is kept for a visitor, and the strategy that it plays."""

    place: Seated
    strategy: StrategyKey
    using: threading.Lock  # held by whoever looks or acts


class StrategyKey(NamedTuple):
    """A checkpoint of a run."""

    run: str
    iterations: int


class PlayedStrategy(NamedTuple):
    """What plays at tables."""

    strategy: PublicStrategy
    values: ActionValues | None  # of its actions; None where nobody says


def opponent_of(played: PlayedStrategy, resolve: str, say: Say) -> PlayedStrategy:
    """Return who sits opposite: a strategy as it is, or solving the rest of its hands anew.

    Args:
        played: the strategy as it is.
        resolve: ``STREET:SECONDS``, from which street on and how long each time; "" for not.
        say: told that kernels are compiled.

    Raises:
        UsageError: it cannot be read, takes longer than a page waits, or the game is not for two.
    """
    if not resolve:
        return played
    resolution = Resolution.named(resolve)
    if resolution.street not in RESOLVED_STREETS or resolution.seconds > MOST_SECONDS:
        raise UsageError(
            f"resolve: {resolve[:40]!r}: from the {' or '.join(RESOLVED_STREETS)} on, in at most "
            f"{MOST_SECONDS:g} s; 'cfr-shm play --resolve' takes longer ones"
        )
    make_spot_kernels_ready(False, say)
    # What actions are worth is known of the strategy as it is.
    return PlayedStrategy(resolution.of(played.strategy, by_hand=True), None)


class PlayTables(Generic[Seated]):
    """Keeps what visitors sit at; threads may share it.

    Args:
        clock: seconds.
        most: tables at a time.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, most: int = MOST_TABLES
    ) -> None:
        self._clock, self._most = clock, most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Kept[Seated]] = OrderedDict()  # last looked at last
        self._seen: dict[str, float] = {}

    def check_room(self) -> None:
        """Make room for one more.

        Raises:
            TablesTakenError: there is none.
        """
        with self._lock:
            self._make_room()

    def add(self, place: Seated, strategy: StrategyKey) -> str:
        """Keep something; return the name by which it is found.

        Raises:
            TablesTakenError: there is no room.
        """
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._make_room()
            self._kept[name] = Kept(place, strategy, threading.Lock())
            self._seen[name] = self._clock()
        return name

    def named(self, name: str) -> Kept[Seated]:
        """Return what is kept under a name.

        Raises:
            NoSuchTableError: there is nothing.
        """
        with self._lock:
            self._close_old()
            found = self._kept.get(name)
            if found is None:
                raise NoSuchTableError(
                    "this table is closed: nobody came for long, others took its place, or the "
                    "viewer was started anew; sit down again"
                )
            self._kept.move_to_end(name)
            self._seen[name] = self._clock()
            return found

    def close_all_of(self, strategy: StrategyKey) -> None:
        """Close the tables at which a strategy plays."""
        with self._lock:
            for name in [name for name, each in self._kept.items() if each.strategy == strategy]:
                self._close(name)

    def strategies(self) -> set[StrategyKey]:
        """Return the strategies that play somewhere."""
        with self._lock:
            self._close_old()
            return {each.strategy for each in self._kept.values()}

    def _make_room(self) -> None:
        self._close_old()
        if len(self._kept) < self._most:
            return
        oldest = next(iter(self._kept))
        if self._clock() - self._seen[oldest] < FREE_AFTER_SECONDS:
            raise TablesTakenError(f"all {self._most} tables are taken; try again in some minutes")
        self._close(oldest)

    def _close_old(self) -> None:
        for name in list(self._kept):
            if self._clock() - self._seen[name] < CLOSED_AFTER_SECONDS:
                return
            self._close(name)

    def _close(self, name: str) -> None:
        del self._kept[name], self._seen[name]


class PlayedStrategies:
    """The average strategies that play at tables, few of them; threads may share it.

    Args:
        runs: whose strategies they are.
        closing: told which strategy has to make room, before it is forgotten.
    """

    def __init__(self, runs: ViewedRuns, closing: Callable[[StrategyKey], None]) -> None:
        self._runs, self._closing = runs, closing
        self._known: OrderedDict[StrategyKey, PlayedStrategy] = OrderedDict()
        self._reading = threading.Lock()

    def of(self, run: ViewedRun, iterations: int | None) -> tuple[StrategyKey, PlayedStrategy]:
        """Return the strategy of a checkpoint, of None the newest.

        Raises:
            CfrShmError: it cannot be read, or memory is short.
        """
        opened = self._runs.table(run, iterations)
        key = StrategyKey(run.name, opened.iterations)
        with self._reading:
            if key in self._known:
                self._known.move_to_end(key)
                return key, self._known[key]
            while len(self._known) >= PLAYED_STRATEGIES:  # before the next needs its memory
                oldest, _ = self._known.popitem(last=False)
                self._closing(oldest)
            table = opened.table
            if not len(table.strategy_sum):
                table = run.read_table(opened.iterations)
            average = Strategy.from_table(run.game, table)
            name = f"{run.name}@{opened.iterations}"
            strategy = TableStrategy(name, run.game, average)
            self._known[key] = PlayedStrategy(strategy, values_of(strategy))
            return key, self._known[key]

    def keep_only(self, played: set[StrategyKey]) -> None:
        """Forget all others."""
        with self._reading:
            for key in [key for key in self._known if key not in played]:
                del self._known[key]
