"""The crew of an in-process engine: one thread that runs the very tasks of a worker process.

The kernel runs in a helper thread and does not hold the GIL, so that the main thread sees
Ctrl-C at once. Tasks and results travel in two queues instead of a pipe; everything else is
shared with the processes, so that the tables come out the same, bit for bit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from cfr_shm.engine.crew import Collected, News
from cfr_shm.engine.handshake import Message, ResultMessage, ShutdownMessage, TaskMessage
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.task_runner import TaskRunner, serve
from cfr_shm.engine.usage import NOTHING, THREADS_ARE_TOLD, thread_usage
from cfr_shm.engine.waits import JOIN_SECONDS
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.layout.control import RUN, STOP_FLAG, STOP_NOW, WORKER_HEARTBEAT, worker_line
from cfr_shm.memory.tables import TrainingViews


class _QueueChannel:
    """The worker's end of two in-process queues."""

    def __init__(self) -> None:
        self.tasks: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.results: queue.SimpleQueue[Message | BaseException | None] = queue.SimpleQueue()

    def receive(self) -> Message:
        return self.tasks.get()

    def send(self, message: Message) -> None:
        self.results.put(message)


class ThreadCrew:
    """One worker thread on tables that are private to this process, or shared.

    Args:
        settings: the engine's, for one worker.
        views: the tables; they must outlive the crew.
    """

    def __init__(self, settings: EngineSettings, views: TrainingViews) -> None:
        if settings.worker_count != 1:
            raise ValueError(f"{settings.worker_count} workers in one process, expected 1")
        self._settings = settings
        self._views = views
        self._channel = _QueueChannel()
        self._thread: threading.Thread | None = None

    @property
    def largest_message_bytes(self) -> int:
        """Nothing crosses a process border."""
        return 0

    def start(self, while_waiting: Callable[[], None]) -> None:
        """Compile in the caller's thread, then start the worker thread; that waits for nobody."""
        runner = TaskRunner(self._settings, self._views, 0)
        runner.run(0, 0)
        while_waiting()
        self.set_stop(RUN)
        self._thread = threading.Thread(
            target=self._work, args=(runner,), name="cfr-shm-worker-0", daemon=True
        )
        self._thread.start()

    def send(self, worker: int, task: TaskMessage) -> None:  # noqa: ARG002 - there is but one
        """Queue a task."""
        self._channel.tasks.put(task)

    def poll(self, timeout_seconds: float) -> list[News]:
        """Wait for a result; the queue's timed wait ends at once for a signal handler."""
        collected: list[News] = []
        timeout = timeout_seconds
        while True:
            try:
                item = self._channel.results.get(timeout=max(0.0, timeout))
            except queue.Empty:
                return collected
            if isinstance(item, BaseException):
                raise WorkerError(f"worker 0 failed: {type(item).__name__}: {item}") from item
            if item is None:
                return collected
            assert isinstance(item, ResultMessage)
            collected.append(Collected(0, item))
            timeout = 0.0

    def wake(self) -> None:
        """End the current or the next poll."""
        self._channel.results.put(None)

    def check(self) -> None:
        """See that the thread lives."""
        if self._thread is not None and not self._thread.is_alive():
            self.poll(0.0)
            raise WorkerError("worker 0 (a thread of this process) ended without being told to")

    def heartbeat(self, worker: int) -> int:
        """Read the thread's line of the control block."""
        return int(self._views.control[worker_line(worker) + WORKER_HEARTBEAT])

    def unreported(self, worker: int) -> int:  # noqa: ARG002 - there is but one
        """Nobody is ever lost."""
        return 0

    def give_up(self, worker: int, reason: str) -> None:  # noqa: ARG002 - there is but one
        """Say that it hangs: a thread cannot be killed, it ends with the process."""
        raise DeadlineError(f"worker 0 (a thread of this process) {reason}")

    def replace(self, worker: int) -> None:
        """Refuse: a thread that failed has raised its error already."""
        raise WorkerError(f"worker {worker} is a thread of this process, which has no successor")

    def set_stop(self, flag: int) -> None:
        """Write the stop flag that the kernel looks at."""
        self._views.control[STOP_FLAG] = flag

    def close(self) -> None:
        """Stop the kernel at once and wait for the thread, ``JOIN_SECONDS`` at most."""
        thread = self._thread
        if thread is None:
            return
        self.set_stop(STOP_NOW)
        self._channel.tasks.put(ShutdownMessage())
        deadline = time.monotonic() + JOIN_SECONDS
        thread.join(max(0.0, deadline - time.monotonic()))
        if not thread.is_alive():
            self._thread = None
            self.set_stop(RUN)

    def _work(self, runner: TaskRunner) -> None:
        try:
            # Where threads are not told apart, the coordinator's figures cover this one.
            serve(self._channel, runner, thread_usage if THREADS_ARE_TOLD else lambda: NOTHING)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._channel.results.put(error)
