"""A rank that kills what it is told to, when it is told to, and how long all the others last.

``python dying_ranks.py MOMENT VICTIM FILE ARGUMENT ...`` is a rank of the command line: rank 1, or
rank 0 where VICTIM is ``rank 0``, kills at MOMENT, and writes into FILE when that was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

#: Where launchers say which rank this is.
PLACES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK")

#: Names all that a job has started, in their environment.
MARK = "CFR_SHM_TEST_JOB"

#: ``daemon`` is what started the ranks of a machine, and ``machine`` it and all that is below it.
VICTIMS = ("rank 0", "rank 1", "daemon", "machine", "launcher")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a job ended: seconds from the death to the end of the last process, exit code, output."""

    seconds: float
    code: int
    output: str


def ended(line: list[str], mark: str, told: Path, patience: float, **environment: str) -> Ended:
    """Run a job of which something dies until nothing of it is left.

    Args:
        line: starts it.
        mark: tells its processes from all others.
        told: what this module's rank is told to write into.
        patience: seconds to wait from the death on; what is left then is killed.
    """
    output = told.with_suffix(".out")
    with output.open("w") as file:
        launcher = subprocess.Popen(
            line,
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment, MARK: mark},
        )
        try:
            began = time.monotonic()
            while not told.exists() and time.monotonic() < began + 120:
                time.sleep(0.02)
            died = float(told.read_text())
            while (left := _marked(mark)) and time.monotonic() < died + patience:
                launcher.poll()
                time.sleep(0.02)
            seconds = time.monotonic() - died
        finally:
            for each in _marked(mark):
                with contextlib.suppress(psutil.Error):
                    each.kill()
            code = launcher.wait(30)
    assert not left, f"{len(left)} processes after {seconds:.1f} s: {output.read_text()}"
    return Ended(seconds, code, output.read_text())


def _marked(mark: str) -> list[psutil.Process]:
    """Return the processes that a job has started, however they are related by now."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(psutil.Process(pid))
    return found


def _kill(victim: str, told: Path) -> None:
    own = psutil.Process()
    victims = [own]
    if victim == "daemon":
        victims = [own.parent()]
    elif victim == "machine":
        # What is below first: a daemon would tell of it.
        above = own.parent()
        below = [each for each in above.children(recursive=True) if each.pid != own.pid]
        above.suspend()
        victims = [*below, above, own]
    elif victim == "launcher":
        victims = [each for each in own.parents() if "mpiexec" in " ".join(each.cmdline())][-1:]
    part = told.with_suffix(".part")
    part.write_text(str(time.monotonic()))
    part.rename(told)
    for each in victims:
        each.send_signal(signal.SIGKILL)


def _die(moment: str, victim: str, told: Path) -> None:
    """Have this process kill at that moment."""
    from cfr_shm.memory.checkpoint import CheckpointStore
    from cfr_shm.ranks.meetings import Meetings
    from cfr_shm.ranks.world import Mpi
    from cfr_shm.run import train
    from cfr_shm.run.training import Training

    places = {
        "before MPI": (Mpi, "__init__", 1),
        "compiling": (train, "make_kernels_ready", 1),
        "training": (Meetings, "advance", 3),
        "meeting": (Mpi, "gather", 9),
        "exchange": (Mpi, "add_up", 3),
        "checkpoint": (Mpi, "add_up_at_first", 1),
        "writing": (CheckpointStore, "save", 1),
        "evaluating": (Training, "_finish", 1),
        "leaving": (Mpi, "_finalize", 1),
    }
    owner, name, due = places[moment]
    method, calls = getattr(owner, name), []

    def dying(*arguments, **named):
        calls.append(name)
        if len(calls) == due:
            if moment == "training":
                threading.Timer(0.3, _kill, (victim, told)).start()
            else:
                _kill(victim, told)
                time.sleep(0.1)
        return method(*arguments, **named)

    setattr(owner, name, dying)


if __name__ == "__main__":
    from cfr_shm.cli.main import main

    when, whom, where = sys.argv[1:4]
    place = next(os.environ[each] for each in PLACES if each in os.environ)
    if place == ("0" if whom == "rank 0" else "1"):
        _die(when, whom, Path(where))
    sys.exit(main(sys.argv[4:]))
