"""How a worker process begins: tied to its coordinator before anything heavy is imported.

A spawned process first unpickles what it is started with, piece by piece. ``Leash`` is the first
piece, and this module imports nothing that takes time: from then on the process ends with its
coordinator, also while it imports Numba, which takes a second.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys
from typing import Any

EXIT_ORPHAN = 3

_PR_SET_PDEATHSIG = 1


class Leash:
    """Ties the process in which it is unpickled to the coordinator.

    Args:
        coordinator_pid: whose death ends the worker.
        dies_with_thread: the coordinator's main thread starts the worker, so that Linux may
            tie the worker's life to it (it watches the starting thread, not the process).
    """

    def __init__(self, coordinator_pid: int, dies_with_thread: bool) -> None:
        self.coordinator_pid, self.dies_with_thread = coordinator_pid, dies_with_thread

    def __reduce__(self) -> tuple[Any, tuple[int, bool]]:
        return tied, (self.coordinator_pid, self.dies_with_thread)

    def tie(self) -> None:
        """End with the coordinator from now on, as far as the platform can tell of its end."""
        if sys.platform == "linux" and self.dies_with_thread:
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if sys.platform != "win32" and os.getppid() != self.coordinator_pid:
            os._exit(EXIT_ORPHAN)  # it died before we asked to be told


def tied(coordinator_pid: int, dies_with_thread: bool) -> Leash:
    """Return a leash that is in force; how one is unpickled."""
    leash = Leash(coordinator_pid, dies_with_thread)
    leash.tie()
    return leash


def begin(leash: Leash, module: str, function: str, *arguments: Any) -> None:
    """Be a process of the run: import what it is to do, which may take time, and do it.

    Args:
        leash: in force already in a spawned process; a forked one comes by it here.
        module: where the function is.
        function: its name.
        arguments: the function's.
    """
    leash.tie()
    getattr(importlib.import_module(module), function)(*arguments)
