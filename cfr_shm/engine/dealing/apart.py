"""Each worker is dealt iterations of its own.

What a lost worker had done of its first task, and not reported, is in the table: its tasks go back
to the ledger and are run again from their start, so that it is there twice. At least once, never
less; ``loss_account`` counts it.
"""

from __future__ import annotations

from collections.abc import Callable

from cfr_shm.engine.books import Books
from cfr_shm.engine.crew import TASKS_PER_WORKER
from cfr_shm.engine.dealing.contract import Loss
from cfr_shm.engine.handshake import ResultMessage
from cfr_shm.engine.ledger import IterationLedger


class DealApart:
    """The policy of async mode.

    Args:
        books: the engine's.
        settle: called when all tasks are answered: brings what workers keep apart into the table.
    """

    recovers = True
    may_stop_at_windows = True
    clamped_regrets = 0

    def __init__(self, books: Books, settle: Callable[[], None] | None = None) -> None:
        self._books = books
        self._settle = settle

    def fill(self, worker: int, ledger: IterationLedger) -> None:
        """Give a worker as many tasks as it may have in flight."""
        assignments = self._books.assignments
        workers = assignments.workers
        while assignments.has_room(worker):
            remaining = ledger.remaining
            share = (
                None if remaining is None else -(-remaining // (TASKS_PER_WORKER * len(workers)))
            )
            taken = ledger.take(workers[worker].sizer.next_size(share))
            if taken is None:
                return
            assignments.give(taken, worker)

    def accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Complete what the worker has done of its task; the rest goes back to the ledger."""
        task = self._books.assignments.answered(worker, result)
        done = result.iterations
        if done:
            ledger.complete(task.first_iteration, done)
            self._books.losses.done(worker, task.first_iteration, done)
        if done < task.iteration_count:
            ledger.give_back(task.first_iteration + done, task.iteration_count - done)
        self._books.totals.add(result)
        self._books.totals.iterations += done

    def take_back(self, loss: Loss, ledger: IterationLedger) -> str:
        """Give back what the dead worker has not answered; whoever is free runs it again."""
        for task in loss.tasks:
            ledger.give_back(task.first_iteration, task.iteration_count)
        at = loss.tasks[0] if loss.tasks else None
        replayed = self._books.losses.lost(loss.worker, loss.reason, at, loss.unreported)
        return f", {replayed:,} iterations are run again" if replayed else ""

    def go_on(self, ledger: IterationLedger) -> None:
        """Leave the others alone: they have tasks of their own."""

    def culprit(self, overdue: int) -> int:
        """Return who is overdue: nobody waits for another."""
        return overdue

    def settle(self) -> None:
        """Do what the engine was opened with."""
        if self._settle is not None:
            self._settle()
