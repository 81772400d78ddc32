"""A process in which a command has its kernels compiled, so that it takes no memory itself.

A compiler takes hundreds of MB and gives none of it back. Whoever is to write a table of any size
in little memory has it in another process, and loads what that has stored (``kernels.cache``): the
first export on a machine then takes no more memory than any other. If the helper dies, or cannot be
started, the command compiles itself.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from cfr_shm.engine.entry import Leash, begin
from cfr_shm.engine.worker import prepare_signals, watch_coordinator
from cfr_shm.engine.worker_process import main_module_hidden, signals_blocked
from cfr_shm.kernels.compiled_elsewhere import compiled_by

#: A helper that is asked for nothing for so long ends, and its memory is free; the next kernel
#: has another one, which takes half a second to start.
IDLE_SECONDS = 1.0


@contextlib.contextmanager
def compiling_apart() -> Iterator[None]:
    """Have kernels that are not stored compiled by another process within."""
    if multiprocessing.current_process().daemon:  # It may have no children.
        yield
        return
    helper = _Helper()
    try:
        with compiled_by(helper.compile):
            yield
    finally:
        helper.end()


class _Helper:
    """The process, started when something is to be compiled; one thread at a time asks it."""

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._ours: Connection | None = None

    def compile(self, module: str, name: str, signature: Any) -> None:
        """Return once a kernel is stored, or nobody will store it."""
        for _ in range(2):  # one that was idle may end in this moment
            try:
                self._ask(module, name, signature)
                return
            except (OSError, EOFError):
                self.end()

    def _ask(self, module: str, name: str, signature: Any) -> None:
        if self._ours is None:
            self._start()
        assert self._ours is not None
        self._ours.send((module, name, signature))
        self._ours.recv()

    def _start(self) -> None:
        self._ours, theirs = multiprocessing.Pipe()
        leash = Leash(os.getpid(), threading.current_thread() is threading.main_thread())
        self._process = multiprocessing.get_context("spawn").Process(
            target=begin,
            args=(leash, __name__, compile_what_is_asked.__name__, theirs),
            name="cfr-shm-compiler",
            daemon=True,
        )
        with theirs, signals_blocked(), main_module_hidden():
            self._process.start()

    def end(self) -> None:
        """End it, whatever it does."""
        if self._ours is not None:
            self._ours.close()
        if self._process is not None and self._process.pid is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        self._process = self._ours = None


def compile_what_is_asked(asked: Connection) -> None:
    """Compile kernels, by module, name and signature, and store them; end when nobody asks."""
    watch_coordinator(os.getppid())
    prepare_signals(None)
    with contextlib.suppress(EOFError, OSError):
        while asked.poll(IDLE_SECONDS):
            module, name, signature = asked.recv()
            # What goes wrong here is heard of where the kernel is called.
            with contextlib.suppress(Exception):
                getattr(importlib.import_module(module), name).compile(signature)
            asked.send(True)
