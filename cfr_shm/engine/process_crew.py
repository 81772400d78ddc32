"""Worker processes: started, listened to, and ended.

Each worker has a duplex pipe of its own. Nobody shares a queue or a lock, so that a worker may
be killed at any moment without taking anything with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import connection as mp_connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, cast

from cfr_shm.engine.crew import JOIN_SECONDS, START_SECONDS, Collected
from cfr_shm.engine.handshake import (
    ERROR_SEND_SECONDS,
    Channel,
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
from cfr_shm.engine.worker import RUN_SIGNALS, WorkerOrder, worker_main
from cfr_shm.errors import ConfigError, DeadlineError, WorkerError
from cfr_shm.layout import RUN, STOP_FLAG, STOP_NOW
from cfr_shm.memory.arena import Arena
from cfr_shm.memory.tables import training_views


@dataclass
class WorkerProcess:
    """One worker as the coordinator sees it."""

    worker: int
    process: BaseProcess
    channel: Channel
    trace_path: Path | None

    @property
    def name(self) -> str:
        """Index and process id, for messages."""
        return f"worker {self.worker} (pid {self.process.pid})"


class ProcessCrew:
    """The worker processes of one engine; owns them and their pipes, not the arena.

    Args:
        settings: the engine's.
        arena: reserved and filled; it must outlive the crew.

    Raises:
        ConfigError: ``fork`` is asked for on a platform where it is not safe.
    """

    def __init__(self, settings: EngineSettings, arena: Arena) -> None:
        if settings.start_method == "fork" and sys.platform != "linux":
            raise ConfigError(
                f"engine.start_method is fork, which is offered on Linux only (this is "
                f"{sys.platform}); use spawn"
            )
        self._settings = settings
        self._arena = arena
        self._views = training_views(arena)
        self._context = _context(settings.start_method)
        self._crew: list[WorkerProcess] = []
        self._waiting_on: list[Any] = []
        self._by_object: dict[Any, WorkerProcess] = {}
        self._largest = 0
        self._wake_reader, self._wake_writer = self._context.Pipe(duplex=False)
        if sys.platform != "win32":
            # A signal handler must not block on a full pipe.
            os.set_blocking(self._wake_writer.fileno(), False)

    @property
    def largest_message_bytes(self) -> int:
        """Longest message that crossed a pipe, in either direction."""
        return max([self._largest, *(w.channel.largest_message_bytes for w in self._crew)])

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers."""
        return tuple(w.process.pid or 0 for w in self._crew)

    def start(self) -> None:
        """Compile, start every worker, and wait until all are ready.

        Raises:
            WorkerError: a worker died or failed while starting.
            DeadlineError: a worker was not ready within ``START_SECONDS``.
        """
        # Here, so that the workers find the kernel in the cache and nobody compiles twice.
        TaskRunner(self._settings, self._views, 0).run(0, 0)
        self.set_stop(RUN)
        with _signals_blocked(), _main_module_hidden():
            for worker in range(self._settings.worker_count):
                self._start_worker(worker)
        self._await_ready()

    def send(self, worker: int, task: TaskMessage) -> None:
        """Send a task; a dead or stuck worker is an error."""
        member = self._crew[worker]
        try:
            member.channel.send(task)
        except TimeoutError as error:
            raise DeadlineError(f"{member.name} does not take a task: {error}") from error
        except OSError:
            self._raise_death(member)

    def poll(self, timeout_seconds: float) -> list[Collected]:
        """Wait on all pipes and all sentinels together."""
        collected: list[Collected] = []
        for member, message in self._receive(timeout_seconds):
            if not isinstance(message, ResultMessage):
                raise WorkerError(f"{member.name} sent a {type(message).__name__} unasked")
            collected.append(Collected(member.worker, message))
        return collected

    def wake(self) -> None:
        """End the current or the next poll."""
        # Full: then a wake-up is on its way already.
        with contextlib.suppress(BlockingIOError):
            self._wake_writer.send_bytes(b"w")

    def check(self) -> None:
        """Look at every worker's exit code."""
        for member in self._crew:
            if member.process.exitcode is not None:
                self._raise_death(member)

    def give_up(self, worker: int) -> str:
        """Kill a worker, even a stopped one."""
        member = self._crew[worker]
        member.process.kill()
        return member.name

    def set_stop(self, flag: int) -> None:
        """Write the stop flag: one aligned word, which kernels load atomically."""
        self._views.control[STOP_FLAG] = flag

    def close(self) -> None:
        """Stop kernels at once, tell every worker to leave, join them, kill who stays."""
        if not self._crew:
            return
        self.set_stop(STOP_NOW)
        deadline = time.monotonic() + JOIN_SECONDS
        try:
            for member in self._crew:
                with contextlib.suppress(OSError):
                    member.channel.send(ShutdownMessage(), ERROR_SEND_SECONDS)
            for member in self._crew:
                member.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            # Also when a second Ctrl-C comes while joining: then nobody is waited for.
            for member in self._crew:
                self._end(member)
            self._largest = self.largest_message_bytes
            self._crew.clear()
            self._waiting_on.clear()
            self._by_object.clear()
            self.set_stop(RUN)

    def _start_worker(self, worker: int) -> None:
        settings = self._settings
        own_end, worker_end = self._context.Pipe(duplex=True)
        trace_path = None
        if settings.trace_directory is not None:
            trace_path = Path(settings.trace_directory) / f"worker-{worker}.trace"
        order = WorkerOrder(
            settings=settings,
            worker=worker,
            arena_name=self._arena.name,
            coordinator_pid=os.getpid(),
            dies_with_thread=threading.current_thread() is threading.main_thread(),
            trace_path=None if trace_path is None else str(trace_path),
        )
        inherited: list[Connection] = []
        if settings.start_method == "fork":
            inherited = [own_end, *(other.channel.connection for other in self._crew)]
        process = self._context.Process(
            target=worker_main,
            args=(worker_end, order, inherited),
            name=f"cfr-shm-worker-{worker}",
            daemon=True,
        )
        try:
            process.start()
        except BaseException:
            own_end.close()
            raise
        finally:
            # Ours would keep the pipe open after the worker's death.
            worker_end.close()
        member = WorkerProcess(worker, process, Channel(own_end), trace_path)
        self._crew.append(member)
        self._by_object[own_end] = member
        self._by_object[process.sentinel] = member
        self._waiting_on = [self._wake_reader, *self._by_object]

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        starting = {member.worker for member in self._crew}
        while starting:
            left = deadline - time.monotonic()
            if left <= 0:
                names = ", ".join(self._crew[worker].name for worker in sorted(starting))
                raise DeadlineError(f"{names}: not ready after {START_SECONDS:g} s")
            for member, message in self._receive(left):
                if isinstance(message, ReadyMessage):
                    starting.discard(member.worker)

    def _receive(self, timeout_seconds: float) -> list[tuple[WorkerProcess, Message]]:
        """Return one message of each pipe that has one; raise for a dead or failed worker."""
        received: list[tuple[WorkerProcess, Message]] = []
        dead: list[WorkerProcess] = []
        for ready in mp_connection.wait(self._waiting_on, timeout_seconds):
            if ready is self._wake_reader:
                self._wake_reader.recv_bytes()
                continue
            member = self._by_object[ready]
            if ready is not member.channel.connection:
                dead.append(member)
                continue
            message = self._receive_from(member)
            if isinstance(message, ErrorMessage):
                self._raise_remote(member, message)
            received.append((member, message))
        for member in dead:
            self._raise_death(member)
        return received

    def _receive_from(self, member: WorkerProcess) -> Message:
        try:
            return member.channel.receive()
        except MessageError as error:
            raise WorkerError(f"{member.name} sent {error}") from error
        except (EOFError, OSError):
            self._raise_death(member)

    def _raise_remote(self, member: WorkerProcess, message: ErrorMessage) -> NoReturn:
        error = WorkerError(f"{member.name} failed: {message.summary}")
        error.add_note(f"Traceback of {member.name}:\n{message.remote_traceback}")
        raise error

    def _raise_death(self, member: WorkerProcess) -> NoReturn:
        """Name what ended a worker; its last words, if any, are in its pipe."""
        with contextlib.suppress(EOFError, OSError, MessageError):
            while member.channel.connection.poll(0):
                message = member.channel.receive()
                if isinstance(message, ErrorMessage):
                    self._raise_remote(member, message)
        # The end of its pipe may be seen a moment before its exit code.
        member.process.join(1.0)
        raise WorkerError(f"{member.name} {_describe_end(member)}")

    def _end(self, member: WorkerProcess) -> None:
        """Leave nothing of a worker behind, except the stack trace of a crash."""
        if member.process.exitcode is None:
            member.process.kill()
            member.process.join()
        member.channel.close()
        self._largest = max(self._largest, member.channel.largest_message_bytes)
        member.process.close()
        if member.trace_path is not None:
            with contextlib.suppress(OSError):
                if member.trace_path.stat().st_size == 0:
                    member.trace_path.unlink()


def _context(start_method: str) -> SpawnContext:
    """Return the context of a start method; all of them have the same methods."""
    return cast(SpawnContext, multiprocessing.get_context(start_method))


def _describe_end(member: WorkerProcess) -> str:
    code = member.process.exitcode
    where = ""
    if member.trace_path is not None and member.trace_path.exists():
        where = f"; its stack is in {member.trace_path}" if member.trace_path.stat().st_size else ""
    if code is None:
        return f"closed its pipe and does not end{where}"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = " (out of memory? see the kernel log)" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}{where}"
    return f"left with exit status {code} without being told to{where}"


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the run's signals: a worker inherits that, until it has come to ignore them.

    The coordinator handles what came meanwhile when the block is lifted.
    """
    if sys.platform == "win32":
        yield
        return
    # Starting the tracker lifts the block, so it is started before.
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, RUN_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep ``spawn`` from importing the main module in every worker.

    Nothing that a worker unpickles lives there; it costs time, and a script that trains
    without an ``if __name__ == "__main__"`` guard would start itself again.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
