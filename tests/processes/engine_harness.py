"""What the engine tests share: a small arena, engines on it, and a look at what is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from plain_settings import engine_settings

from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.process_crew import ProcessCrew
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.games.game import Game
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.memory.tables import create_training_arena

WINDOW = 1024

#: Names of the segments that ``started`` made: other runs on this machine have their own.
SEGMENTS: list[str] = []

#: Process ids of the workers that ``started`` started.
PIDS: list[int] = []


def settings_for(game: Game, workers: int, **changes: Any) -> EngineSettings:
    return engine_settings(game, worker_count=workers, **{"drain_window": WINDOW, **changes})


@contextlib.contextmanager
def started(workers: int, kernel: str, **changes: Any) -> Iterator[tuple[Engine, ProcessCrew]]:
    """An engine of worker processes that run a fake kernel, and its crew."""
    game = kuhn()
    settings = settings_for(game, workers, kernel=f"fake_kernels:{kernel}", **changes)
    with create_training_arena(game, workers, "") as arena:
        SEGMENTS.append(arena.name)
        crew = ProcessCrew(settings, arena)
        with Engine(settings, crew) as engine:
            PIDS.extend(crew.pids)
            yield engine, crew


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait for a condition, as long as any machine could need."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def is_unlinked(segment: str) -> bool:
    """Whether a shared memory segment is gone; true where segments cannot be listed."""
    return not (Path("/dev/shm") / segment).exists()


def children() -> set[int]:
    """Child processes of this one, multiprocessing's resource tracker excepted."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "resource_tracker" not in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


def context_switches(pid: int) -> int:
    """Voluntary context switches of all threads of a process (Linux)."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                total += int(line.split()[1])
    return total
