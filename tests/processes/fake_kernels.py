"""Stand-ins for a traversal kernel, by import path: well-behaved, hanging, failing, crashing.

All of them do nothing for a task without iterations, as a kernel does, so that workers start.
Misbehaviour begins at iteration ``FAULT``.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

from cfr_shm.layout.control import (
    CONTROL_LINE_WORDS,
    RUN,
    STOP_FLAG,
    WORKER_HEARTBEAT,
    WORKER_ITERATIONS,
)
from cfr_shm.layout.task import RESULT_ITERATIONS, RESULT_NODES, RESULT_UTILITY, RESULT_WEIGHT

FAULT = 8 * 1024
SECONDS_PER_ITERATION = 2e-6

#: A word of the control block that nobody uses: how many faults there have been.
FAULTS = CONTROL_LINE_WORDS - 1


def _faulty(task: Any) -> bool:
    return bool(task.first_iteration + task.iteration_count > FAULT)


def _first_fault(task: Any, control: Any) -> bool:
    if not _faulty(task) or control[FAULTS]:
        return False
    control[FAULTS] = 1
    return True


def counting(views: Any, task: Any, result: Any) -> None:
    """Take a fixed time per iteration, and count iterations where a kernel would play them."""
    table, control = views.table, views.control
    first, end = task.first_iteration, task.first_iteration + task.iteration_count
    while first < end and control[STOP_FLAG] == RUN:
        border = min(end, (first // task.drain_window + 1) * task.drain_window)
        time.sleep((border - first) * SECONDS_PER_ITERATION)
        table.strategy_sum[first % table.strategy_sum.size] += 1.0
        control[task.worker_line + WORKER_ITERATIONS] += border - first
        control[task.worker_line + WORKER_HEARTBEAT] += 1
        result[RESULT_ITERATIONS] += border - first
        result[RESULT_NODES] += 3 * (border - first)
        result[RESULT_WEIGHT] += border - first
        result[RESULT_UTILITY] += border - first
        first = border


def hanging(views: Any, task: Any, result: Any) -> None:
    """Never return, and never look at the stop flag."""
    while _faulty(task):
        time.sleep(3600)
    counting(views, task, result)


def failing(views: Any, task: Any, result: Any) -> None:
    """Raise, far down and with a long message."""
    if _faulty(task):
        raise ValueError("poisoned task\n" + "x" * 10_000)
    counting(views, task, result)


def leaving(views: Any, task: Any, result: Any) -> None:
    """Leave with exit status 0, as if all were well."""
    if _faulty(task):
        os._exit(0)
    counting(views, task, result)


def leaving_with_seven(views: Any, task: Any, result: Any) -> None:
    """Leave with exit status 7."""
    if _faulty(task):
        os._exit(7)
    counting(views, task, result)


def crashing(views: Any, task: Any, result: Any) -> None:
    """Read through a null pointer."""
    if _faulty(task):
        ctypes.string_at(0)
    counting(views, task, result)


def failing_at_start(views: Any, task: Any, result: Any) -> None:
    """Raise in the workers' first call; the coordinator's own call passes."""
    if multiprocessing.parent_process() is not None:
        raise RuntimeError("no kernel for this machine")


def dying_at_start(views: Any, task: Any, result: Any) -> None:
    """Be killed in the workers' first call; the coordinator's own call passes."""
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)


def hanging_once(views: Any, task: Any, result: Any) -> None:
    """Hang the first time."""
    while _first_fault(task, views.control):
        time.sleep(3600)
    counting(views, task, result)


def dawdling(views: Any, task: Any, result: Any) -> None:
    """Take eighty times as long, the first time, for every window of the task."""
    windows = task.iteration_count // task.drain_window
    if windows > 1 and _first_fault(task, views.control):
        for window in range(windows):
            time.sleep(80 * task.drain_window * SECONDS_PER_ITERATION)
            part = task._replace(
                first_iteration=task.first_iteration + window * task.drain_window,
                iteration_count=task.drain_window,
            )
            counting(views, part, result)
    else:
        counting(views, task, result)


def cut_off_once(views: Any, task: Any, result: Any) -> None:
    """Be killed, the first time, after the length and a part of a message have been sent."""
    if _first_fault(task, views.control):
        for found in gc.get_objects():
            if isinstance(found, Connection) and found.writable and found.readable:
                os.write(found.fileno(), (100).to_bytes(4, "big") + b"the first half of it")
        os.kill(os.getpid(), signal.SIGKILL)
    counting(views, task, result)
