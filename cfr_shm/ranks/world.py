"""The other ranks, in nine verbs: the only module that imports mpi4py.

A *rank* is one process of ``mpiexec`` or ``srun``, usually one per machine, with its own tables and
workers. ``Alone`` is the world of a run on one machine: what it is asked, it answers at once.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import UsageError

Range = tuple[int, int]

#: While others are waited for; MPI's own waiting would keep a core busy. The first looks come at
#: once: whoever is on the way comes within microseconds, if it has a core.
_POLL_SECONDS = 0.001
_LOOKS = 20

#: About half a minute of such looks while this process runs: then it is told who is missing.
PATIENCE_POLLS = 30_000

#: Who knows who has come: others too, should one be what is missing.
_PORTERS = (0, 1)

#: The tag of messages that call the others to a meeting.
_CALL = 1
_ARRIVAL = 2

#: Where launchers say how many processes they have started.
_OPEN_MPI_SIZE = "OMPI_COMM_WORLD_SIZE"
_LAUNCHERS = ("PMI_SIZE", _OPEN_MPI_SIZE, "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")

#: Where they say which of them this is.
_PLACES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")

#: How the name of its library begins.
OPEN_MPI = "Open MPI"

#: Those who say nothing leave so much later than who speaks.
_FIRST_WORD_SECONDS = 5.0


class World(Protocol):
    """All ranks of a run, seen from one of them; every rank asks the same in the same order.

    Attributes:
        rank: of this process, from 0.
        size: ranks in all.
        sent_bytes: that this rank has given to sums so far.
        library: what carries the messages.
        on_missing: told at one of the ranks who has not come, where that takes long.
    """

    rank: int
    size: int
    sent_bytes: int
    library: str
    on_missing: Callable[[Sequence[int]], None]

    def wait_for_all(self) -> None:
        """Sleep until every rank is here."""

    def wait_for_the_end(self) -> None:
        """Sleep until every rank has nothing left to do, however long that takes."""

    def gather(self, words: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return everybody's ``words``, (size, words); all have as many."""

    def gather_ranges(self, ranges: Sequence[Range]) -> list[list[Range]]:
        """Return everybody's ranges of iterations, a list for each rank."""

    def add_up(self, values: NDArray[np.float32] | NDArray[np.int64]) -> None:
        """Put everybody's sum in the place of ``values``, the same bits at every rank."""

    def add_up_at_first(self, values: NDArray[np.float64]) -> None:
        """Put everybody's sum in the place of ``values`` at rank 0; elsewhere they are lost."""

    def texts(self, text: str) -> list[str]:
        """Return everybody's text, a rank's after the other's."""

    def call(self, meeting: int) -> None:
        """Ask the others to come to this meeting now."""

    def is_called(self, meeting: int) -> bool:
        """Return whether somebody has asked for this meeting, or a later one."""

    def abort(self, code: int) -> NoReturn:
        """End the processes of all ranks."""


class Alone:
    """The world of a run on one machine."""

    rank = 0
    size = 1
    sent_bytes = 0
    library = "none"

    def __init__(self) -> None:
        self.on_missing: Callable[[Sequence[int]], None] = _tell_nobody

    def wait_for_all(self) -> None:
        """Return."""

    def wait_for_the_end(self) -> None:
        """Return."""

    def gather(self, words: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the own words, (1, words)."""
        return words[np.newaxis]

    def gather_ranges(self, ranges: Sequence[Range]) -> list[list[Range]]:
        """Return the own ranges."""
        return [list(ranges)]

    def add_up(self, values: NDArray[np.float32] | NDArray[np.int64]) -> None:
        """Leave the sum as it is."""

    def add_up_at_first(self, values: NDArray[np.float64]) -> None:
        """Leave the sum as it is."""

    def texts(self, text: str) -> list[str]:
        """Return the own text."""
        return [text]

    def call(self, meeting: int) -> None:
        """Call nobody."""

    def is_called(self, meeting: int) -> bool:
        """Return False: there is nobody to call."""
        return meeting < 0

    def abort(self, code: int) -> NoReturn:
        """End this process."""
        os._exit(code)


class Mpi:
    """The ranks of MPI's world; made once in a process."""

    def __init__(self) -> None:
        communicator = _communicator()
        self._world = communicator.Dup()
        self._calls = communicator.Dup()
        self._called = 0
        self._waits = 0
        self._came = [0] * int(communicator.size)
        self.on_missing: Callable[[Sequence[int]], None] = _tell_nobody
        self._sent: list[Any] = []
        self.rank = int(self._world.rank)
        self.size = int(self._world.size)
        self.sent_bytes = 0
        self.library = _load_mpi()
        atexit.register(self._finalize)

    def wait_for_all(self) -> None:
        """Sleep until every rank is here."""
        self._waits += 1
        self._send(self._waits, (each for each in _PORTERS if each < self.size), _ARRIVAL)
        self._until(self._world.Ibarrier(), self._tell_missing)
        self._see_arrivals()

    def wait_for_the_end(self) -> None:
        """Sleep until every rank has nothing left to do."""
        self._until(self._world.Ibarrier())

    def gather(self, words: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return everybody's ``words``, (size, words)."""
        found = np.empty((self.size, len(words)))
        self._until(self._world.Iallgather(np.ascontiguousarray(words), found))
        return found

    def gather_ranges(self, ranges: Sequence[Range]) -> list[list[Range]]:
        """Return everybody's ranges of iterations."""
        own = np.array(ranges, np.int64).reshape(-1)
        counts = self.gather(np.array([len(own)], np.float64))[:, 0].astype(np.int64)
        found = np.empty(int(counts.sum()), np.int64)
        self._until(self._world.Iallgatherv(own, [found, counts.tolist()]))
        parts = np.split(found.reshape(-1, 2), np.cumsum(counts // 2)[:-1])
        return [[(int(first), int(end)) for first, end in part] for part in parts]

    def add_up(self, values: NDArray[np.float32] | NDArray[np.int64]) -> None:
        """Put everybody's sum in the place of ``values``."""
        from mpi4py import MPI

        self.sent_bytes += values.nbytes
        self._world.Allreduce(MPI.IN_PLACE, values, op=MPI.SUM)

    def add_up_at_first(self, values: NDArray[np.float64]) -> None:
        """Put everybody's sum in the place of ``values`` at rank 0."""
        from mpi4py import MPI

        self.sent_bytes += values.nbytes
        if self.rank == 0:
            self._world.Reduce(MPI.IN_PLACE, values, op=MPI.SUM, root=0)
        else:
            self._world.Reduce(values, None, op=MPI.SUM, root=0)

    def texts(self, text: str) -> list[str]:
        """Return everybody's text."""
        own = np.frombuffer(text.encode(), np.uint8)
        counts = self.gather(np.array([len(own)], np.float64))[:, 0].astype(np.int64)
        found = np.empty(int(counts.sum()), np.uint8)
        self._until(self._world.Iallgatherv(own, [found, counts.tolist()]))
        return [part.tobytes().decode() for part in np.split(found, np.cumsum(counts)[:-1])]

    def call(self, meeting: int) -> None:
        """Ask the others to come to this meeting now."""
        self._send(meeting, range(self.size), _CALL)

    def is_called(self, meeting: int) -> bool:
        """Return whether somebody has asked for this meeting, or a later one."""
        message = np.empty(1, np.int64)
        while self._calls.Iprobe(tag=_CALL):
            self._calls.Recv(message, tag=_CALL)
            self._called = max(self._called, int(message[0]))
        return self._called >= meeting

    def _send(self, number: int, ranks: Iterable[int], tag: int) -> None:
        """Send a number to those of ``ranks`` that are not this one, and do not wait."""
        message = np.array([number], np.int64)
        self._sent = [each for each in self._sent if not each[1].Test()]
        self._sent += [
            (message, self._calls.Isend(message, dest=other, tag=tag))
            for other in ranks
            if other != self.rank
        ]

    def _see_arrivals(self) -> None:
        """Take in who has said that it has come, and how often it has."""
        from mpi4py import MPI

        message, status = np.empty(1, np.int64), MPI.Status()
        while self._calls.Iprobe(tag=_ARRIVAL):
            self._calls.Recv(message, tag=_ARRIVAL, status=status)
            source = status.Get_source()
            self._came[source] = max(self._came[source], int(message[0]))

    def _tell_missing(self) -> None:
        """Tell who has not come: rank 0 does, or rank 1 where rank 0 is one of them."""
        self._see_arrivals()
        came = (*self._came[: self.rank], self._waits, *self._came[self.rank + 1 :])
        missing = [rank for rank, times in enumerate(came) if times < self._waits]
        if missing and (self.rank == 0 or (self.rank == 1 and 0 in missing)):
            self.on_missing(missing)

    def _until(self, request: Any, when_late: Callable[[], None] | None = None) -> None:
        """Wait for what all ranks take part in, and leave the core to others meanwhile."""
        for _ in range(_LOOKS):
            if request.Test():
                return
            time.sleep(0.0)
        polls = 0
        while not request.Test():
            time.sleep(_POLL_SECONDS)
            polls += 1
            if polls == PATIENCE_POLLS and when_late is not None:
                when_late()

    def _finalize(self) -> None:
        """Take leave of the other ranks."""
        from mpi4py import MPI

        if not MPI.Is_finalized():
            MPI.Finalize()

    def abort(self, code: int) -> NoReturn:
        """End the processes of all ranks."""
        sys.stdout.flush()
        sys.stderr.flush()
        self._world.Abort(code)
        os._exit(code)


def _tell_nobody(_ranks: Sequence[int]) -> None:
    """Say nothing."""


def open_world(ranks: str, environment: Mapping[str, str] = os.environ) -> World:
    """Return the world that a run was started in.

    Args:
        ranks: ``none`` or ``mpi``, as configured.
        environment: where launchers leave their traces.

    Raises:
        UsageError: MPI cannot be used, or the launcher and ``ranks`` do not agree.
    """
    started = copies_started(environment)
    if ranks == "none":
        if started is not None:
            raise UsageError(
                f"{started} copies of this command were started, and each believes that it is "
                "alone: add --mpi, or start it once, without mpiexec or srun"
            )
        return Alone()
    _refuse_another_launcher(_load_mpi(), environment)
    world = Mpi()
    if world.size == 1 and started is not None:
        raise _told_by_one(
            f"--mpi: {started} processes were started, but MPI finds only this one: the launcher "
            f"does not belong to the MPI library that mpi4py has loaded ({world.library}); use "
            "its own mpiexec, or 'srun --mpi=pmix' or 'srun --mpi=pmi2'",
            environment,
        )
    return world


def copies_started(environment: Mapping[str, str]) -> int | None:
    """Return how many processes a launcher says it has started, None for one or no launcher."""
    counts = [environment.get(name, "") for name in _LAUNCHERS]
    return next((int(each) for each in counts if each.isdecimal() and int(each) > 1), None)


def _refuse_another_launcher(library: str, environment: Mapping[str, str]) -> None:
    """Refuse Open MPI's launcher for another library, which would end the process at its start.

    The other way round a library starts, and finds itself alone.

    Raises:
        UsageError: names both.
    """
    if _OPEN_MPI_SIZE in environment and not library.startswith(OPEN_MPI):
        error = _told_by_one(
            f"--mpi: Open MPI's mpiexec has started this, but mpi4py has loaded {library}: use "
            "the mpiexec of that library, or let mpi4py find Open MPI",
            environment,
        )
        if error.told:
            # Open MPI's launcher ends all processes when the first has left.
            time.sleep(_FIRST_WORD_SECONDS)
        raise error


def _told_by_one(line: str, environment: Mapping[str, str]) -> UsageError:
    """Return an error that is printed by one of those that cannot speak to each other."""
    error = UsageError(line)
    places = [environment.get(name, "") for name in _PLACES]
    error.told = next((int(each) for each in places if each.isdecimal()), 0) > 0
    return error


def _load_mpi() -> str:
    """Load MPI's library without starting it; return what it calls itself.

    Raises:
        UsageError: there is no mpi4py, or no MPI library for it.
    """
    try:
        import mpi4py

        mpi4py.rc.initialize = False
        from mpi4py import MPI
    except ImportError as error:
        raise UsageError(
            f"--mpi needs mpi4py and an MPI library ({error}): pip install 'cfr-shm[mpi]', and "
            "'pip install mpich' on machines that have no MPI"
        ) from None
    except RuntimeError as error:
        raise UsageError(
            f"--mpi: mpi4py finds no MPI library ({str(error).splitlines()[0]}): load the site's "
            "module, or 'pip install mpich'"
        ) from None
    first = MPI.Get_library_version().strip("\0 \n").splitlines()[0].partition(",")[0]
    return " ".join(first.split())


def _communicator() -> Any:
    """Start MPI, once in a process, and return its world."""
    from mpi4py import MPI

    if not MPI.Is_initialized():
        with warnings.catch_warnings():
            # Of launchers that do not fit: that is told in one line.
            warnings.simplefilter("ignore", RuntimeWarning)
            MPI.Init_thread(MPI.THREAD_FUNNELED)
    return MPI.COMM_WORLD
