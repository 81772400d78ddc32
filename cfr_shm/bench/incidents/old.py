"""The old behaviours: workers that compute for a while and send their tables through a queue.

What they compute is of no interest here (a hash), how long it takes and what happens between
the batches is. Nothing of this is used for training.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import queue
import time
from collections.abc import Callable
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

import numpy as np

_BLOCK = bytes(1 << 16)

Infosets = dict[str, tuple[Any, Any]]


class Batch(NamedTuple):
    """What an old worker is asked for, and sends back with its table."""

    seconds: float
    infosets: int


class Report(NamedTuple):
    """An old worker's result: its whole table, and how long it has waited so far."""

    worker: int
    infosets: Infosets
    blocked_seconds: float
    active_seconds: float


def compute(seconds: float) -> None:
    """Use one core for ``seconds``."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        hashlib.sha256(_BLOCK).digest()


def infoset_table(count: int) -> Infosets:
    """Return ``count`` infosets as the old trainers kept them: regrets and sums by name."""
    return {f"infoset {i}": (np.zeros(3), np.full(3, float(i))) for i in range(count)}


def message_bytes(count: int) -> int:
    """Return how many bytes a table of ``count`` infosets takes in a pipe."""
    return len(ForkingPickler.dumps(infoset_table(count)))


def _worker(
    worker: int, tasks: Queue[Batch | None], results: Queue[Report], poll: float | None
) -> None:
    """Serve batches until None comes; ``poll``: wake up this often to see if one has."""
    first, blocked = None, 0.0
    while True:
        began = time.perf_counter()
        batch = _receive(tasks, poll)
        now = time.perf_counter()
        if batch is None:
            return
        if first is None:
            first = now
        else:
            blocked += now - began
        compute(batch.seconds)
        table = infoset_table(batch.infosets)
        results.put(Report(worker, table, blocked, time.perf_counter() - first))


def _receive(tasks: Queue[Batch | None], poll: float | None) -> Batch | None:
    while True:
        try:
            return tasks.get(timeout=poll)
        except queue.Empty:
            continue


class OldTrainer:
    """Workers with a queue of tasks each and one queue for the results of all.

    Args:
        workers: how many.
        poll: seconds after which an idle worker wakes up to look for a task, None: never.
    """

    def __init__(self, workers: int, poll: float | None = None) -> None:
        context: SpawnContext = multiprocessing.get_context("spawn")
        self.results: Queue[Report] = context.Queue()
        self.tasks: list[Queue[Batch | None]] = [context.Queue() for _ in range(workers)]
        self.processes: list[BaseProcess] = [
            context.Process(target=_worker, args=(i, tasks, self.results, poll), daemon=True)
            for i, tasks in enumerate(self.tasks)
        ]
        self.polls = 0
        self.batches = 0
        self.blocked = [0.0] * workers
        self.active = [0.0] * workers
        for process in self.processes:
            process.start()

    def warm_up(self) -> None:
        """Return when every worker has answered a batch of nothing; the figures begin anew."""
        self.send([0.0] * len(self.tasks), 0)
        for _ in self.tasks:
            self.results.get()

    def send(self, seconds: list[float], infosets: int) -> None:
        """Give every worker one batch."""
        for tasks, each in zip(self.tasks, seconds, strict=True):
            tasks.put(Batch(each, infosets))

    def take(self, timeout: float) -> bool:
        """Poll the results once; return whether there was one."""
        self.polls += 1
        try:
            report = self.results.get(timeout=timeout)
        except queue.Empty:
            return False
        self.batches += 1
        self.blocked[report.worker] = report.blocked_seconds
        self.active[report.worker] = report.active_seconds
        return True

    def busy_fractions(self) -> list[float]:
        """Return each worker's share of time in which it computed."""
        pairs = zip(self.blocked, self.active, strict=True)
        return [1.0 - blocked / active for blocked, active in pairs if active > 0]

    def run(
        self, seconds: float, batch: list[float], infosets: int, collect: Callable[[], None]
    ) -> None:
        """Send batches and ``collect`` their results until ``seconds`` have passed."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.send(batch, infosets)
            collect()

    def collect_sleeping(self, pause: float) -> None:
        """Look for results every ``pause`` seconds until all are there (D2)."""
        missing = len(self.tasks)
        while missing:
            time.sleep(pause)
            while missing and self.take(0.0):
                missing -= 1

    def collect_polling(self, timeout: float) -> None:
        """Poll with one short timeout, without end, until all results are there (D3, D5)."""
        missing = len(self.tasks)
        while missing:
            missing -= self.take(timeout)

    def join(self) -> None:
        """Tell the workers to leave, and wait until they have."""
        for tasks in self.tasks:
            tasks.put(None)
        for process in self.processes:
            process.join()
