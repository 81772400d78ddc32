"""A process that compiles an algorithm's kernel while its coordinator compiles the others.

The first start on a machine compiles for 10 s of CPU time for its algorithm, and for 4 s what every
run needs. Both fill the same cache, where each kernel is compiled by one process and
the other waits for it (``kernels.cache``): nothing passes between the two, and if the helper dies
the coordinator does its work.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Iterator

from cfr_shm.algorithms import AlgorithmSettings
from cfr_shm.engine.algorithm_kernels import compile_for, is_stored
from cfr_shm.engine.entry import Leash, begin
from cfr_shm.engine.worker import prepare_signals, watch_coordinator
from cfr_shm.engine.worker_process import main_module_hidden, signals_blocked
from cfr_shm.kernels.cache import CACHE_USABLE
from cfr_shm.machine.cores import usable_cores


@contextlib.contextmanager
def compiling_ahead(algorithm: AlgorithmSettings, frozen: bool, compact: bool) -> Iterator[None]:
    """Have an algorithm's kernel compiled beside what is done within, if it is not stored.

    Args:
        algorithm: whose kernel.
        frozen: in deterministic mode.
        compact: for tables of the compact layout.
    """
    if multiprocessing.current_process().daemon:  # It may have no children.
        yield
        return
    if not CACHE_USABLE or usable_cores() < 2 or is_stored(algorithm, frozen, compact):
        yield
        return
    leash = Leash(os.getpid(), threading.current_thread() is threading.main_thread())
    helper = multiprocessing.get_context("spawn").Process(
        target=begin,
        args=(leash, __name__, compile_beside.__name__, algorithm, frozen, compact),
        name="cfr-shm-compiler",
        daemon=True,
    )
    with signals_blocked(), main_module_hidden():
        helper.start()
    try:
        yield
    finally:
        helper.kill()
        helper.join()
        helper.close()


def compile_beside(algorithm: AlgorithmSettings, frozen: bool, compact: bool) -> None:
    """Compile an algorithm's kernel and store it; in a process of its own, which ends after it."""
    watch_coordinator(os.getppid())
    prepare_signals(None)
    compile_for(algorithm, frozen, compact)
