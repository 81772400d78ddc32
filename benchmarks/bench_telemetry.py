"""What watching a training costs: the live display, and the sampling of processes.

Shares of one core; both stretch their intervals rather than cost more.
``pytest benchmarks/bench_telemetry.py --benchmark-only``
"""

from __future__ import annotations

import io
import os
import statistics
import time

import pytest

from benchmarks.conftest import Scoreboard
from cfr_shm.telemetry import live
from cfr_shm.telemetry.events import Evaluated, Progress, RunStarted
from cfr_shm.telemetry.samples import Sampler

WORKERS = 8
DRAWS = 50
SAMPLES = 50


def progress(iterations: int) -> Progress:
    return Progress(
        due=False,
        iterations=iterations,
        nodes=36 * iterations,
        seconds=10.0,
        iterations_per_second=3.4e6,
        nodes_per_second=1.2e8,
        utility=-0.0856,
        workers=WORKERS,
        busy_fraction=(0.999,) * WORKERS,
        user_cpu_seconds=1.0,
        system_cpu_seconds=0.0,
        system_cpu_fraction=0.001,
        voluntary_context_switches=0,
        involuntary_context_switches=0,
        batch_iterations=(1_720_320,) * WORKERS,
    )


def test_live_display(benchmark, scoreboard: Scoreboard) -> None:
    console_type = pytest.importorskip("rich.console").Console
    now = 0.0
    console = console_type(file=io.StringIO(), force_terminal=True, width=120)
    display = live.LiveDisplay(console.file, console=console, clock=lambda: now)
    display(RunStarted("leduc", "runs/x", WORKERS, False, 8448, 0, 10**9, None))
    display(Evaluated(1, 1.0, 0.3, 0.6, "chips", "exact"))
    display(progress(0))
    costs, intervals = [], []
    for draw in range(DRAWS):
        now = display._next
        began = time.thread_time()
        display(progress(draw))
        costs.append(time.thread_time() - began)
        intervals.append(display._next - now)
    benchmark.pedantic(display._picture.render, rounds=DRAWS, iterations=1)
    display.close()
    share = 100 * sum(costs) / sum(intervals)
    scoreboard.at_most(f"live display, {WORKERS} workers: of one core", share, 0.5, "%")
    scoreboard.note("live display: seconds between pictures", statistics.median(intervals), "s")


def test_sampling(benchmark, scoreboard: Scoreboard) -> None:
    sampler = Sampler(os.getpid())
    sampler.snapshot()
    costs, intervals = [], []
    for _ in range(SAMPLES):
        sampler.snapshot()
        costs.append(sampler.cost_seconds)
        intervals.append(sampler.interval(1.0))
    benchmark.pedantic(sampler.snapshot, rounds=SAMPLES, iterations=1)
    scoreboard.at_most(
        "sampling every second or more: of one core", 100 * sum(costs) / sum(intervals), 0.1, "%"
    )
