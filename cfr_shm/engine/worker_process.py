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
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import cast

from cfr_shm.engine.handshake import Channel
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.worker import RUN_SIGNALS, WorkerOrder, worker_main
from cfr_shm.errors import ConfigError

#: What a standby's stack is written to until it has a number.
_STANDBY_TRACE = "worker-standby.trace"


@dataclass(eq=False)
class WorkerProcess:
    """A worker process; the crew owns it and ends it.

    Attributes:
        worker: index, None for a standby that has not been assigned one.
        process: the process.
        channel: our end of its pipe.
        trace_path: where it writes its stack if it crashes.
        is_ready: it has said that it waits for tasks.
        verdict: why it was killed, if it was us.
        started_at: monotonic moment.
    """

    worker: int | None
    process: BaseProcess
    channel: Channel
    trace_path: Path | None
    is_ready: bool = False
    verdict: str | None = None
    started_at: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        """Index and process id, for messages."""
        who = "standby" if self.worker is None else f"worker {self.worker}"
        return f"{who} (pid {self.process.pid})"

    def rename_trace(self, path: Path) -> None:
        """Give the file of its stack, which is open in the process, another name."""
        if self.trace_path is not None:
            with contextlib.suppress(OSError):
                self.trace_path.replace(path)
                self.trace_path = path

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
        if self.trace_path is not None:
            with contextlib.suppress(OSError):
                if self.trace_path.stat().st_size == 0:
                    self.trace_path.unlink()

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
        with contextlib.suppress(OSError):
            if self.trace_path is not None and self.trace_path.stat().st_size:
                return f"; its stack is in {self.trace_path}"
        return ""


class Launcher:
    """Starts the workers of one crew.

    Args:
        settings: the engine's.
        arena_name: the shared memory that workers attach to.

    Raises:
        ConfigError: ``fork`` is asked for on a platform where it is not safe.
    """

    def __init__(self, settings: EngineSettings, arena_name: str) -> None:
        if settings.start_method == "fork" and sys.platform != "linux":
            raise ConfigError(
                f"engine.start_method is fork, which is offered on Linux only (this is "
                f"{sys.platform}); use spawn"
            )
        self._settings = settings
        self._arena_name = arena_name

    def trace_path(self, worker: int, generation: int = 0) -> Path | None:
        """Return where a worker writes its stack; each successor has a file of its own."""
        directory = self._settings.trace_directory
        mark = f"-{generation}" if generation else ""
        return None if directory is None else Path(directory) / f"worker-{worker}{mark}.trace"

    def start_first(self, inherited: Sequence[WorkerProcess], worker: int) -> WorkerProcess:
        """Start a worker by the configured method; ``inherited`` were started before."""
        method = self._settings.start_method
        ends = [member.channel.connection for member in inherited] if method == "fork" else []
        return self._start(worker, method, ends, self.trace_path(worker))

    def start_later(self, worker: int | None, generation: int = 0) -> WorkerProcess:
        """Start a worker, or a standby, while the run is going on: by ``spawn``, always.

        By now the coordinator may have threads, which may hold locks that a forked child would
        wait for forever.
        """
        path = None if worker is None else self.trace_path(worker, generation)
        directory = self._settings.trace_directory
        if worker is None and directory is not None:
            path = Path(directory) / _STANDBY_TRACE
        return self._start(worker, "spawn", [], path)

    def _start(
        self, worker: int | None, method: str, ends: list[Connection], trace: Path | None
    ) -> WorkerProcess:
        context = cast(SpawnContext, multiprocessing.get_context(method))
        own_end, worker_end = context.Pipe(duplex=True)
        order = WorkerOrder(
            settings=self._settings,
            worker=worker or 0,
            arena_name=self._arena_name,
            coordinator_pid=os.getpid(),
            dies_with_thread=threading.current_thread() is threading.main_thread(),
            trace_path=None if trace is None else str(trace),
        )
        process = context.Process(
            target=worker_main,
            args=(worker_end, order, [own_end, *ends] if method == "fork" else []),
            name="cfr-shm-standby" if worker is None else f"cfr-shm-worker-{worker}",
            daemon=True,
        )
        try:
            with _signals_blocked(), _main_module_hidden():
                process.start()
        except BaseException:
            own_end.close()
            raise
        finally:
            # Ours would keep the pipe open after the worker's death.
            worker_end.close()
        return WorkerProcess(worker, process, Channel(own_end), trace)


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
