"""Trainings of donksolver's game, ours and its own, in CPU seconds of one core; resumable.

``cfr-shm train`` has no key for seats that are exchanged (``benchmarks/peers/donksolver.py``), so
ours runs the same kernel, weights and discounts in this process, without workers around it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cfr_shm.config.sections import Config
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.errors import UsageError
from cfr_shm.games.game import Game
from cfr_shm.memory.tables import begin_rows, private_views
from cfr_shm.run.setup import settle

#: Iterations between two looks at the clock.
STEP = 20_480
PEER_STEP = 20_000
#: CPU seconds between two times that what was learnt is kept.
KEPT_AFTER = 60.0


class Clock:
    """What a training has spent and done, kept in a file beside what it has learnt."""

    def __init__(self, place: Path, of: str = "") -> None:
        """Read what was spent before, if anything.

        Args:
            place: where it is kept.
            of: what is trained; empty for one who only looks.

        Raises:
            UsageError: something else was trained here.
        """
        self._path, self._of = place / "spent.json", of
        self.seconds, self.iterations, self._kept = 0.0, 0, 0.0
        if self._path.exists():
            spent = json.loads(self._path.read_text())
            if of and spent.get("of") != of:
                raise UsageError(
                    f"{place}: holds a training of something else, or of other buckets"
                )
            self.seconds, self.iterations = spent["cpu_seconds"], spent["iterations"]
            self._kept = self.seconds

    def due(self, goal: float) -> bool:
        """Return whether what was learnt is to be kept now."""
        return self.seconds >= goal or self.seconds - self._kept >= KEPT_AFTER

    def keep(self) -> None:
        """Write it down, after what was learnt has been written."""
        spent = {"of": self._of, "cpu_seconds": self.seconds, "iterations": self.iterations}
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(spent))
        written.replace(self._path)
        self._kept = self.seconds


def train_ours(game: Game, config: Config, place: Path, seconds: float) -> NDArray[np.float64]:
    """Train a game to so many CPU seconds, or go on; return the table's rows.

    Args:
        game: with the buckets of ``config``; its seats may be exchanged.
        config: whose recipe and seed are run; the table is not compact.
        place: a directory of this training's own.
        seconds: in all, those of earlier calls included.

    Raises:
        UsageError: something else was trained there.
    """
    place.mkdir(parents=True, exist_ok=True)
    kept = place / "rows.npy"
    engine = replace(config.engine, num_workers=1, in_process=True)
    settled = settle(replace(config, engine=engine), game, place)
    clock = Clock(place, settled.fingerprint)
    views = private_views(game, 1, settled.algorithm.state_planes)
    begin_rows(views, game)
    if clock.iterations:
        views.rows[:] = np.load(kept)
    runner = TaskRunner(settled.engine, views, 0)
    runner.run(0, 0)
    while clock.seconds < seconds:
        due = settled.discounts and settled.discounts.next_after(clock.iterations)
        count = min(STEP, due - clock.iterations) if due else STEP
        began = time.process_time()
        runner.run(clock.iterations, count)
        clock.iterations += count
        if settled.discounts and clock.iterations == due:
            settled.discounts.apply(views, clock.iterations)
        clock.seconds += time.process_time() - began
        if clock.due(seconds):
            written = place / "rows.new.npy"
            np.save(written, views.rows)
            written.replace(kept)
            clock.keep()
    return views.rows


def train_peer(solver: Any, place: Path, seconds: float) -> None:
    """Train donksolver to so many CPU seconds of one thread, or go on; its state is kept.

    Args:
        solver: a ``donksolver.Solver`` that has not run.
        place: a directory of this training's own.
        seconds: in all, those of earlier calls included.

    Raises:
        UsageError: something else was trained there.
    """
    place.mkdir(parents=True, exist_ok=True)
    # Its configuration names the file of its buckets too, which may lie elsewhere.
    said = "".join(line for line in solver.config_text.splitlines() if "abstraction=" not in line)
    clock = Clock(place, hashlib.sha256(said.encode()).hexdigest())
    state = os.fspath(place / "state.bin")
    if clock.iterations:
        solver.load_state(state)
    while clock.seconds < seconds:
        began = time.process_time()
        solver.run(PEER_STEP, 1)
        clock.seconds += time.process_time() - began
        clock.iterations = solver.iterations
        if clock.due(seconds):
            solver.save_state(state)
            clock.keep()
