"""Settle what the configuration leaves open: workers, in-process or not, traversals in flight."""

from __future__ import annotations

import math
import os
from pathlib import Path

from cfr_shm.config import Config
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.games.game import Game

#: Tables up to this size have one traversal in flight, larger ones several
#: (docs/adr/0005-in-flight.md).
ONE_IN_FLIGHT_BYTES = 4 << 20
IN_FLIGHT_BEYOND = 8

#: Up to this size racing adds gain more than they lose (docs/adr/0003-updates.md).
RACY_BYTES = 16 << 20


def usable_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return the cores that this process may use: its affinity, and its container's quota."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        limit, _, period = quota.read_text().partition(" ")
        return max(1, min(cores, math.ceil(int(limit) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no quota
        return cores


def worker_count(config: Config) -> int:
    """Return the number of workers: as configured, or one per usable core."""
    if config.engine.in_process is True:
        return 1
    return config.engine.num_workers or usable_cores()


def runs_in_process(config: Config) -> bool:
    """Return whether the kernels run in this process."""
    in_process = config.engine.in_process
    return worker_count(config) == 1 if in_process == "auto" else bool(in_process)


def engine_settings(config: Config, game: Game, directory: Path) -> EngineSettings:
    """Return what the engine needs to know; crashing workers write traces to ``directory``."""
    engine, algorithm = config.engine, config.algorithm
    in_flight = algorithm.in_flight
    if in_flight == "auto":
        in_flight = 1 if game.table_bytes <= ONE_IN_FLIGHT_BYTES else IN_FLIGHT_BEYOND
    updates = engine.updates
    if updates == "auto":
        updates = "racy" if game.table_bytes <= RACY_BYTES else "atomic"
    return EngineSettings(
        worker_count=worker_count(config),
        player_count=game.player_count,
        street_count=game.street_count,
        max_depth=game.max_depth,
        max_actions=game.max_actions,
        seed=config.run.seed,
        weighting=algorithm.weighting,
        in_flight=in_flight,
        drain_window=engine.drain_window,
        update=updates,
        start_method=engine.start_method,
        batch_size=None if engine.batch_size == "auto" else engine.batch_size,
        batch_seconds=engine.batch_seconds,
        wait_base_ms=engine.wait_base_ms,
        wait_min_ms=engine.wait_min_ms,
        wait_max_ms=engine.wait_max_ms,
        deadline_seconds=engine.deadline_seconds,
        trace_directory=str(directory),
    )
