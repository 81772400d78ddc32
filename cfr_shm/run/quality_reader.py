"""The reader: measures checkpoints of a run while it trains, and sleeps most of the time.

A thread of the coordinator measures the newest checkpoint on disk, piece by piece, and sleeps
after each so long that it takes ``SHARE`` of one core: workers do not notice. It is a thread and
no process because it needs no start-up: importing, mapping buckets and building the tree take
seconds of CPU, all that a share of 2 % has in two minutes. It lives no longer than its process, and
nobody waits for it: a run that ends leaves it the piece that it is at, of which nothing is told.

What it has not read yet it holds, so that the run does not delete it meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cfr_shm.config.smoothing_values import UNSMOOTHED, Smoothing
from cfr_shm.errors import CfrShmError, MemoryReserveError
from cfr_shm.evaluation.board_walk import BoardWalk
from cfr_shm.evaluation.estimates import mean_interval
from cfr_shm.evaluation.measure import (
    DEFAULT_BOARDS,
    EXPLOITER,
    RIVER,
    Measurement,
    learning_pieces,
    unit_of,
)
from cfr_shm.evaluation.sampled_response import BoardGains, street_named
from cfr_shm.games.game import Game
from cfr_shm.memory.checkpoint import load_checkpoint
from cfr_shm.memory.holds import Holds
from cfr_shm.run.past_match import PastMatches
from cfr_shm.run.quality import (
    FULL,
    SEED,
    Offered,
    curve_method,
    learning_seconds,
    point_of,
)
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.smoothing import smoothed
from cfr_shm.strategy.table import TableStrategy
from cfr_shm.telemetry.events import Event, Listener, Warned

#: Of one core's time, for points of the curve.
SHARE = 0.02

#: A point of the light curve takes so long at most, and has so many boards at least.
LIGHT_SECONDS = 25.0
LEAST_BOARDS = 10

#: A run that ends gives the reader so long to come to the end of a piece.
LEAVE_SECONDS = 0.1


@dataclass(frozen=True)
class Reading:
    """What a reader does.

    Attributes:
        mode: ``quality.LIGHT`` or FULL; FULL measures as many boards as ``eval`` does, and takes as
            long as that takes at its share.
        share: of one core; None for ``SHARE``.
        gain_below: what matches against the past are told apart from, in the game's unit of
            measures; None for no matches.
        since: the checkpoint that a resumed run goes on from, which its first match is against.
        smoothing: as the run's configuration says.
    """

    mode: str
    share: float | None = None
    gain_below: float | None = None
    since: Offered | None = None
    smoothing: Smoothing = UNSMOOTHED


class QualityReader:
    """Measures the newest checkpoint that it is offered; owned by the run, which closes it.

    Args:
        game: whose strategies; of hold'em.
        held: where checkpoints are held that it has not read yet.
        listen: is told each point, from the reader's thread, and nothing after ``close``.
        reading: how.
    """

    def __init__(self, game: Game, held: Holds, listen: Listener, reading: Reading) -> None:
        self._game, self._held, self._listen, self._reading = game, held, listen, reading
        self._walk: BoardWalk | None = None
        self._past: PastMatches | None = None
        if reading.gain_below is not None:
            self._past = PastMatches(
                game, held, reading.gain_below, reading.since, reading.smoothing
            )
        self._newest: Offered | None = None
        self._changed = threading.Condition()
        self._telling = threading.Lock()
        self._over = threading.Event()
        self._share = SHARE if reading.share is None else reading.share
        self._paid = 0.0
        self._thread = threading.Thread(target=self._work, name="cfr-shm-quality", daemon=True)
        self._thread.start()

    def offer(self, path: Path, iterations: int, seconds: float) -> None:
        """Say that a checkpoint is on disk; never waits. It is held until it was read."""
        with self._changed:
            if self._over.is_set():
                return
            self._held.hold(path)
            if self._newest is not None:
                self._held.release(self._newest.path)
            self._newest = Offered(path, iterations, seconds)
            self._changed.notify()

    def close(self) -> None:
        """End the thread without the point that it is at; what a piece needs is not waited for."""
        with self._telling:
            self._over.set()
        with self._changed:
            if self._newest is not None:
                self._held.release(self._newest.path)
            self._newest = None
            self._changed.notify()
        self._thread.join(LEAVE_SECONDS)

    def _tell(self, event: Event) -> None:
        with self._telling:
            if not self._over.is_set():
                self._listen(event)

    def _work(self) -> None:
        self._paid = time.thread_time()
        while not self._over.is_set():
            offered = self._next()
            try:
                if offered is not None:
                    self._measure(offered)
                    if self._past:
                        self._tell_all(self._past.offer(offered))
                elif self._past and not self._over.is_set():
                    self._tell_all(self._past.play())
            except MemoryReserveError as error:
                self._tell(Warned(f"quality is not measured: {error}"))
            except CfrShmError:
                # A checkpoint that is gone or damaged is the run's to tell, not the curve's.
                pass
            finally:
                if offered is not None:
                    self._held.release(offered.path)
            self._rest()
        if self._past:
            self._past.close()

    def _next(self) -> Offered | None:
        """Return what was offered last; wait for it unless a match is to go on meanwhile."""
        with self._changed:
            idle = self._past is None or not self._past.playing
            while idle and self._newest is None and not self._over.is_set():
                self._changed.wait()
            offered, self._newest = self._newest, None
        return offered

    def _rest(self) -> bool:
        """Sleep as long as what was used since the last rest is worth; return if it is over."""
        used = time.thread_time() - self._paid
        over = self._over.wait(used * (1.0 / self._share - 1.0))
        self._paid = time.thread_time()
        return over

    def _tell_all(self, points: list[Event]) -> None:
        for point in points:
            self._tell(point)

    def _measure(self, offered: Offered) -> None:
        method = curve_method(self._game)
        if method is None:
            return
        how = self._reading.smoothing
        stored = smoothed(self._game, load_checkpoint(offered.path), how)
        strategy = Strategy.from_table(self._game, stored.table)
        if method == EXPLOITER:
            seconds = learning_seconds(self._reading.mode, self._game)
            work = learning_pieces(self._game, strategy.probability, seconds=seconds, seed=SEED)
        else:
            work = self._boards(TableStrategy(offered.path.name, self._game, strategy), method)
        while True:
            if self._rest():  # pays for loading too
                return
            try:
                next(work)
            except StopIteration as end:
                self._tell(point_of(end.value, offered))
                return

    def _boards(self, strategy: TableStrategy, method: str) -> Generator[None, None, Measurement]:
        """Measure board by board, as many as there is time for."""
        began = time.monotonic()
        self._walk = self._walk or BoardWalk(self._game)
        on_board = BoardGains(strategy, street_named(self._game, method), SEED, self._walk)
        gains: list[float] = []
        while not self._enough(len(gains), began):
            gains.append(float(on_board(len(gains)).mean()))
            yield
        unit, factor = unit_of(self._game)
        gain = mean_interval(np.array(gains)).scaled(factor)
        return Measurement(method, unit, gain, (), time.monotonic() - began)

    def _enough(self, boards: int, began: float) -> bool:
        if self._reading.mode == FULL:
            return boards >= DEFAULT_BOARDS[RIVER]
        return boards >= LEAST_BOARDS and time.monotonic() - began > LIGHT_SECONDS
