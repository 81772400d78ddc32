"""All workers are dealt the same iterations, which they run together, meeting in shared memory.

::

    ledger --take--> task --to every worker--> kernels meet, go on, meet, ...
      ^                                             |
      +------ when all have answered <--------------+

All workers answer a task with the same iterations; nodes and utilities are each worker's own.
As everywhere two tasks are in flight, so that nobody waits for the coordinator. The stop flag
is read at meetings and all act on one reading of it.

A worker that dies does not come to the next meeting. Here that ends the run; where kernels can be
brought back to a consistent table there is more to be done (``frozen``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cfr_shm.engine.books import Books
from cfr_shm.engine.crew import TASKS_PER_WORKER
from cfr_shm.engine.dealing.contract import Loss
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.errors import WorkerError


class TasksOfAll:
    """The tasks that not all have answered; a policy's own, which is for all workers.

    Args:
        books: the engine's.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._out: deque[TaskMessage] = deque()

    def fill(self, ledger: IterationLedger) -> None:
        """Give everybody as many tasks as they may have in flight, as soon as all can take them."""
        assignments = self._books.assignments
        everybody = range(len(assignments.workers))
        while all(assignments.has_room(worker) for worker in everybody):
            remaining = ledger.remaining
            share = None if remaining is None else -(-remaining // TASKS_PER_WORKER)
            taken = ledger.take(assignments.workers[0].sizer.next_size(share))
            if taken is None:
                return
            self._out.append(assignments.give(taken, *everybody))

    def oldest(self) -> TaskMessage | None:
        """Return the task that has been out for longest, None where there is none."""
        return self._out[0] if self._out else None

    def complete(self, done: int, ledger: IterationLedger) -> None:
        """Enter that ``done`` iterations of the oldest task are in the table, and no others."""
        task = self._out.popleft()
        if done:
            ledger.complete(task.first_iteration, done)
        if done < task.iteration_count:
            ledger.give_back(task.first_iteration + done, task.iteration_count - done)
        self._books.totals.iterations += done


class DealTogether:
    """The policy of full-width algorithms on several workers.

    Args:
        books: the engine's.
        slowest: returns the worker that the others wait for, if they wait.
    """

    recovers = False
    may_stop_at_windows = True
    clamped_regrets = 0

    def __init__(self, books: Books, slowest: Callable[[], int]) -> None:
        self._books = books
        self._tasks = TasksOfAll(books)
        self._slowest = slowest
        self._said: dict[int, int] = {}  # by task: iterations that its first answer tells

    def fill(self, worker: int, ledger: IterationLedger) -> None:  # noqa: ARG002 - all or nobody
        """Give everybody as many tasks as they may have in flight."""
        self._tasks.fill(ledger)

    def accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a worker's answer; the last one to a task completes it.

        Raises:
            WorkerError: others say that another number of iterations was done.
        """
        task = self._books.assignments.answered(worker, result)
        self._books.totals.add(result)
        said = self._said.setdefault(task.task_id, result.iterations)
        if said != result.iterations:
            raise WorkerError(
                f"workers ran iterations from {task.first_iteration} on together, and say that "
                f"{said} and {result.iterations} were done"
            )
        if not self._books.assignments.has(task):
            del self._said[task.task_id]
            self._tasks.complete(said, ledger)

    def take_back(self, loss: Loss, ledger: IterationLedger) -> str:  # noqa: ARG002
        """Refuse to go on: an iteration of all workers is half in the table.

        Raises:
            WorkerError: always.
        """
        raise WorkerError(
            f"{loss.reason}; all workers were in the midst of an iteration, which cannot be "
            "repeated: resume the run from its last checkpoint"
        )

    def go_on(self, ledger: IterationLedger) -> None:
        """Nobody goes on."""

    def culprit(self, overdue: int) -> int:
        """Return who has come to fewer meetings than the others: they wait for it."""
        return culprit_of_meetings(self._books, self._slowest(), overdue)

    def settle(self) -> None:
        """Do nothing: everything is in the table."""


def culprit_of_meetings(books: Books, slowest: int, overdue: int) -> int:
    """Return the slowest worker if it has anything to do, else the one that is overdue."""
    return slowest if books.assignments.workers[slowest].unanswered else overdue
