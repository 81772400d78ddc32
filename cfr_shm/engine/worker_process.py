"""One worker process as the coordinator sees it: how it is started, named and ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import cast

from cfr_shm.engine.entry import Leash, begin
from cfr_shm.engine.handshake import Channel
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.traces import TraceFile, trace_files
from cfr_shm.engine.worker import RUN_SIGNALS, WorkerOrder
from cfr_shm.errors import ConfigError, UsageError

#: What a worker process does: module and function.
WORKER = ("cfr_shm.engine.worker", "worker_main")

#: What a standby's stack is written to until it has a number.
_STANDBY_TRACE = "worker-standby.trace"


#: Two threads that train at once must not take each other's empty module for the main one.
_hiding = threading.Lock()


@dataclass(eq=False)
class WorkerProcess:
    """A worker process; the crew owns it and ends it.

    Attributes:
        worker: index, None for a standby that has not been assigned one.
        process: the process.
        channel: our end of its pipe.
        trace: where it writes its stack if it crashes.
        is_ready: it has said that it waits for tasks.
        verdict: why it was killed, if it was us.
        started_at: monotonic moment.
    """

    worker: int | None
    process: BaseProcess
    channel: Channel
    trace: TraceFile | None
    is_ready: bool = False
    verdict: str | None = None
    started_at: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """Index and process id, for messages."""
        who = "standby" if self.worker is None else f"worker {self.worker}"
        return f"{who} (pid {self.process.pid})"

    def rename_trace(self, name: str) -> None:
        """Give the file of its stack, which is open in the process, another name."""
        if self.trace is not None:
            self.trace = self.trace.renamed(name)

    def await_end(self, seconds: float) -> None:
        """Wait for its exit code, and kill it if there is none."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.verdict = self.verdict or "closed its pipe and did not end"
            self.process.kill()
            self.process.join()

    def describe_end(self) -> str:
        """Return what ended it, one line that begins with its name."""
        return f"{self.name} {self.verdict or self._describe_exit()}{self._where_its_stack_is()}"

    def close(self) -> None:
        """Leave nothing of it behind, except the stack trace of a crash."""
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        self.channel.close()
        self.process.close()
        if self.trace is not None:
            self.trace.remove_if_empty()

    def _describe_exit(self) -> str:
        code = self.process.exitcode
        assert code is not None
        if code >= 0:
            return f"left with exit status {code} without being told to"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = " (out of memory? see the kernel log)" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"

    def _where_its_stack_is(self) -> str:
        if self.trace is not None and self.trace.has_stack():
            return f"; its stack is in {self.trace.path}"
        return ""


class Launcher:
    """Starts the workers of one crew.

    Args:
        settings: the engine's.
        arena_name: the shared memory that workers attach to.

    Raises:
        ConfigError: ``fork`` is asked for on a platform where it is not safe.
        UsageError: this process may not have children.
    """

    def __init__(self, settings: EngineSettings, arena_name: str) -> None:
        if settings.start_method == "fork" and sys.platform != "linux":
            raise ConfigError(
                f"engine.start_method is fork, which is offered on Linux only (this is "
                f"{sys.platform}); use spawn"
            )
        if multiprocessing.current_process().daemon:
            raise UsageError(
                "this process is a daemon, as those of multiprocessing.Pool are, and may start no "
                "workers: train with engine.num_workers 1 here"
            )
        self._settings = settings
        self._arena_name = arena_name
        self._traces = trace_files(settings.trace_directory)

    def trace_name(self, worker: int, generation: int = 0) -> str:
        """Return where a worker writes its stack; each successor has a file of its own."""
        mark = f"-{generation}" if generation else ""
        return f"worker-{worker}{mark}.trace"

    def start_first(self, inherited: Sequence[WorkerProcess], worker: int) -> WorkerProcess:
        """Start a worker by the configured method; ``inherited`` were started before."""
        method = self._settings.start_method
        ends = [member.channel.connection for member in inherited] if method == "fork" else []
        return self._start(worker, method, ends, self.trace_name(worker))

    def start_later(self, worker: int | None, generation: int = 0) -> WorkerProcess:
        """Start a worker, or a standby, while the run is going on: by ``spawn``, always.

        By now the coordinator may have threads, which may hold locks that a forked child would
        wait for forever.
        """
        name = _STANDBY_TRACE if worker is None else self.trace_name(worker, generation)
        return self._start(worker, "spawn", [], name)

    def _start(
        self, worker: int | None, method: str, ends: list[Connection], trace_name: str
    ) -> WorkerProcess:
        trace = None if self._traces is None else replace(self._traces, name=trace_name)
        context = cast(SpawnContext, multiprocessing.get_context(method))
        own_end, worker_end = context.Pipe(duplex=True)
        order = WorkerOrder(
            settings=self._settings,
            worker=worker or 0,
            arena_name=self._arena_name,
            coordinator_pid=os.getpid(),
            trace=trace,
        )
        leash = Leash(os.getpid(), threading.current_thread() is threading.main_thread())
        process = context.Process(
            target=begin,  # the leash first: it holds before the rest is unpickled
            args=(leash, *WORKER, worker_end, order, [own_end, *ends] if method == "fork" else []),
            name="cfr-shm-standby" if worker is None else f"cfr-shm-worker-{worker}",
            daemon=True,
        )
        try:
            with signals_blocked(), main_module_hidden():
                process.start()
        except BaseException:
            own_end.close()
            raise
        finally:
            # Ours would keep the pipe open after the worker's death.
            worker_end.close()
        return WorkerProcess(worker, process, Channel(own_end), trace)


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
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
def main_module_hidden() -> Iterator[None]:
    """Keep ``spawn`` from importing the main module in every worker.

    Nothing that a worker unpickles lives there; it costs time, and a script that trains
    without an ``if __name__ == "__main__"`` guard would start itself again.
    """
    with _hiding:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
