"""One side of one comparison as a program: ``python -m cfr_shm.bench.incidents.sides NAME ...``.

It prints one JSON document: the figures of that side.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfr_shm.bench.incidents.old import OldTrainer, message_bytes
from cfr_shm.telemetry.samples import CHILD, MAIN, Frame, Sampler, Snapshot, frame_between

if TYPE_CHECKING:
    from cfr_shm.engine.coordinator import Engine

#: Infosets of a result in the first incident, and in the others, where they only cost time.
INFOSETS = 5_000
FEW_INFOSETS = 500

#: Until workers that have answered are back in their receive.
SETTLE_SECONDS = 0.5

#: Files that do not exist and are asked for: marks in a trace of system calls.
BEGIN_MARK, END_MARK = "/cfr-shm-measured-from-here", "/cfr-shm-measured-until-here"

#: Time between samples for the picture of busy workers.
TRACE_SECONDS = 0.1

Figures = dict[str, Any]


class Measurement:
    """CPU and switches of this process and its children between entry and exit."""

    def __init__(self, trace: bool = False) -> None:
        self._sampler = Sampler(os.getpid())
        self._trace = trace
        self._stop = threading.Event()
        self._snapshots: list[Snapshot] = []
        self._thread = threading.Thread(target=self._follow)
        self.frame: Frame | None = None

    def __enter__(self) -> Measurement:
        self._snapshots.append(self._sampler.snapshot())
        if self._trace:
            self._thread.start()
        os.path.exists(BEGIN_MARK)  # noqa: PTH110 - one system call and no more
        return self

    def __exit__(self, *_: object) -> None:
        os.path.exists(END_MARK)  # noqa: PTH110
        if self._trace:
            self._stop.set()
            self._thread.join()
        self._snapshots.append(self._sampler.snapshot())
        self.frame = frame_between(self._snapshots[0], self._snapshots[-1])

    def _follow(self) -> None:
        while not self._stop.wait(TRACE_SECONDS):
            self._snapshots.append(self._sampler.snapshot())

    def figures(self) -> Figures:
        """Return what was used, and the children's CPU over time where it was followed."""
        assert self.frame is not None
        main = [use for use in self.frame.processes if use.role == MAIN]
        children = [use for use in self.frame.processes if use.role == CHILD]
        figures: Figures = {
            "seconds": self.frame.seconds,
            "main_cpu": sum(use.cpu_fraction for use in main),
            "main_system": sum(use.system_fraction for use in main),
            "main_switches": sum(use.voluntary_per_second for use in main),
            "children_switches": sum(use.voluntary_per_second for use in children),
        }
        if self._trace:
            figures["trace"] = list(_children_cpu(self._snapshots))
        return figures


def _children_cpu(snapshots: list[Snapshot]) -> Iterator[tuple[float, float]]:
    """Yield (seconds, cores used by the children) between snapshots."""
    for earlier, later in itertools.pairwise(snapshots):
        frame = frame_between(earlier, later)
        if frame is not None:
            used = sum(use.cpu_fraction for use in frame.processes if use.role == CHILD)
            yield later.monotonic - snapshots[0].monotonic, used


# --- old ---------------------------------------------------------------------------------


def old_join_before_drain(workers: int, seconds: float) -> Figures:
    """D1: join the workers, then read their results; never returns."""
    trainer = OldTrainer(workers)
    trainer.send([min(0.2, seconds)] * workers, INFOSETS)
    trainer.join()
    return {"bytes_per_batch": message_bytes(INFOSETS)}


def old_drain_before_join(workers: int, seconds: float) -> Figures:
    """D1, in time: read the results, then join."""
    began = time.perf_counter()
    trainer = OldTrainer(workers)
    trainer.send([min(0.2, seconds)] * workers, INFOSETS)
    trainer.collect_polling(1.0)
    trainer.join()
    return {
        "bytes_per_batch": message_bytes(INFOSETS),
        "wall_seconds": time.perf_counter() - began,
    }


def _old(
    workers: int,
    seconds: float,
    batch: list[float],
    collect: Callable[[OldTrainer], None],
    *,
    trace: bool = False,
) -> Figures:
    trainer = OldTrainer(workers)
    trainer.warm_up()
    with Measurement(trace) as measurement:
        trainer.run(seconds, batch, FEW_INFOSETS, lambda: collect(trainer))
    figures = measurement.figures() | {
        "polls": trainer.polls,
        "batches": trainer.batches,
        "busy": trainer.busy_fractions(),
    }
    trainer.join()
    return figures


def old_sawtooth(workers: int, seconds: float) -> Figures:
    """D2: the coordinator sleeps for a second between its looks at the results."""
    return _old(workers, seconds, [0.6] * workers, lambda t: t.collect_sleeping(1.0), trace=True)


def old_short_polls(workers: int, seconds: float) -> Figures:
    """D3: the coordinator polls every 10 ms, however long nothing comes."""
    return _old(workers, seconds, [1.0] * workers, lambda t: t.collect_polling(0.010))


def old_idle_polls(workers: int, seconds: float) -> Figures:
    """D4: idle workers wake up every 100 ms."""
    trainer = OldTrainer(workers, poll=0.1)
    trainer.warm_up()
    time.sleep(SETTLE_SECONDS)
    with Measurement() as measurement:
        time.sleep(seconds)
    trainer.join()
    return measurement.figures()


def old_endless_drain(workers: int, seconds: float) -> Figures:
    """D5: after the first result, 1 ms polls without limit until the last one is there."""

    def collect(trainer: OldTrainer) -> None:
        while not trainer.take(1.0):
            pass
        missing = workers - 1
        while missing:
            missing -= trainer.take(0.001)

    # No two batches take equally long.
    return _old(workers, seconds, [0.3 + 0.2 * i for i in range(workers)], collect)


# --- cfr-shm -----------------------------------------------------------------------------


def _engine(
    workers: int, seconds: float, batch_seconds: float, *, idle: bool = False, trace: bool = False
) -> Figures:
    """Train Leduc with worker processes, or have them idle after a first task."""
    from cfr_shm.engine.handshake import TaskMessage, encode

    began = time.perf_counter()
    with _leduc(workers, batch_seconds) as (engine, advance):
        advance(0.5)
        time.sleep(SETTLE_SECONDS if idle else 0.0)
        before = engine.stats()
        with Measurement(trace) as measurement:
            if idle:
                time.sleep(seconds)
            else:
                advance(seconds)
        stats = engine.stats()
        ending = time.perf_counter()
    ended = time.perf_counter()
    return measurement.figures() | {
        "polls": stats.polls - before.polls,
        "batches": stats.batches - before.batches,
        "busy": list(stats.busy_fraction),
        "bytes_per_batch": stats.largest_message_bytes + len(encode(TaskMessage(0, 0, 0))),
        "join_seconds": ended - ending,
        "wall_seconds": ended - began,
    }


@contextlib.contextmanager
def _leduc(workers: int, batch_seconds: float) -> Iterator[tuple[Engine, Callable[[float], None]]]:
    """Start worker processes; yield the engine, and a function that trains for so long."""
    from cfr_shm.config.engine import EngineConfig
    from cfr_shm.config.game import GameConfig
    from cfr_shm.config.sections import Config
    from cfr_shm.engine.coordinator import open_engine
    from cfr_shm.engine.ledger import IterationLedger
    from cfr_shm.games.registry import load_game
    from cfr_shm.memory.tables import create_training_arena
    from cfr_shm.run.setup import settle

    config = Config(
        game=GameConfig(name="leduc"),
        engine=EngineConfig(num_workers=workers, in_process=False, batch_seconds=batch_seconds),
    )
    game = load_game(config.game, None, config.abstraction)
    with (
        tempfile.TemporaryDirectory(prefix="cfr-shm-bench-") as directory,
        create_training_arena(game, workers, "benchmark") as arena,
    ):
        settings = settle(config, game, Path(directory)).engine
        with open_engine(settings, arena, in_process=False) as engine:

            def advance(seconds: float) -> None:
                engine.advance(
                    IterationLedger(None, drain_window=settings.drain_window),
                    lambda: False,
                    lambda _stats: None,
                    pause_at=time.monotonic() + seconds,
                )

            yield engine, advance


def new_messages(workers: int, seconds: float) -> Figures:
    """D1: regrets stay in shared memory, results are some dozens of bytes."""
    return _engine(workers, seconds, 0.2)


def new_overlapped(workers: int, seconds: float) -> Figures:
    """D2: the next task is with the worker before it ends the last."""
    return _engine(workers, seconds, 0.6, trace=True)


def new_quiet_waits(workers: int, seconds: float) -> Figures:
    """D3: the coordinator waits on all pipes together, as long as nothing can be due."""
    return _engine(workers, seconds, 1.0)


def new_blocked(workers: int, seconds: float) -> Figures:
    """D4: idle workers block in receive."""
    return _engine(workers, seconds, 0.2, idle=True)


def new_bounded_drain(workers: int, seconds: float) -> Figures:
    """D5: 3 ms grace, 5 ms drain, three attempts."""
    return _engine(workers, seconds, 0.5)


SIDES: dict[str, Callable[[int, float], Figures]] = {
    side.__name__.replace("_", "-"): side
    for side in (
        old_join_before_drain,
        old_drain_before_join,
        old_sawtooth,
        old_short_polls,
        old_idle_polls,
        old_endless_drain,
        new_messages,
        new_overlapped,
        new_quiet_waits,
        new_blocked,
        new_bounded_drain,
    )
}


def main(arguments: list[str]) -> None:
    """Run the side that is named, with so many workers, for so many seconds."""
    name, workers, seconds = arguments
    figures = SIDES[name](int(workers), float(seconds))
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
