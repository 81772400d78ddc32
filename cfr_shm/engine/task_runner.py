"""Runs tasks on the tables, one after another: the part that a process and a thread share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from cfr_shm.engine.handshake import (
    AssignMessage,
    Message,
    ResultMessage,
    ShutdownMessage,
    TaskMessage,
)
from cfr_shm.engine.kernel_calls import prepare_kernel
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.usage import Usage
from cfr_shm.layout.control import RANKS_AT_FIRST, RANKS_LEFT, worker_line
from cfr_shm.layout.task import (
    NEVER,
    RESULT_ITERATIONS,
    RESULT_NODES,
    RESULT_UTILITY,
    RESULT_WEIGHT,
    WEIGHT_VANILLA,
    Task,
)
from cfr_shm.memory.tables import TrainingViews


class TaskChannel(Protocol):
    """Where tasks come from and results go to: a pipe, or two queues within one process."""

    def receive(self) -> Message:
        """Block, without a timeout, until there is a message."""
        ...

    def send(self, message: Message) -> None:
        """Send a message; bounded."""
        ...


class TaskRunner:
    """One worker's kernel, its scratch memory and its view of the shared tables.

    Args:
        settings: the engine's.
        views: of the arena, or of private memory.
        worker: index of the worker; its line of the control block is its own.
    """

    def __init__(self, settings: EngineSettings, views: TrainingViews, worker: int) -> None:
        self._settings, self._views = settings, views
        self._prepare(worker)
        self._result = np.zeros(RESULT_UTILITY + settings.player_count)
        task = Task(
            seed=settings.seed,
            first_iteration=0,
            iteration_count=0,
            drain_window=settings.drain_window,
            weighting=settings.weighting_kind,
            update=settings.update_kind,
            worker_line=worker_line(worker),
        )
        task = settings.algorithm.extend(task)
        if settings.freeze is not None:
            # Weights and the floor are for the border.
            task = task._replace(
                weighting=WEIGHT_VANILLA, update=settings.increment_kind, regret_floor=NEVER
            )
        self._task = task

    def assign(self, worker: int) -> None:
        """Be the worker of this index from now on."""
        self._prepare(worker)
        self._task = self._task._replace(worker_line=worker_line(worker))

    def run(self, first_iteration: int, iteration_count: int) -> Any:
        """Run a task and return the kernel's result, ``(RESULT_UTILITY + players,)`` float64.

        The array is overwritten by the next task. No iterations at all load the kernel from
        the cache, or compile it, and change nothing.
        """
        scale = self._scale()
        task = self._task._replace(
            first_iteration=first_iteration,
            iteration_count=iteration_count,
            regret_floor=self._task.regret_floor * scale,
            prune_threshold=self._task.prune_threshold * scale,
        )
        self._result[:] = 0.0
        self._call(task, self._result)
        return self._result

    def _scale(self) -> float:
        """Return how many times the settled ones regrets are, where ranks have died."""
        control = self._views.control
        left = int(control[RANKS_LEFT])
        return int(control[RANKS_AT_FIRST]) / left if left else 1.0

    def _prepare(self, worker: int) -> None:
        self._call = prepare_kernel(self._settings, self._views, worker)


def serve(channel: TaskChannel, runner: TaskRunner, usage: Callable[[], Usage]) -> None:
    """Run tasks from ``channel`` until a shutdown message comes.

    Between its first task and its last result a worker is either in its kernel or, for the
    time that is reported as blocked, in receive. A task that waits in the pipe does not block.
    """
    at_start = usage()
    first_task_at: float | None = None
    blocked = 0.0
    while True:
        idle_from = time.perf_counter()
        message = channel.receive()
        began = time.perf_counter()
        if isinstance(message, ShutdownMessage):
            return
        if isinstance(message, AssignMessage):
            runner.assign(message.worker)
            continue
        if not isinstance(message, TaskMessage):
            raise TypeError(f"expected a task, got {type(message).__name__}")
        if first_task_at is None:
            first_task_at = began
        else:
            blocked += began - idle_from
        result = runner.run(message.first_iteration, message.iteration_count)
        ended = time.perf_counter()
        used = usage().since(at_start)
        channel.send(
            ResultMessage(
                task_id=message.task_id,
                iterations=int(result[RESULT_ITERATIONS]),
                nodes=int(result[RESULT_NODES]),
                strategy_weight=float(result[RESULT_WEIGHT]),
                kernel_seconds=ended - began,
                active_seconds=ended - first_task_at,
                blocked_seconds=blocked,
                user_seconds=used.user_seconds,
                system_seconds=used.system_seconds,
                voluntary_switches=used.voluntary_switches,
                involuntary_switches=used.involuntary_switches,
                utility_sums=tuple(result[RESULT_UTILITY:].tolist()),
            )
        )
