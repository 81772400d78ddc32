"""The engine of deterministic mode: every task is for all workers.

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

from collections import deque
from dataclasses import replace

from cfr_shm.engine.clock import Clock
from cfr_shm.engine.collection import CollectionLimits
from cfr_shm.engine.coordinator import Engine
from cfr_shm.engine.crew import TASKS_PER_WORKER, Crew
from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import WorkerError
from cfr_shm.layout import RUN, STOP_NOW


class FrozenEngine(Engine):
    """What trains in deterministic mode.

    Args:
        settings: the engine's; ``drain_window`` is the freeze.
        crew: not started yet; the engine starts and closes it.
        freezes: of the tables that the crew works on.
        clock: monotonic clock.
        limits: of the collection policy.
    """

    def __init__(
        self,
        settings: EngineSettings,
        crew: Crew,
        freezes: Freezes,
        clock: Clock | None = None,
        limits: CollectionLimits | None = None,
    ) -> None:
        super().__init__(settings, crew, clock, limits)
        assert settings.freeze is not None
        self._freezes = freezes
        self._per_utility = settings.freeze.per_utility
        self._utility_units = [0] * settings.player_count
        self._out: deque[TaskMessage] = deque()  # tasks that not all have answered
        self._aborting = False

    def stats(self) -> EngineStats:
        """Return the totals so far."""
        return replace(super().stats(), clamped_regrets=self._freezes.clamped)

    def _fill(self, worker: int, ledger: IterationLedger) -> None:  # noqa: ARG002 - all or nobody
        """Give everybody as many tasks as they may have in flight."""
        while not self._aborting and all(
            state.is_ready and len(state.unanswered) < TASKS_PER_WORKER for state in self._workers
        ):
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

    def _accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a worker's result; the last one of a task completes it."""
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
        if self._aborting:
            self._settle_when_idle(ledger)
            return
        state.sizer.observe(result.iterations, result.kernel_seconds)
        state.batch = result.iterations or state.batch
        self._nodes += result.nodes
        for player, units in enumerate(result.utility_sums):
            self._utility_units[player] += int(units)
        self._losses.done(worker, task.first_iteration, result.iterations)
        if not any(task in other.unanswered for other in self._workers):
            self._complete(result.iterations, ledger)
        self._publish_utilities()

    def _complete(self, done: int, ledger: IterationLedger) -> None:
        """Enter that ``done`` iterations of the oldest task are in the table, and no others."""
        task = self._out.popleft()
        if done:
            ledger.complete(task.first_iteration, done)
        if done < task.iteration_count:
            ledger.give_back(task.first_iteration + done, task.iteration_count - done)
        self._iterations += done

    def _lose(self, worker: int, reason: str, ledger: IterationLedger) -> None:
        """Have everybody stop at once, and a dead worker replaced.

        Raises:
            WorkerError: workers are not to be replaced, or this was once too often.
        """
        if self._settings.on_worker_death == "abort":
            raise WorkerError(reason)
        self._watch.end(worker)
        self._workers[worker].lose()
        self._losses.lost(worker, reason, None, 0)
        self._aborting = True
        self._crew.set_stop(STOP_NOW)
        self._crew.replace(worker)
        self.on_loss(f"{reason}; it is being replaced, its freeze is run again")
        self._settle_when_idle(ledger)

    def _settle_when_idle(self, ledger: IterationLedger) -> None:
        """Bring table and books to a border once all who live have stopped."""
        if self._unanswered():
            return
        self._freezes.settle()
        iterations, self._nodes, units = self._freezes.totals()
        self._utility_units = list(units)
        self._publish_utilities()
        left = iterations - self._iterations
        if left:
            # Everybody took part in what was done since the last death: no crash loop.
            for worker in range(len(self._workers)):
                self._losses.done(worker, 0, 0)
        while self._out:
            done = min(left, self._out[0].iteration_count)
            self._complete(done, ledger)
            left -= done
        if left:
            raise WorkerError(f"{left} iterations are in the table that nobody was to run")
        self._aborting = False
        self._crew.set_stop(RUN)

    def _stop_at_window(self) -> None:
        if not self._aborting:
            super()._stop_at_window()

    def _publish_utilities(self) -> None:
        self._utility_sums = [units / self._per_utility for units in self._utility_units]

    def _culprit(self, overdue: int) -> int:
        """Return who has come to fewer meetings than the others: they wait for it."""
        slowest = self._freezes.slowest()
        return slowest if self._workers[slowest].unanswered else overdue
