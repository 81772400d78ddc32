"""Watch a tree of processes for a while and judge it."""

from __future__ import annotations

import time
from collections.abc import Callable

from cfr_shm.errors import CfrShmError
from cfr_shm.telemetry.diagnostics import Diagnosis, diagnose
from cfr_shm.telemetry.samples import Frame, Sampler, frame_between


def watch_process(
    pid: int,
    seconds: float,
    interval: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Diagnosis:
    """Sample a process and its children for ``seconds``, and judge them.

    Ends early, and judges what was seen, when the process does.

    Args:
        pid: of the root of the tree.
        seconds: how long.
        interval: between samples; stretched where sampling would cost too much.
        sleep: tests put another in its place.

    Raises:
        UsageError: there is no such process, or it is another user's.
        CfrShmError: it ended before there was anything to judge.
    """
    frames: list[Frame] = []
    sampler = Sampler(pid)
    earlier = sampler.snapshot()
    # The first snapshot pays for finding the children; the second tells the usual cost.
    earlier = sampler.snapshot()
    end = earlier.monotonic + seconds
    while (left := end - time.monotonic()) > 0:
        sleep(min(left, sampler.interval(interval)))
        later = sampler.snapshot()
        if not any(process.pid == pid for process in later.processes):
            break
        frame = frame_between(earlier, later)
        if frame is not None:
            frames.append(frame)
        earlier = later
    if not frames:
        raise CfrShmError(
            f"process {pid} ended before there was anything to judge; watch a longer one"
        )
    return diagnose(f"process {pid}", frames)
