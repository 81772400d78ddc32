"""What the coordinator asks of those who do the work: processes, or one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from cfr_shm.engine.handshake import ResultMessage, TaskMessage

#: Tasks that a worker has at any time: one that it runs, one that waits in its pipe, so that
#: it never idles while the coordinator sleeps.
TASKS_PER_WORKER = 2

#: A worker that has died so many times in a row, without a result between, is not replaced
#: again; nor is one whose task has ended so many workers.
TRIES = 5


class Collected(NamedTuple):
    """A result and the worker that it came from."""

    worker: int
    result: ResultMessage


class Lost(NamedTuple):
    """A worker that is gone; its results came before this."""

    worker: int
    reason: str  # one line: who it was, and what ended it


class Joined(NamedTuple):
    """The successor of a lost worker is ready for tasks."""

    worker: int


News = Collected | Lost | Joined


class Crew(Protocol):
    """The workers of one engine. Only the coordinator's thread calls it, ``wake`` excepted."""

    @property
    def largest_message_bytes(self) -> int:
        """Longest message that crossed a process border."""
        ...

    def start(self, while_waiting: Callable[[], None]) -> None:
        """Start the workers and wait until they are ready.

        ``while_waiting`` is called at least every second, and after ``wake``; what it raises
        ends the start.
        """
        ...

    def send(self, worker: int, task: TaskMessage) -> None:
        """Give a task to a worker, which has fewer than ``TASKS_PER_WORKER``.

        That it is dead is no error here: ``poll`` will say so.
        """
        ...

    def poll(self, timeout_seconds: float) -> list[News]:
        """Wait for results, a death, a successor or ``wake``; return what is there, or nothing.

        Raises:
            WorkerError: a worker reported an exception, or died and cannot be replaced.
        """
        ...

    def wake(self) -> None:
        """End the current ``poll``, or the next one; may be called from a signal handler."""
        ...

    def check(self) -> None:
        """Look after those who start; called every 0.1 s or so.

        Raises:
            WorkerError: a worker died and cannot be replaced.
        """
        ...

    def heartbeat(self, worker: int) -> int:
        """Return a number that changes whenever a worker has finished a window."""
        ...

    def unreported(self, worker: int) -> int:
        """Return the iterations that a lost worker had done of its tasks and not reported."""
        ...

    def give_up(self, worker: int, reason: str) -> None:
        """Kill a worker that hangs: it will be reported as lost, for ``reason``.

        Raises:
            DeadlineError: it cannot be killed.
        """
        ...

    def replace(self, worker: int) -> None:
        """Have a lost worker replaced; ``poll`` says when its successor is ready."""
        ...

    def set_stop(self, flag: int) -> None:
        """Write the stop flag that kernels look at."""
        ...

    def close(self) -> None:
        """End the workers within ``waits.JOIN_SECONDS``; may be called more than once."""
        ...
