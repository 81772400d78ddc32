"""How long the command takes before the first iteration: help, warm start, cold start.

``pytest benchmarks/bench_startup.py --benchmark-only``
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.conftest import ROUNDS, Scoreboard

COMMAND = [sys.executable, "-m", "cfr_shm"]


def cpu_seconds(*arguments: str) -> float:
    """Return the CPU time of one command, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*COMMAND, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start_seconds(directory: Path, cache: Path) -> tuple[float, str]:
    """Return the wall time of a run less its training, and what it said."""
    environment = {**os.environ, "CFR_SHM_CACHE_DIR": str(cache)}
    arguments = ["train", "--iters", "1024", "--num-workers", "2", "--logdir", str(directory)]
    start = time.monotonic()
    done = subprocess.run(
        [*COMMAND, *arguments], check=True, env=environment, capture_output=True, text=True
    )
    taken = time.monotonic() - start
    return taken - json.loads((directory / "summary.json").read_text())["seconds"], done.stderr


def test_help(benchmark, scoreboard: Scoreboard) -> None:
    found = [cpu_seconds("--help") for _ in range(ROUNDS)]
    benchmark.pedantic(cpu_seconds, args=("--help",), rounds=ROUNDS, iterations=1)
    scoreboard.at_most("cfr-shm --help: CPU", statistics.median(found), 0.15, "s")


def test_cold_and_warm_start(benchmark, scoreboard: Scoreboard, tmp_path: Path) -> None:
    cold, said = start_seconds(tmp_path / "cold", tmp_path / "cache")
    assert "compiling kernels" in said
    warm = [start_seconds(tmp_path / f"warm-{i}", tmp_path / "cache")[0] for i in range(ROUNDS)]
    benchmark.pedantic(
        start_seconds, args=(tmp_path / "again", tmp_path / "cache"), rounds=1, iterations=1
    )
    scoreboard.at_most("cold start and end, less the training", cold, 30, "s")
    scoreboard.at_most("warm start and end, less the training", statistics.median(warm), 3, "s")
