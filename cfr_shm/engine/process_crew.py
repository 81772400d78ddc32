"""Worker processes: started, listened to, replaced, and ended.

Each worker has a duplex pipe of its own. Nobody shares a queue or a lock, so that a worker may
be killed at any moment without taking anything with it.

A worker takes 0.7 s to start, nearly all of it imports, and longer on a busy machine. So a
*standby* is started a little after the run: a worker that has done all that and waits in its
pipe for a number. It takes the place of the first that dies; then the next one is started.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing import connection as mp_connection
from typing import Any, NoReturn

from cfr_shm.engine.crew import (
    TRIES,
    Collected,
    Joined,
    Lost,
    News,
)
from cfr_shm.engine.handshake import (
    AssignMessage,
    ErrorMessage,
    Message,
    MessageError,
    ReadyMessage,
    ResultMessage,
    ShutdownMessage,
    TaskMessage,
)
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.engine.waits import (
    ERROR_SEND_SECONDS,
    EXIT_SECONDS,
    JOIN_SECONDS,
    STANDBY_AFTER_SECONDS,
    START_SECONDS,
)
from cfr_shm.engine.worker_process import Launcher, WorkerProcess
from cfr_shm.errors import DeadlineError, WorkerError
from cfr_shm.layout.control import (
    RUN,
    STOP_FLAG,
    STOP_NOW,
    WORKER_HEARTBEAT,
    WORKER_ITERATIONS,
    worker_line,
)
from cfr_shm.memory.arena import Arena
from cfr_shm.memory.tables import training_views


class ProcessCrew:
    """The worker processes of one engine; owns them and their pipes, not the arena.

    Args:
        settings: the engine's.
        arena: reserved and filled; it must outlive the crew.

    Raises:
        ConfigError: ``fork`` is asked for on a platform where it is not safe.
    """

    def __init__(self, settings: EngineSettings, arena: Arena) -> None:
        self._settings = settings
        self._process = os.getpid()
        self._views = training_views(arena)
        self._launcher = Launcher(settings, arena.name)
        self._crew: dict[int, WorkerProcess] = {}
        self._generations = [0] * settings.worker_count
        self._reported = [0] * settings.worker_count
        self._standby: WorkerProcess | None = None
        self._standby_tries = 0
        self._standby_due = float("inf")
        self._news: list[News] = []
        self._waiting_on: list[Any] = []
        self._by_object: dict[Any, WorkerProcess] = {}
        self._largest = 0
        self._wake_reader, self._wake_writer = Pipe(duplex=False)
        if sys.platform != "win32":
            # A signal handler must not block on a full pipe.
            os.set_blocking(self._wake_writer.fileno(), False)

    @property
    def largest_message_bytes(self) -> int:
        """Longest message that crossed a pipe, in either direction."""
        lengths = (member.channel.largest_message_bytes for member in self._everybody())
        return max([self._largest, *lengths])

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers, by index; lost ones are left out."""
        return tuple(self._crew[worker].process.pid or 0 for worker in sorted(self._crew))

    def start(self, while_waiting: Callable[[], None]) -> None:
        """Compile, start every worker, and wait until all are ready.

        Raises:
            WorkerError: a worker failed while starting, or died again and again.
            DeadlineError: a worker was not ready within ``START_SECONDS``.
        """
        # Here, so that the workers find the kernel in the cache and nobody compiles twice.
        TaskRunner(self._settings, self._views, 0).run(0, 0)
        self.set_stop(RUN)
        for worker in range(self._settings.worker_count):
            self._views.control[worker_line(worker) + WORKER_ITERATIONS] = 0
            while_waiting()
            self._add(self._launcher.start_first(self._everybody(), worker))
        self._await_ready(while_waiting)
        if self._settings.on_worker_death == "respawn":
            self._standby_due = time.monotonic() + STANDBY_AFTER_SECONDS

    def send(self, worker: int, task: TaskMessage) -> None:
        """Send a task; a stuck worker is an error, the death of one is told by ``poll``."""
        member = self._crew.get(worker)
        if member is None:
            return
        try:
            member.channel.send(task)
        except TimeoutError as error:
            raise DeadlineError(f"{member.name} does not take a task: {error}") from error
        except OSError:
            return

    def poll(self, timeout_seconds: float) -> list[News]:
        """Wait on all pipes and all sentinels together."""
        dead: dict[WorkerProcess, None] = {}
        for ready in mp_connection.wait(self._waiting_on, 0.0 if self._news else timeout_seconds):
            if ready is self._wake_reader:
                self._wake_reader.recv_bytes()
                continue
            member = self._by_object[ready]
            if ready is not member.channel.connection or not self._receive(member):
                dead[member] = None
        for member in dead:
            self._bury(member)
        news, self._news = self._news, []
        return news

    def wake(self) -> None:
        """End the current or the next poll."""
        # Full: then a wake-up is on its way already.
        with contextlib.suppress(BlockingIOError):
            self._wake_writer.send_bytes(b"w")

    def check(self) -> None:
        """Start the standby when that is due; kill who takes too long to start."""
        now = time.monotonic()
        for member in self._everybody():
            if not member.is_ready and now - member.started_at > START_SECONDS:
                self._kill(member, f"was not ready after {START_SECONDS:g} s")
        due = now >= self._standby_due and self._standby_tries < TRIES
        if due and self._standby is None and all(each.is_ready for each in self._crew.values()):
            self._standby_tries += 1
            self._standby = self._launcher.start_later(None)
            self._add(self._standby)

    def heartbeat(self, worker: int) -> int:
        """Read the worker's line of the control block."""
        return int(self._views.control[worker_line(worker) + WORKER_HEARTBEAT])

    def unreported(self, worker: int) -> int:
        """Compare the worker's own count, in the control block, with its results."""
        counted = int(self._views.control[worker_line(worker) + WORKER_ITERATIONS])
        return max(0, counted - self._reported[worker])

    def give_up(self, worker: int, reason: str) -> None:
        """Kill a worker, even a stopped one."""
        self._kill(self._crew[worker], reason)

    def replace(self, worker: int) -> None:
        """Put the standby in the worker's place, or start a successor if there is none."""
        self._generations[worker] += 1
        self._reported[worker] = 0
        line = worker_line(worker)
        self._views.control[line + WORKER_ITERATIONS] = 0
        successor, self._standby = self._standby, None
        if self._settings.on_worker_death == "respawn":
            self._standby_due = time.monotonic()  # Where one died, another may.
        if successor is None:
            self._add(self._launcher.start_later(worker, self._generations[worker]))
            return
        successor.worker = worker
        successor.rename_trace(self._launcher.trace_name(worker, self._generations[worker]))
        self._crew[worker] = successor
        self._standby_tries = 0
        # Its death is told by poll.
        with contextlib.suppress(OSError):
            successor.channel.send(AssignMessage(worker))
        if successor.is_ready:
            self._news.append(Joined(worker))

    def set_stop(self, flag: int) -> None:
        """Write the stop flag: one aligned word, which kernels load atomically."""
        self._views.control[STOP_FLAG] = flag

    def close(self) -> None:
        """Stop kernels at once, tell every worker to leave, join them, kill who stays."""
        self._standby_due = float("inf")
        if not self._by_object or self._process != os.getpid():
            return  # A fork of the coordinator that exits has no workers to end.
        self.set_stop(STOP_NOW)
        deadline = time.monotonic() + JOIN_SECONDS
        # Who has not begun has nothing to end.
        told = [member for member in self._crew.values() if member.is_ready]
        try:
            for member in told:
                with contextlib.suppress(OSError):
                    member.channel.send(ShutdownMessage(), ERROR_SEND_SECONDS)
            for member in told:
                member.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            # Also when a second Ctrl-C comes while joining: then nobody is waited for.
            for member in self._everybody():
                self._remove(member)
            self._news.clear()
            self.set_stop(RUN)

    def _everybody(self) -> list[WorkerProcess]:
        return list(dict.fromkeys(self._by_object.values()))

    def _add(self, member: WorkerProcess) -> None:
        if member.worker is not None:
            self._crew[member.worker] = member
        self._by_object[member.channel.connection] = member
        self._by_object[member.process.sentinel] = member
        self._waiting_on = [self._wake_reader, *self._by_object]

    def _remove(self, member: WorkerProcess) -> None:
        del self._by_object[member.channel.connection]
        del self._by_object[member.process.sentinel]
        self._waiting_on = [self._wake_reader, *self._by_object]
        if member.worker is not None:
            del self._crew[member.worker]
        if member is self._standby:
            self._standby = None
        self._largest = max(self._largest, member.channel.largest_message_bytes)
        member.close()

    def _await_ready(self, while_waiting: Callable[[], None]) -> None:
        """Wait for every worker; one that dies meanwhile is started again, a few times."""
        starting = set(range(self._settings.worker_count))
        tries = dict.fromkeys(starting, 1)
        while starting:
            while_waiting()
            self.check()
            for news in self.poll(1.0):
                if isinstance(news, Joined):
                    starting.discard(news.worker)
                elif isinstance(news, Lost):
                    tries[news.worker] += 1
                    if self._settings.on_worker_death == "abort" or tries[news.worker] > TRIES:
                        raise WorkerError(self._gave_up(news.reason, tries[news.worker] - 1))
                    starting.add(news.worker)
                    self.replace(news.worker)

    def _gave_up(self, reason: str, tries: int) -> str:
        often = f"; it was started {tries} times" if tries > 1 else ""
        return f"{reason} while it started{often}"

    def _receive(self, member: WorkerProcess) -> bool:
        """Take one message from a pipe; return False at its end, within a message too."""
        try:
            message = member.channel.receive()
        except MessageError as error:
            raise WorkerError(f"{member.name} sent {error}") from error
        except (EOFError, OSError):
            return False
        self._take(member, message)
        return True

    def _take(self, member: WorkerProcess, message: Message) -> None:
        if isinstance(message, ReadyMessage):
            member.is_ready = True
            if member.worker is not None:
                self._news.append(Joined(member.worker))
        elif isinstance(message, ErrorMessage):
            if member.worker is not None:
                self._raise_remote(member, message)
        elif isinstance(message, ResultMessage) and member.worker is not None:
            self._reported[member.worker] += message.iterations
            self._news.append(Collected(member.worker, message))
        else:
            raise WorkerError(f"{member.name} sent a {type(message).__name__} unasked")

    def _raise_remote(self, member: WorkerProcess, message: ErrorMessage) -> NoReturn:
        error = WorkerError(f"{member.name} failed: {message.summary}")
        error.add_note(f"Traceback of {member.name}:\n{message.remote_traceback}")
        raise error

    def _kill(self, member: WorkerProcess, reason: str) -> None:
        member.verdict = reason
        member.process.kill()

    def _bury(self, member: WorkerProcess) -> None:
        """Take in what a dead worker had sent, and tell of its death."""
        with contextlib.suppress(OSError):
            while member.channel.connection.poll(0) and self._receive(member):
                pass
        member.await_end(EXIT_SECONDS)
        worker, reason = member.worker, member.describe_end()
        self._remove(member)
        if worker is not None:
            self._news.append(Lost(worker, reason))
