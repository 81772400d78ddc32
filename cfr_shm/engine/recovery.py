"""What happens when a worker dies or hangs.

A death ends a wait of the coordinator by itself (the crew's sentinels); that a worker hangs is
found out by looking (``see_to_liveness``), and it is killed, which is a death like any other::

    dead --> the tasks that it had not answered --> the dealing policy takes them back
         --> a line for the user --> a successor is asked for --> the policy goes on
    ...
    successor ready --> it is given tasks

What is in the table twice, or is run again, is the policy's to know; how often somebody may die
is the account's (``loss_account``). With ``on_worker_death`` "abort" nobody is replaced.
"""

from __future__ import annotations

from collections.abc import Callable

from cfr_shm.engine.books import Books
from cfr_shm.engine.clock import Clock
from cfr_shm.engine.dealing.contract import Dealing, Loss
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.waits import LIVENESS_SECONDS
from cfr_shm.errors import DeadlineError, WorkerError


class Recovery:
    """Sees to one engine's workers, and to what is done without them.

    Args:
        settings: the engine's.
        books: the engine's.
        dealing: the engine's policy.
        clock: monotonic clock.
        tell: told in one line of each worker that was lost and is being replaced.
    """

    def __init__(
        self,
        settings: EngineSettings,
        books: Books,
        dealing: Dealing,
        clock: Clock,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._crew = books.crew
        self._assignments = books.assignments
        self._losses = books.losses
        self._dealing = dealing
        self._clock = clock
        self._tell = tell
        self._checked_at = 0.0

    def lost(self, worker: int, reason: str, ledger: IterationLedger) -> None:
        """Take back what a dead worker has not answered, and have it replaced.

        Raises:
            WorkerError: workers are not or cannot be replaced, or this was once too often.
        """
        if self._settings.on_worker_death == "abort" and self._dealing.recovers:
            raise WorkerError(reason)
        unreported = self._crew.unreported(worker)
        loss = Loss(worker, reason, self._assignments.lost(worker), unreported)
        again = self._dealing.take_back(loss, ledger)
        self._tell(f"{reason}; it is being replaced{again}")
        self._crew.replace(worker)
        self._dealing.go_on(ledger)

    def joined(self, worker: int) -> None:
        """Note that a worker's successor is ready for tasks."""
        self._assignments.workers[worker].is_ready = True
        self._losses.joined(worker)

    def see_to_liveness(self) -> None:
        """Look after those who start, and end who is over its time; every 0.1 s or so.

        Raises:
            DeadlineError: a worker did not answer in time and is not replaced.
        """
        now = self._clock.monotonic()
        if now - self._checked_at < LIVENESS_SECONDS:
            return
        self._checked_at = now
        self._crew.check()
        overdue = self._assignments.watch.overdue()
        if overdue is not None:
            self._see_to(self._dealing.culprit(overdue))

    def _see_to(self, worker: int) -> None:
        """End a worker that others wait for, unless it is only slow."""
        watch, record = self._assignments.watch, self._assignments.workers[worker]
        heartbeat = self._crew.heartbeat(worker)
        if heartbeat != record.heartbeat and self._settings.deadline_seconds is None:
            # Slow, not stuck: it has finished a window since.
            record.heartbeat = heartbeat
            watch.extend(worker)
            return
        task, allowed = record.unanswered[0], watch.allowed(worker)
        reason = (
            f"did not finish iterations [{task.first_iteration}, "
            f"{task.first_iteration + task.iteration_count}) within {allowed:g} s: it was stopped "
            "or hung; if the machine is only slow, raise engine.deadline_seconds"
        )
        watch.end(worker)
        self._crew.give_up(worker, reason)
        if self._settings.on_worker_death == "abort":
            raise DeadlineError(f"worker {worker} {reason}")
