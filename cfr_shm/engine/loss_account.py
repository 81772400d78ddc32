"""The account of workers that were lost: how often, what is run again, and when to give up.

A lost worker's tasks go back to the ledger and are run again from their start, so that what it
had done of the first of them, and not reported, is in the table twice: at least once, never
less. Every such iteration is counted; each counts once among the run's iterations.
"""

from __future__ import annotations

from cfr_shm.engine.clock import Clock
from cfr_shm.engine.crew import TRIES
from cfr_shm.engine.handshake import TaskMessage
from cfr_shm.errors import WorkerError


class LossAccount:
    """What one engine knows of its lost workers.

    Args:
        worker_count: workers of the engine.
        drain_window: iterations; a worker tells at its multiples how far it has come.
        clock: monotonic clock.

    Attributes:
        restarts: (workers,) how often each was replaced.
        replayed_iterations: iterations that may be in the table twice.
        longest_recovery_seconds: from the news of a death to its successor's first task.
    """

    def __init__(self, worker_count: int, drain_window: int, clock: Clock) -> None:
        self.restarts = [0] * worker_count
        self.replayed_iterations = 0
        self.longest_recovery_seconds = 0.0
        self._drain_window = drain_window
        self._clock = clock
        self._in_a_row = [0] * worker_count
        self._ended: dict[int, int] = {}  # first iteration of a task, workers that it has ended
        self._lost_at: dict[int, float] = {}

    def lost(self, worker: int, reason: str, task: TaskMessage | None, unreported: int) -> int:
        """Enter a death and return how many iterations are run again.

        Args:
            worker: who died.
            reason: one line, for the message.
            task: what it was at, None if it had nothing to do.
            unreported: iterations that it had done of it.

        Raises:
            WorkerError: that was once too often.
        """
        self._lost_at.setdefault(worker, self._clock.monotonic())
        self._in_a_row[worker] += 1
        if self._in_a_row[worker] >= TRIES:
            raise WorkerError(
                f"{reason}; worker {worker} has now died {TRIES} times without finishing a task: "
                "giving up"
            )
        replayed = 0
        if task is not None:
            # It may have been killed within the next window.
            replayed = min(task.iteration_count, unreported + self._drain_window)
            self._check_task(reason, task)
        self.restarts[worker] += 1
        self.replayed_iterations += replayed
        return replayed

    def joined(self, worker: int) -> None:
        """Enter that a lost worker's successor is ready."""
        lost_at = self._lost_at.pop(worker, None)
        if lost_at is not None:
            seconds = self._clock.monotonic() - lost_at
            self.longest_recovery_seconds = max(self.longest_recovery_seconds, seconds)

    def done(self, worker: int, first: int, count: int) -> None:
        """Enter that a worker has done ``count`` iterations from ``first`` on."""
        self._in_a_row[worker] = 0
        for key in [key for key in self._ended if first <= key < first + count]:
            del self._ended[key]

    def _check_task(self, reason: str, task: TaskMessage) -> None:
        """Give up on a task that ends whoever takes it.

        Raises:
            WorkerError: it has ended ``TRIES`` workers.
        """
        first, end = task.first_iteration, task.first_iteration + task.iteration_count
        before = [tries for key, tries in self._ended.items() if first <= key < end]
        tries = 1 + max(before, default=0)
        if tries >= TRIES:
            raise WorkerError(
                f"{reason}; iterations [{first}, {end}) have now ended {TRIES} workers: giving up"
            )
        self._ended[first] = tries
