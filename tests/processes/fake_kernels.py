"""Stand-ins for a traversal kernel, by import path: well-behaved, hanging, failing, crashing.

All of them do nothing for a task without iterations, as a kernel does, so that workers start.
Misbehaviour begins at iteration ``FAULT``.
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any

from cfr_shm.layout import (
    RESULT_ITERATIONS,
    RESULT_NODES,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    RUN,
    STOP_FLAG,
)

FAULT = 8 * 1024
SECONDS_PER_ITERATION = 2e-6


def _faulty(task: Any) -> bool:
    return bool(task.first_iteration + task.iteration_count > FAULT)


def counting(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Take a fixed time per iteration, and count iterations where a kernel would play them."""
    first, end = task.first_iteration, task.first_iteration + task.iteration_count
    while first < end and control[STOP_FLAG] == RUN:
        border = min(end, (first // task.drain_window + 1) * task.drain_window)
        time.sleep((border - first) * SECONDS_PER_ITERATION)
        table.strategy_sum[first % table.strategy_sum.size] += 1.0
        result[RESULT_ITERATIONS] += border - first
        result[RESULT_NODES] += 3 * (border - first)
        result[RESULT_WEIGHT] += border - first
        result[RESULT_UTILITY] += border - first
        first = border


def hanging(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Never return, and never look at the stop flag."""
    while _faulty(task):
        time.sleep(3600)
    counting(tree, deals, table, task, scratch, control, result)


def failing(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Raise, far down and with a long message."""
    if _faulty(task):
        raise ValueError("poisoned task\n" + "x" * 10_000)
    counting(tree, deals, table, task, scratch, control, result)


def leaving(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Leave with exit status 0, as if all were well."""
    if _faulty(task):
        os._exit(0)
    counting(tree, deals, table, task, scratch, control, result)


def leaving_with_seven(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Leave with exit status 7."""
    if _faulty(task):
        os._exit(7)
    counting(tree, deals, table, task, scratch, control, result)


def crashing(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Read through a null pointer."""
    if _faulty(task):
        ctypes.string_at(0)
    counting(tree, deals, table, task, scratch, control, result)


def failing_at_start(
    tree: Any, deals: Any, table: Any, task: Any, scratch: Any, control: Any, result: Any
) -> None:
    """Raise in the workers' first call; the coordinator's own call passes."""
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        raise RuntimeError("no kernel for this machine")
