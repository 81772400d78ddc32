"""What the coordinator asks of those who do the work: processes, or one thread."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from cfr_shm.engine.handshake import ResultMessage, TaskMessage

#: Tasks that a worker has at any time: one that it runs, one that waits in its pipe, so that
#: it never idles while the coordinator sleeps.
TASKS_PER_WORKER = 2

#: Workers that do not leave within this time are killed.
JOIN_SECONDS = 10.0

#: Workers must be ready within this time (without a kernel cache each compiles for itself).
START_SECONDS = 180.0


class Collected(NamedTuple):
    """A result and the worker that it came from."""

    worker: int
    result: ResultMessage


class Crew(Protocol):
    """The workers of one engine. Only the coordinator's thread calls it, ``wake`` excepted."""

    @property
    def largest_message_bytes(self) -> int:
        """Longest message that crossed a process border."""
        ...

    def start(self) -> None:
        """Start the workers and wait until they are ready."""
        ...

    def send(self, worker: int, task: TaskMessage) -> None:
        """Give a task to a worker, which has fewer than ``TASKS_PER_WORKER``."""
        ...

    def poll(self, timeout_seconds: float) -> list[Collected]:
        """Wait for results, a death or ``wake``; return what is there, or nothing.

        Raises:
            WorkerError: a worker died or reported an exception.
        """
        ...

    def wake(self) -> None:
        """End the current ``poll``, or the next one; may be called from a signal handler."""
        ...

    def check(self) -> None:
        """See that every worker lives.

        Raises:
            WorkerError: one does not.
        """
        ...

    def give_up(self, worker: int) -> str:
        """Return the name of a worker that hangs; it is not waited for any more."""
        ...

    def set_stop(self, flag: int) -> None:
        """Write the stop flag that kernels look at."""
        ...

    def close(self) -> None:
        """End the workers within ``JOIN_SECONDS``; may be called more than once."""
        ...
