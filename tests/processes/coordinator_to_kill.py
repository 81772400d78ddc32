"""A coordinator for the tests to kill: prints the pids of its workers and its segment's name.

Usage: python coordinator_to_kill.py METHOD KERNEL main|thread, which say how workers start, what
they run and who starts them. Without a main guard, on purpose: workers must not import it.
"""

import sys
import threading

from engine_harness import SEGMENTS, started

from cfr_shm.engine.ledger import IterationLedger

start_method, kernel, starter = sys.argv[1:]
told = False


def coordinate() -> None:
    with started(2, kernel, start_method=start_method) as (engine, crew):

        def tell(stats: object) -> None:
            global told
            if not told:
                told = True
                sys.stdout.write(f"{crew.pids[0]} {crew.pids[1]} {SEGMENTS[-1]}\n")
                sys.stdout.flush()

        if kernel == "hanging":
            tell(None)
        engine.advance(IterationLedger(None, drain_window=1024), lambda: False, tell)


if starter == "thread":
    thread = threading.Thread(target=coordinate)
    thread.start()
    thread.join()
else:
    coordinate()
