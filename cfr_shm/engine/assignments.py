"""Who has which tasks, since when, and for how long nobody can have an answer.

The coordinator's side of the handshake: a task is handed to one worker or to several, each
answers its tasks in the order in which it got them, and at any time is at the first of those that
it has not answered.
"""

from __future__ import annotations

from cfr_shm.engine.batches import BatchSizer
from cfr_shm.engine.clock import Clock
from cfr_shm.engine.crew import TASKS_PER_WORKER, Crew
from cfr_shm.engine.deadlines import DeadlineWatch
from cfr_shm.engine.handshake import ResultMessage, TaskMessage
from cfr_shm.engine.ledger import Range
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.waits import LATE
from cfr_shm.engine.worker_record import WorkerRecord
from cfr_shm.errors import WorkerError


class Assignments:
    """The tasks that are out; one engine's, for its life.

    Args:
        settings: the engine's.
        crew: whom tasks are sent to.
        clock: monotonic clock.

    Attributes:
        workers: (workers,) what is known of each.
        watch: since when each has been at its task, and until when it may.
        batches: answers so far.
        first_task_at: monotonic moment at which the first task was sent, None before.
        last_result_at: monotonic moment of the last answer.
    """

    def __init__(self, settings: EngineSettings, crew: Crew, clock: Clock) -> None:
        self.workers = [_new_worker(settings) for _ in range(settings.worker_count)]
        self.watch = DeadlineWatch(clock, settings.deadline_seconds)
        self.batches = 0
        self.first_task_at: float | None = None
        self.last_result_at = 0.0
        self._crew = crew
        self._clock = clock
        self._next_task_id = 0

    def has_room(self, worker: int) -> bool:
        """Return whether a worker is there and may be given one more task."""
        record = self.workers[worker]
        return record.is_ready and len(record.unanswered) < TASKS_PER_WORKER

    def give(self, taken: Range, *workers: int) -> TaskMessage:
        """Make a task of iterations (first, count), send it to all ``workers``, and return it."""
        task = TaskMessage(self._next_task_id, *taken)
        self._next_task_id += 1
        if self.first_task_at is None:
            self.first_task_at = self._clock.monotonic()
        for worker in workers:
            record = self.workers[worker]
            record.unanswered.append(task)
            if len(record.unanswered) == 1:
                self._begin(worker)
            self._crew.send(worker, task)
        return task

    def answered(self, worker: int, result: ResultMessage, *, measured: bool = True) -> TaskMessage:
        """Note that a worker has answered the first of its tasks, and return that.

        Args:
            worker: whose answer it is.
            result: the answer.
            measured: whether its time says how fast the worker is.

        Raises:
            WorkerError: it is an answer to something else.
        """
        record = self.workers[worker]
        task = record.unanswered.popleft() if record.unanswered else None
        if task is None or result.task_id != task.task_id:
            raise WorkerError(f"worker {worker} answered task {result.task_id} out of turn")
        if measured:
            record.sizer.observe(result.iterations, result.kernel_seconds)
            record.batch = result.iterations or record.batch
        record.last = result
        record.reported = True
        if record.unanswered:
            self._begin(worker)
        else:
            self.watch.end(worker)
        self.last_result_at = self._clock.monotonic()
        self.batches += 1
        return task

    def lost(self, worker: int) -> list[TaskMessage]:
        """Note that a worker is gone; return the tasks that it has not answered."""
        self.watch.end(worker)
        return self.workers[worker].lose()

    def has(self, task: TaskMessage) -> bool:
        """Return whether anybody has not answered ``task``."""
        return any(task in worker.unanswered for worker in self.workers)

    def unanswered(self) -> int:
        """Return how many answers are due: 0 says that nobody writes to the tables."""
        return sum(len(worker.unanswered) for worker in self.workers)

    def all_ready(self) -> bool:
        """Return whether nobody waits for the successor of a lost worker."""
        return all(worker.is_ready for worker in self.workers)

    def begin_round(self) -> None:
        """Forget who has reported in the last round of collection."""
        for worker in self.workers:
            worker.reported = False

    def waiting_for(self) -> int:
        """Return how many workers have a task out and have not reported in this round."""
        return sum(1 for worker in self.workers if worker.unanswered and not worker.reported)

    def quiet_seconds(self) -> float:
        """Return for how long no result can be due: 0 as long as a rate is not known."""
        now = self._clock.monotonic()
        quiet = float("inf")
        for index, record in enumerate(self.workers):
            began = self.watch.began(index)
            if began is None:
                continue
            expected = record.sizer.seconds_for(record.unanswered[0].iteration_count)
            if expected is None:
                return 0.0
            quiet = min(quiet, began + expected * LATE - now)
        return 0.0 if quiet == float("inf") else max(0.0, quiet)

    def seconds(self) -> float:
        """Return the time from the first task to the last answer."""
        started = self.first_task_at
        return 0.0 if started is None else max(0.0, self.last_result_at - started)

    def _begin(self, worker: int) -> None:
        """Note that a worker is now at the first of its tasks."""
        record = self.workers[worker]
        record.heartbeat = self._crew.heartbeat(worker)
        expected = record.sizer.seconds_for(record.unanswered[0].iteration_count)
        self.watch.begin(worker, expected)


def _new_worker(settings: EngineSettings) -> WorkerRecord:
    sizer = BatchSizer(settings.drain_window, settings.batch_seconds, settings.batch_size)
    return WorkerRecord(sizer)
