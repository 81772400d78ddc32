"""Loops that never change, to tell a slower program from a slower machine."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np

from cfr_shm.config.sections import Config
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.games.game import Game
from cfr_shm.kernels.memory_probe import touch_random_words
from cfr_shm.layout.task import RESULT_NODES
from cfr_shm.memory.tables import begin_rows, private_views
from cfr_shm.run.setup import settle

#: Fits the second-level cache of every machine that trains.
WORDS = 1 << 15
TOUCHES = 10_000_000

#: A call of the training loop takes about this long; shorter ones would be all cold caches.
TRAINING_SECONDS = 0.03


class Calibration:
    """Random accesses within the second-level cache: the core and its clock, and nothing else.

    Compiles and allocates once; each call takes about a hundredth of a second of one core.
    """

    def __init__(self) -> None:
        self._words = np.ones(WORDS)
        touch_random_words(self._words, 0, 1)

    def __call__(self) -> float:
        """Return accesses per CPU second of this thread."""
        began = time.thread_time()
        touch_random_words(self._words, 0, TOUCHES)
        return TOUCHES / max(1e-9, time.thread_time() - began)


class TrainingCalibration:
    """The first iterations of a training, over and over, on a table of its own.

    It asks of the machine what the training beside it asks, cores, caches and memory alike, so
    that what others take of any of them slows both; and it always does the very same work.

    Args:
        config: of the training; the loop has one worker and no freezes.
        game: what is trained.

    Attributes:
        cpu_seconds: that all calls together have taken of their thread.

    Raises:
        MemoryReserveError: too little memory for a second table; names both sizes.
    """

    def __init__(self, config: Config, game: Game) -> None:
        engine = dataclasses.replace(config.engine, mode="async", freeze=None, num_workers=1)
        settings = settle(dataclasses.replace(config, engine=engine), game, Path()).engine
        planes, compact = settings.algorithm.state_planes, config.table.compact
        self._game = game
        self._views = private_views(game, 1, planes, compact=compact)
        self._runner = TaskRunner(settings, self._views, 0)
        self._runner.run(0, 0)
        self._iterations = 1
        while self._run()[1] < TRAINING_SECONDS:
            self._iterations *= 2
        self.cpu_seconds = 0.0

    def __call__(self) -> float:
        """Return nodes per CPU second of this thread."""
        began = time.thread_time()
        self._views.rows.fill(0.0)
        begin_rows(self._views, self._game)
        nodes, seconds = self._run()
        self.cpu_seconds += time.thread_time() - began
        return nodes / max(1e-9, seconds)

    def _run(self) -> tuple[int, float]:
        began = time.thread_time()
        nodes = int(self._runner.run(0, self._iterations)[RESULT_NODES])
        return nodes, time.thread_time() - began
