"""A run's own records, read back for a diagnosis after the fact."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from cfr_shm.errors import UsageError
from cfr_shm.storage.files import is_directory
from cfr_shm.storage.names import METRICS
from cfr_shm.telemetry.diagnostics import Diagnosis, Points, diagnose
from cfr_shm.telemetry.metrics_lines import INTERVAL, PROCESSES, metrics_lines
from cfr_shm.telemetry.samples import LEAST_FRAME_SECONDS, Frame, frame_of


def diagnose_run(directory: Path) -> Diagnosis:
    """Judge the last part of the run in ``directory``, from its ``metrics.jsonl``.

    A run that was resumed is judged from its last start: counters begin anew there.

    Raises:
        UsageError: there is no run, or it has no metrics yet.
    """
    intervals, frames = _last_part(directory)
    last = intervals[-1]
    rate, cpu_rate = _rates(intervals)
    user, system = float(last["user_cpu_seconds"]), float(last["system_cpu_seconds"])
    return diagnose(
        f"run {directory}",
        frames,
        system_fraction=system / (user + system) if user + system > 0 else None,
        busy=tuple(float(busy) for busy in last["busy_fraction"]),
        rate=rate,
        cpu_rate=cpu_rate,
        restarts=tuple(int(count) for count in last.get("worker_restarts") or ()),
    )


def _last_part(directory: Path) -> tuple[list[dict[str, Any]], list[Frame]]:
    """Return the interval lines and the frames since the run was last started."""
    if not is_directory(directory):
        raise UsageError(f"{directory}: there is no such run directory")
    path = directory / METRICS
    if not os.path.lexists(path):
        raise UsageError(
            f"{directory}: has no {METRICS}, so there is nothing to diagnose; give a run "
            "directory of 'cfr-shm train', or watch a process with --pid"
        )
    intervals: list[dict[str, Any]] = []
    frames: list[Frame] = []
    used = 0.0
    for line in metrics_lines(directory, interval=INTERVAL, processes=PROCESSES):
        if line["kind"] == "processes":
            frames.append(frame_of(line))
            continue
        now = line["user_cpu_seconds"] + line["system_cpu_seconds"]
        if now < used:
            intervals, frames = [], []
        used = now
        intervals.append(line)
    if not intervals:
        raise UsageError(
            f"{path}: no interval has ended yet, so there is nothing to diagnose; wait until "
            "the run has printed its first line of progress"
        )
    return intervals, frames


def _rates(intervals: list[dict[str, Any]]) -> tuple[Points, Points]:
    """Return iterations per second and per CPU second, between lines not too close."""
    seconds, rates, per_cpu = [], [], []
    for earlier, later in itertools.pairwise(intervals):
        took = later["seconds"] - earlier["seconds"]
        cpu = sum(
            later[f"{kind}_cpu_seconds"] - earlier[f"{kind}_cpu_seconds"]
            for kind in ("user", "system")
        )
        if took < LEAST_FRAME_SECONDS or cpu <= 0:
            continue
        done = later["iterations"] - earlier["iterations"]
        seconds.append(float(later["seconds"]))
        rates.append(done / took)
        per_cpu.append(done / cpu)
    at = tuple(seconds)
    return Points(at, tuple(rates)), Points(at, tuple(per_cpu))
