"""The engine whose workers run every task together, meeting in shared memory.

::

    ledger --take--> task --to every worker--> kernels meet, go on, meet, ...
      ^                                             |
      +------ when all have answered <--------------+

All workers answer a task with the same iterations; nodes and utilities are each worker's own.
As everywhere two tasks are in flight, so that nobody waits for the coordinator. The stop flag
is read at meetings and all act on one reading of it.

A worker that dies does not come to the next meeting. Here that ends the run; an engine whose
kernels can be brought back to a consistent table does better (``frozen_engine``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cfr_shm.engine.clock import Clock
from cfr_shm.engine.collection import CollectionLimits
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.crew import TASKS_PER_WORKER, Crew
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.errors import WorkerError


class JointEngine(Engine):
    """What trains where all workers take part in every task.

    Args:
        settings: the engine's.
        crew: not started yet; the engine starts and closes it.
        slowest: returns the worker that the others wait for, if they wait.
        clock: monotonic clock.
        limits: of the collection policy.
    """

    def __init__(
        self,
        settings: EngineSettings,
        crew: Crew,
        slowest: Callable[[], int],
        clock: Clock | None = None,
        limits: CollectionLimits | None = None,
    ) -> None:
        super().__init__(settings, crew, clock, limits)
        self._slowest = slowest
        self._out: deque[TaskMessage] = deque()  # tasks that not all have answered
        self._said: dict[int, int] = {}  # of these: iterations that the first answer tells, by id

    def _fill(self, worker: int, ledger: IterationLedger) -> None:  # noqa: ARG002 - all or nobody
        """Give everybody as many tasks as they may have in flight."""
        while self._may_give():
            remaining = ledger.remaining
            share = None if remaining is None else -(-remaining // TASKS_PER_WORKER)
            taken = ledger.take(self._workers[0].sizer.next_size(share))
            if taken is None:
                return
            task = TaskMessage(self._next_task_id, *taken)
            self._next_task_id += 1
            self._out.append(task)
            if self._first_task_at is None:
                self._first_task_at = self._clock.monotonic()
            for member, state in enumerate(self._workers):
                state.unanswered.append(task)
                if len(state.unanswered) == 1:
                    self._begin(member)
                self._crew.send(member, task)

    def _may_give(self) -> bool:
        """Return whether everybody can take another task."""
        return all(
            state.is_ready and len(state.unanswered) < TASKS_PER_WORKER for state in self._workers
        )

    def _accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a worker's result; the last one of a task completes it."""
        task = self._answered(worker, result)
        state = self._workers[worker]
        state.sizer.observe(result.iterations, result.kernel_seconds)
        state.batch = result.iterations or state.batch
        self._nodes += result.nodes
        self._strategy_weight += result.strategy_weight
        for player, utility in enumerate(result.utility_sums):
            self._utility_sums[player] += utility
        said = self._said.setdefault(task.task_id, result.iterations)
        if said != result.iterations:
            raise WorkerError(
                f"workers ran iterations from {task.first_iteration} on together, and say that "
                f"{said} and {result.iterations} were done"
            )
        if not any(task in other.unanswered for other in self._workers):
            self._complete(said, ledger)

    def _answered(self, worker: int, result: ResultMessage) -> TaskMessage:
        """Note that a worker has answered the first of its tasks, and return that."""
        state = self._workers[worker]
        task = state.unanswered.popleft() if state.unanswered else None
        if task is None or result.task_id != task.task_id:
            raise WorkerError(f"worker {worker} answered task {result.task_id} out of turn")
        state.last = result
        state.reported = True
        if state.unanswered:
            self._begin(worker)
        else:
            self._watch.end(worker)
        self._last_result_at = self._clock.monotonic()
        self._batches += 1
        return task

    def _complete(self, done: int, ledger: IterationLedger) -> None:
        """Enter that ``done`` iterations of the oldest task are in the table, and no others."""
        task = self._out.popleft()
        self._said.pop(task.task_id, None)
        if done:
            ledger.complete(task.first_iteration, done)
        if done < task.iteration_count:
            ledger.give_back(task.first_iteration + done, task.iteration_count - done)
        self._iterations += done

    def _lose(self, worker: int, reason: str, ledger: IterationLedger) -> None:  # noqa: ARG002
        """Refuse to go on: an iteration of all workers is half in the table.

        Raises:
            WorkerError: always.
        """
        raise WorkerError(
            f"{reason}; all workers were in the midst of an iteration, which cannot be repeated: "
            "resume the run from its last checkpoint"
        )

    def _culprit(self, overdue: int) -> int:
        """Return who has come to fewer meetings than the others: they wait for it."""
        slowest = self._slowest()
        return slowest if self._workers[slowest].unanswered else overdue
