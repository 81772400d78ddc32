"""A worker process: attach to the arena, then tasks in, results out, until told to leave.

It blocks in receive without a timeout, so that an idle worker never wakes. It ends when it is
told to, when its pipe ends, or when its coordinator dies: within a kernel too, for a thread
sleeps on the coordinator's sentinel. Signals meant for the run (Ctrl-C, SIGTERM, SIGHUP,
SIGUSR1) reach the whole process group; workers ignore them, the coordinator alone decides.

This module imports what a worker needs and no more: no config, no command line, no games.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection as mp_connection
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from cfr_shm.engine.entry import EXIT_ORPHAN
from cfr_shm.engine.handshake import (
    Channel,
    ErrorMessage,
    ReadyMessage,
)
from cfr_shm.engine.settings import EngineSettings
from cfr_shm.engine.task_runner import TaskRunner, serve
from cfr_shm.engine.traces import TraceFile
from cfr_shm.engine.usage import process_usage
from cfr_shm.engine.waits import ERROR_SEND_SECONDS
from cfr_shm.memory.arena import Arena
from cfr_shm.memory.tables import training_views

#: Signals that workers ignore, as far as the platform has them.
RUN_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)

EXIT_TOLD = 0
EXIT_ERROR = 1


@dataclass(frozen=True)
class WorkerOrder:
    """What a worker process is started with.

    Attributes:
        settings: the engine's.
        worker: index of the worker.
        arena_name: the shared memory to attach to.
        coordinator_pid: whose death ends the worker.
        trace: where faulthandler writes, None for standard error.
    """

    settings: EngineSettings
    worker: int
    arena_name: str
    coordinator_pid: int
    trace: TraceFile | None


def worker_main(own_end: Connection, order: WorkerOrder, inherited: Sequence[Connection]) -> None:
    """Be a worker process; does not return.

    It leaves without the interpreter's teardown, which takes 0.2 s with Numba loaded and has
    nothing to save: the tables are shared memory, and somebody else's.

    Args:
        own_end: the worker's end of its pipe.
        order: what to do.
        inherited: under ``fork``, the coordinator's ends of all pipes so far. They are closed
            here: the end of a pipe is only seen once nobody holds its other end.
    """
    for other_end in inherited:
        other_end.close()
    watch_coordinator(order.coordinator_pid)
    prepare_signals(order.trace)
    status = _work(Channel(own_end), order)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _work(channel: Channel, order: WorkerOrder) -> int:
    """Serve tasks until told to leave; return the exit status."""
    try:
        arena = Arena.attach(order.arena_name)
        runner = TaskRunner(order.settings, training_views(arena), order.worker)
        runner.run(0, 0)
        channel.send(ReadyMessage(os.getpid()))
        serve(channel, runner, process_usage)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return EXIT_ORPHAN
    except BaseException as error:  # noqa: BLE001 - whatever it is, the coordinator hears of it
        _report(channel, error)
        return EXIT_ERROR
    return EXIT_TOLD


def _report(channel: Channel, error: BaseException) -> None:
    summary = f"{type(error).__name__}: {error}".partition("\n")[0]
    message = ErrorMessage(summary, "".join(traceback.format_exception(error)))
    try:
        channel.send(message, ERROR_SEND_SECONDS)
    except OSError:
        traceback.print_exception(error)


def prepare_signals(trace: TraceFile | None) -> None:
    """Ignore the signals of the run, and keep a stack trace of a crash.

    A limit of CPU time counts for each process: the coordinator is told, so that the run ends.
    """
    if hasattr(signal, "SIGXCPU"):
        signal.signal(signal.SIGXCPU, lambda *_: os.kill(os.getppid(), signal.SIGXCPU))
    for number in RUN_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if sys.platform != "win32":
        # The coordinator blocks them while it starts workers, and children inherit that.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, RUN_SIGNALS)
    # Not closed: faulthandler writes to it until the process ends.
    faulthandler.enable((trace and trace.open()) or sys.stderr)


def watch_coordinator(pid: int) -> None:
    """Make sure that this process ends when the coordinator does, even within a kernel.

    Linux kills it at once (``engine.entry``). Everywhere a thread blocks on the coordinator's
    sentinel, without ever waking before: kernels do not hold the GIL, so that it can act while
    one runs.
    """
    coordinator = parent_process()
    if coordinator is None or coordinator.pid != pid:
        os._exit(EXIT_ORPHAN)
    sentinel = coordinator.sentinel

    def leave_after_it() -> None:
        mp_connection.wait([sentinel])
        os._exit(EXIT_ORPHAN)

    threading.Thread(target=leave_after_it, name="coordinator-watch", daemon=True).start()
