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

from dataclasses import replace

from cfr_shm.engine.clock import Clock
from cfr_shm.engine.collection import CollectionLimits
from cfr_shm.engine.crew import Crew
from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.handshake import ResultMessage
from cfr_shm.engine.joint_engine import JointEngine
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.stats import EngineStats
from cfr_shm.errors import WorkerError
from cfr_shm.layout.control import RUN, STOP_NOW


class FrozenEngine(JointEngine):
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
        super().__init__(settings, crew, freezes.slowest, clock, limits)
        assert settings.freeze is not None
        self._freezes = freezes
        self._per_utility = settings.freeze.per_utility
        self._utility_units = [0] * settings.player_count
        self._aborting = False

    def stats(self) -> EngineStats:
        """Return the totals so far."""
        return replace(super().stats(), clamped_regrets=self._freezes.clamped)

    def _may_give(self) -> bool:
        return not self._aborting and super()._may_give()

    def _accept(self, worker: int, result: ResultMessage, ledger: IterationLedger) -> None:
        """Enter a worker's result; the last one of a task completes it."""
        task = self._answered(worker, result)
        if self._aborting:
            self._settle_when_idle(ledger)
            return
        state = self._workers[worker]
        state.sizer.observe(result.iterations, result.kernel_seconds)
        state.batch = result.iterations or state.batch
        self._nodes += result.nodes
        for player, units in enumerate(result.utility_sums):
            self._utility_units[player] += int(units)
        self._losses.done(worker, task.first_iteration, result.iterations)
        if not any(task in other.unanswered for other in self._workers):
            self._complete(result.iterations, ledger)
        self._publish_utilities()

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
        self.on_loss(f"{reason}; it is being replaced, its freeze is run again")
        self._crew.replace(worker)
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
