"""How good the strategy is while it is trained: a curve of lower bounds from committed checkpoints.

A thread of the coordinator measures the newest checkpoint on disk, board by board, and sleeps
after each so long that it takes ``SHARE`` of one core: workers do not notice. It is a thread and
no process because it needs no start-up: importing, mapping buckets and building the tree take
seconds of CPU, all that a share of 2 % has in two minutes. It ends between two boards, and with its
coordinator; what it measures is in memory, so that the checkpoint may be deleted meanwhile.

All points of all runs are measured on the same boards, which makes them paired.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cfr_shm.config.sections import Config
from cfr_shm.errors import CfrShmError, GameError, MemoryReserveError
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.estimates import mean_interval
from cfr_shm.evaluation.exact_response import forecast_seconds
from cfr_shm.evaluation.measure import (
    AT_ONCE_SECONDS,
    DEFAULT_BOARDS,
    FLOP,
    RIVER,
    TURN,
    Measurement,
    measure_by_learning,
    measure_exactly,
    measure_from,
    unit_of,
)
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.evaluation.sampled_response import BoardGains, street_named
from cfr_shm.games.game import Game
from cfr_shm.kernels.jit import JIT_DISABLED
from cfr_shm.kernels.warm import make_ready
from cfr_shm.layout.deals import DEALS_HOLDEM
from cfr_shm.layout.table import Table
from cfr_shm.memory.checkpoint import load_checkpoint
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.smoothing import smoothed
from cfr_shm.strategy.table import TableStrategy
from cfr_shm.telemetry.events import Listener, QualityMeasured, Warned

OFF, LIGHT, FULL = "off", "light", "full"

#: Of one core's time, for points of the curve.
SHARE = 0.02
#: A point of the light curve takes so long at most, and has so many boards at least.
LIGHT_SECONDS = 25.0
LEAST_BOARDS = 10
#: CPU seconds, on each core, for the point that ends a run: outside the time budget.
END_SECONDS = {LIGHT: 5.0, FULL: 30.0}
LEAST_AT_END = 20

#: Of the boards; the same as ``eval`` takes when nobody says another.
SEED = 0

#: A larger table's strategy is not copied beside the training.
MOST_TABLE_BYTES = 1 << 30


class Offered(NamedTuple):
    """A checkpoint that is on disk."""

    path: Path
    iterations: int
    seconds: float  # of training before it


def quality_mode(config: Config, game: Game) -> str:
    """Return what a run's ``run.quality`` comes to: OFF where there is nothing to measure by."""
    measurable = game.deals.kind == DEALS_HOLDEM and game.player_count == 2
    fits = game.table_bytes <= MOST_TABLE_BYTES
    return config.run.quality if measurable and fits and not JIT_DISABLED else OFF


def end_mode(config: Config, game: Game) -> str:
    """Return how the table that ends a run is measured: as the curve, and for more players too."""
    several = game.deals.kind == DEALS_HOLDEM and game.player_count > 2
    fits = game.table_bytes <= MOST_TABLE_BYTES
    if several and fits and not JIT_DISABLED:
        return config.run.quality
    return quality_mode(config, game)


def street_of(strategy: TableStrategy) -> tuple[str, int] | None:
    """Return the method of the curve, and the street that it begins on; None for none."""
    for name in (RIVER, TURN, FLOP):
        try:
            return name, street_named(strategy, name)
        except GameError:
            continue
    return None


def make_quality_ready(game: Game, announce: Callable[[str], None]) -> None:
    """Compile or load what measuring needs, before any worker waits for this process."""
    said = "compiling the kernels that measure strategies (once, about 10 s) ..."
    make_ready(lambda: _measure_nothing(game), said, announce)


def _measure_nothing(game: Game) -> None:
    probability, weight = np.zeros(game.table_entries), np.zeros(game.table_entries)
    strategy = TableStrategy("nothing", game, Strategy(probability, weight))
    walk = BoardWalk(game)
    board = drawn_board(walk.cards, walk.cards.showdown_cards, SEED, 0)
    walk.root_values(Players(strategy, strategy), 0, board)


def measure_end(game: Game, table: Table, mode: str) -> Measurement | None:
    """Measure the table that ends a run: exactly if that is a matter of seconds; None: nothing.

    For three and more players: what single seats gain that learn, with as much CPU for each.
    """
    if game.player_count > 2:
        rows = Strategy.from_table(game, table).probability
        seconds = END_SECONDS[mode] * game.player_count
        return measure_by_learning(game, rows, seconds=seconds, seed=SEED)
    strategy = TableStrategy("the end", game, Strategy.from_table(game, table))
    if forecast_seconds(strategy) < AT_ONCE_SECONDS:
        return measure_exactly(strategy)
    found = street_of(strategy)
    if found is None:
        return None
    method, street = found
    on_board = BoardGains(strategy, street, SEED)
    on_board(0)
    began = time.thread_time()
    on_board(1)
    each = max(time.thread_time() - began, 1e-6)
    boards = int(END_SECONDS[mode] / each)
    boards = max(LEAST_AT_END, min(boards, DEFAULT_BOARDS[RIVER]))
    return measure_from(strategy, method, boards=boards, seed=SEED)


class QualityReader:
    """Measures the newest checkpoint that it is offered; owned by the run, which closes it.

    Args:
        game: whose strategies.
        listen: is told each point, from the reader's thread.
        mode: LIGHT or FULL; FULL measures as many boards as ``eval`` does, and takes as long as
            that takes at its share.
        share: of one core.
        smoothing: passes, as the run's configuration says.
    """

    def __init__(
        self,
        game: Game,
        listen: Listener,
        mode: str,
        share: float = SHARE,
        smoothing: int = 0,
    ) -> None:
        self._game, self._listen, self._mode, self._share = game, listen, mode, share
        self._smoothing = smoothing
        self._walk: BoardWalk | None = None
        self._newest: Offered | None = None
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="cfr-shm-quality", daemon=True)
        self._thread.start()

    def offer(self, path: Path, iterations: int, seconds: float) -> None:
        """Say that a checkpoint is on disk; never waits."""
        with self._changed:
            self._newest = Offered(path, iterations, seconds)
            self._changed.notify()

    def close(self) -> None:
        """End the thread: between two boards, without the point that it is at."""
        self._over.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.is_set():
            with self._changed:
                while self._newest is None and not self._over.is_set():
                    self._changed.wait()
                offered, self._newest = self._newest, None
            if offered is not None and not self._over.is_set():
                # A checkpoint that is gone or damaged is the run's to tell, not the curve's.
                try:
                    self._measure(offered)
                except MemoryReserveError as error:
                    self._listen(Warned(f"quality is not measured: {error}"))
                except CfrShmError:
                    continue

    def _measure(self, offered: Offered) -> None:
        began, used = time.monotonic(), time.thread_time()
        stored = smoothed(self._game, load_checkpoint(offered.path), self._smoothing)
        strategy = Strategy.from_table(self._game, stored.table)
        told = TableStrategy(f"@{offered.iterations}", self._game, strategy)
        found = street_of(told)
        if found is None:
            return
        method, street = found
        self._walk = self._walk or BoardWalk(self._game)
        on_board = BoardGains(told, street, SEED, self._walk)
        gains: list[float] = []
        while not self._enough(len(gains), began):
            # Sleeping pays for what was just used, loading included.
            now = time.thread_time()
            if self._over.wait((now - used) * (1.0 / self._share - 1.0)):
                return
            used = time.thread_time()
            gains.append(float(on_board(len(gains)).mean()))
        unit, factor = unit_of(self._game)
        gain = mean_interval(np.array(gains)).scaled(factor)
        measured = Measurement(method, unit, gain, (), time.monotonic() - began)
        self._listen(point_of(measured, offered))

    def _enough(self, boards: int, began: float) -> bool:
        if self._mode == FULL:
            return boards >= DEFAULT_BOARDS[RIVER]
        return boards >= LEAST_BOARDS and time.monotonic() - began > LIGHT_SECONDS


def point_of(measured: Measurement, offered: Offered) -> QualityMeasured:
    """Return a measurement as a point of the curve."""
    return QualityMeasured(
        iterations=offered.iterations,
        seconds=offered.seconds,
        method=measured.method,
        unit=measured.unit,
        value=measured.gain.value,
        low=measured.gain.low,
        high=measured.gain.high,
        n=measured.gain.n,
        checkpoint=offered.path.name,
    )
