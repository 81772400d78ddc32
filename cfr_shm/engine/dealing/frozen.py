"""All workers are dealt the same iterations, which they run freeze by freeze (deterministic mode).

::

    ledger --take--> task --to every worker--> freeze, border, freeze, border, ...
      ^                                             |  they meet in shared memory
      +------ when all have answered ---------------+

A task is many freezes long, so that messages are as rare as in async mode. All workers answer
with the same iterations; nodes and utilities are each worker's own.

When a worker dies the others cannot go on: it will not come to the next meeting. They are told
to stop at once, and when all have answered the table is brought to a border
(``freezes.Freezes.settle``). What the freezes' own totals say is then done of the tasks that
were out is completed, the rest goes back to the ledger, and everybody goes on once the
successor is ready. Nothing is in the table twice and nothing is missing.
"""

from __future__ import annotations

from cfr_shm.engine.books import Books
from cfr_shm.engine.dealing.contract import Loss
from cfr_shm.engine.dealing.together import TasksOfAll, culprit_of_meetings
from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.handshake import ResultMessage
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.errors import WorkerError
from cfr_shm.layout.control import RUN, STOP_NOW


class DealFrozen:
    """The policy of deterministic mode.

    Args:
        books: the engine's.
        freezes: of the tables that the crew works on.
    """

    recovers = True

    def __init__(self, books: Books, freezes: Freezes) -> None:
        self._books = books
        self._tasks = TasksOfAll(books)
        self._freezes = freezes
        self._utility_units = [0] * len(books.totals.utility_sums)
        self._stopping = False  # somebody died: those who live are told to stop at once

    @property
    def may_stop_at_windows(self) -> bool:
        """Whether a pause may set the stop flag: not while it says to stop at once."""
        return not self._stopping

    @property
    def clamped_regrets(self) -> int:
        """How often a regret was put back to a limit at a border."""
        return self._freezes.clamped

    def fill(self, worker: int, ledger: IterationLedger) -> None:  # noqa: ARG002 - all or nobody
        """Give everybody as many tasks as they may have in flight."""
        if not self._stopping:
            self._tasks.fill(ledger)

    def accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a worker's answer; the last one to a task completes it."""
        books = self._books
        task = books.assignments.answered(worker, result, measured=not self._stopping)
        if self._stopping:
            self._settle_when_idle(ledger)
            return
        books.totals.nodes += result.nodes
        for player, units in enumerate(result.utility_sums):
            self._utility_units[player] += int(units)
        books.losses.done(worker, task.first_iteration, result.iterations)
        if not books.assignments.has(task):
            self._tasks.complete(result.iterations, ledger)
        self._publish_utilities()

    def take_back(self, loss: Loss, ledger: IterationLedger) -> str:  # noqa: ARG002 - settled later
        """Have everybody stop at once."""
        self._books.losses.lost(loss.worker, loss.reason, None, 0)
        self._stopping = True
        self._books.crew.set_stop(STOP_NOW)
        return ", its freeze is run again"

    def go_on(self, ledger: IterationLedger) -> None:
        """Bring table and books to a border if nobody who lives has anything to answer."""
        self._settle_when_idle(ledger)

    def culprit(self, overdue: int) -> int:
        """Return who has come to fewer meetings than the others: they wait for it."""
        return culprit_of_meetings(self._books, self._freezes.slowest(), overdue)

    def settle(self) -> None:
        """Do nothing: a task ends at a border."""

    def _settle_when_idle(self, ledger: IterationLedger) -> None:
        """Bring table and books to a border once all who live have stopped."""
        books = self._books
        if books.assignments.unanswered():
            return
        self._freezes.settle()
        iterations, books.totals.nodes, units = self._freezes.totals()
        self._utility_units = list(units)
        self._publish_utilities()
        left = iterations - books.totals.iterations
        if left:
            # Everybody took part in what was done since the last death: no crash loop.
            for worker in range(len(books.assignments.workers)):
                books.losses.done(worker, 0, 0)
        while (task := self._tasks.oldest()) is not None:
            done = min(left, task.iteration_count)
            self._tasks.complete(done, ledger)
            left -= done
        if left:
            raise WorkerError(f"{left} iterations are in the table that nobody was to run")
        self._stopping = False
        books.crew.set_stop(RUN)

    def _publish_utilities(self) -> None:
        per_chip = self._freezes.utility_units
        self._books.totals.utility_sums = [units / per_chip for units in self._utility_units]
