"""What faults cost: how soon a death is seen and made good, how long a checkpoint stops workers.

``pytest benchmarks/bench_recovery.py --benchmark-only``
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from plain_settings import engine_settings

from benchmarks.conftest import Scoreboard
from cfr_shm.config.engine import EngineConfig
from cfr_shm.config.game import GameConfig
from cfr_shm.config.run import RunConfig
from cfr_shm.config.sections import Config
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.synthetic import synthetic_buckets
from cfr_shm.memory.tables import create_training_arena
from cfr_shm.run.train import train
from cfr_shm.telemetry.events import CheckpointSaved, Event

KILLS = 6
DEATHS = 5
#: A standby is started at once after a death; it is ready by then.
BETWEEN_SECONDS = 2.5
GIB = 1 << 30
TRAIN_SECONDS = 20.0
INTERVAL_SECONDS = 6.0
DEFAULT_INTERVAL_SECONDS = 60.0


class Deaths:
    """Kills one worker after another and keeps how long each took to be seen and replaced."""

    def __init__(self, engine: Engine, crew: ProcessCrew) -> None:
        self.detected: list[float] = []
        self.recovered: list[float] = []
        self._engine, self._crew = engine, crew
        self._seen = threading.Event()
        self._seen_at = 0.0
        engine.on_loss = self._note

    def kill_all_in_turn(self) -> None:
        for number in range(KILLS):
            time.sleep(0.3 if number == 0 else BETWEEN_SECONDS)
            self._seen.clear()
            losses = self._engine._books.losses
            losses.longest_recovery_seconds = 0.0
            killed_at = time.monotonic()
            os.kill(self._crew.pids[number % 2], signal.SIGKILL)
            if not self._seen.wait(10.0):
                return
            self.detected.append(self._seen_at - killed_at)
            while not losses.longest_recovery_seconds:
                time.sleep(0.001)
            self.recovered.append(self.detected[-1] + losses.longest_recovery_seconds)

    def _note(self, _text: str) -> None:
        self._seen_at = time.monotonic()
        self._seen.set()


def test_deaths(benchmark, scoreboard: Scoreboard) -> None:
    game = leduc()
    settings = engine_settings(
        game,
        worker_count=2,
    )
    with create_training_arena(game, 2, "benchmark") as arena:
        crew = ProcessCrew(settings, arena)
        with Engine(settings, crew) as engine:
            deaths = Deaths(engine, crew)
            over = threading.Event()

            def work() -> None:
                deaths.kill_all_in_turn()
                over.set()

            thread = threading.Thread(target=work)
            thread.start()
            ledger = IterationLedger(None, drain_window=settings.drain_window)
            engine.advance(ledger, over.is_set, lambda stats: None)
            thread.join()
        del crew
    benchmark.pedantic(lambda: None, rounds=1)
    assert len(deaths.recovered) == KILLS
    milliseconds = 1000 * statistics.median(deaths.detected)
    scoreboard.at_most("death of a worker: seen after", milliseconds, 100, "ms")
    standby = 1000 * statistics.median(deaths.recovered[1:])
    scoreboard.at_most("replaced by the standby after", standby, 1000, "ms")
    scoreboard.at_most("without a standby yet", 1000 * deaths.recovered[0], 1000, "ms")


@pytest.mark.parametrize("moment", ["training", "starting"])
def test_death_of_the_coordinator(
    benchmark, scoreboard: Scoreboard, tmp_path: Path, moment: str
) -> None:
    """SIGKILL to a whole command: how long its workers and its memory outlive it."""
    lasted = []
    for number in range(DEATHS):
        path = tmp_path / str(number)
        arguments = ["train", "-c", "leduc", "--num-workers", "2", "--time-budget", "600"]
        with subprocess.Popen(
            [sys.executable, "-m", "cfr_shm", *arguments, "--logdir", str(path)],
            stderr=subprocess.DEVNULL,
        ) as process:
            segments, left = await_moment(process.pid, path, moment)
            began = time.monotonic()
            process.kill()
            while any(map(is_alive, left)) or any(map(Path.exists, segments)):
                time.sleep(0.001)
            lasted.append(time.monotonic() - began)
    benchmark.pedantic(lambda: None, rounds=1)
    worst = 1000 * max(lasted)
    scoreboard.at_most(f"coordinator killed while {moment}: all gone after", worst, 1000, "ms")


def await_moment(pid: int, directory: Path, moment: str) -> tuple[list[Path], list[psutil.Process]]:
    """Wait until a command's workers start, or train with a standby beside them.

    Returns:
        Its segments of shared memory (those that can be listed) and its children, both of which
        must not outlive it; the resource tracker frees the memory, and ends by itself.
    """
    command = psutil.Process(pid)
    children = await_children(command, 1)
    if moment == "training":
        while not (metrics := directory / "metrics.jsonl").exists() or not metrics.stat().st_size:
            time.sleep(0.01)
        working(command)[0].kill()  # its death brings the standby forward
        await_children(command, 3)
        time.sleep(1.5)  # until the standby is ready too
        children = working(command)
    maps = Path(f"/proc/{pid}/maps")
    named = re.findall(r"/dev/shm/cfrshm-\w+", maps.read_text()) if maps.exists() else []
    return list(map(Path, set(named))), children


def await_children(command: psutil.Process, count: int) -> list[psutil.Process]:
    """Wait until a command has so many workers and standbys, and return them."""
    while len(children := working(command)) < count:
        time.sleep(0.005)
    return children


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs; one that only its parent has not asked for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def working(command: psutil.Process) -> list[psutil.Process]:
    """Return its children, workers and standby."""
    found = []
    for child in command.children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_checkpoint_pause(benchmark, scoreboard: Scoreboard, tmp_path: Path) -> None:
    """A table of 1 GiB; the share is that of checkpoints at the default interval."""
    saved: list[CheckpointSaved] = []

    def listen(event: Event) -> None:
        if isinstance(event, CheckpointSaved):
            saved.append(event)

    config = Config(
        game=GameConfig(name="synthetic", buckets=synthetic_buckets(GIB)),
        engine=EngineConfig(num_workers=2, in_process=False),
        run=RunConfig(time_budget=TRAIN_SECONDS, checkpoint_interval=INTERVAL_SECONDS),
    )
    summary = benchmark.pedantic(lambda: train(config, tmp_path, report=listen), rounds=1)
    longest = summary["longest_checkpoint_pause_seconds"]
    if not longest:
        pytest.skip("the disk is too slow for a checkpoint in time")
    scoreboard.at_most("checkpoint of 1 GiB: workers stand still for", 1000 * longest, 200, "ms")
    share = 100 * longest / DEFAULT_INTERVAL_SECONDS
    scoreboard.at_most("of the time, at the default interval", share, 1.0, "%")
    seconds = statistics.median(event.seconds for event in saved)
    ours = (GIB / 2**20) / seconds
    scoreboard.at_least("written at, of what the disk takes", ours / disk_rate(tmp_path), 0.7)


def disk_rate(directory: Path) -> float:
    """MiB per second of plain writes of 256 MiB, synced at the end as ours are."""
    block = os.urandom(1 << 23)
    began = time.monotonic()
    with (directory / "plain").open("wb") as file:
        for _ in range(32):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return 256 / (time.monotonic() - began)
