"""The other ranks, in a dozen verbs: the only module that imports mpi4py.

A *rank* is one process of ``mpiexec`` or ``srun``, usually one per machine, with its own tables and
workers. ``alone.Alone`` is the world of a run on one machine: what it is asked, it answers at once.

Where ranks may be lost (``survive``), whoever finds that one has died tells all the others, who are
then called, and whose verbs fail until they have come to ``shrink``. Whether one rank has come
through is its own matter; whether all have, they agree on by ``commit``, and only that counts.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from cfr_shm.engine.ledger import Range
from cfr_shm.errors import RankLostError, UsageError
from cfr_shm.ranks.alone import Alone
from cfr_shm.ranks.launchers import (
    Starter,
    copies_started,
    may_lose_ranks,
    refuse_another_launcher,
    unheard,
)
from cfr_shm.ranks.roll_call import RollCall, received

#: While others are waited for; MPI's own waiting would keep a core busy. The first looks come at
#: once: whoever is on the way comes within microseconds, if it has a core.
_POLL_SECONDS = 0.001
_LOOKS = 20

#: A sum is looked at without sleep for so long: it goes on only while it is looked at.
_SUM_SECONDS = 1.0

#: About half a minute of such looks while this process runs: then it is told who is missing, or
#: all are asked who is there, and after as many looks again it is told who has not answered.
PATIENCE_POLLS = 30_000

#: The tag of messages that call the others to a meeting.
_CALL = 1

_NotCome = Callable[[], list[int]]

_ONE_DIED = "a rank has died: 'cfr-shm resume' goes on from the last checkpoint"


class World(Protocol):
    """All ranks of a run, seen from one of them; every rank asks the same in the same order.

    Attributes:
        rank: of this process, from 0.
        size: ranks in all.
        sent_bytes: that this rank has given to sums so far.
        library: what carries the messages.
        survives: whether the others go on without a rank that has died.
        on_missing: told at one of the ranks who has not come, or came and does nothing any more,
            where that takes long.
    """

    rank: int
    size: int
    sent_bytes: int
    library: str
    survives: bool
    on_missing: Callable[[Sequence[int]], None]

    def survive(self) -> None:
        """Go on without ranks that die, from now on; every rank calls it.

        Raises:
            UsageError: the MPI library cannot, or was started so that it does not.
        """

    def commit(self, came: bool) -> bool:
        """Return whether every rank has come so far: all get the same answer, whoever dies."""

    def shrink(self) -> list[int]:
        """Go on with the ranks that live; return what their numbers were, ascending.

        Raises:
            RankLostError: rank 0 is not among them.
        """

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


class Mpi:
    """The ranks of MPI's world; made once in a process."""

    def __init__(self) -> None:
        self.library = _load_mpi(os.environ)
        self._world = _communicator().Dup()
        self._starter = Starter()
        self._called = 0
        self._commits = 0
        self._lost = False
        self._kept: list[Any] = []
        self.on_missing: Callable[[Sequence[int]], None] = _tell_nobody
        self.survives = False
        self.sent_bytes = 0
        self._begin()
        atexit.register(self._finalize)

    def _begin(self) -> None:
        """Begin with the ranks of a communicator."""
        self.rank, self.size = int(self._world.rank), int(self._world.size)
        self._roll = RollCall(self._world, _message_status, self._send)
        self._sent: list[Any] = []

    def survive(self) -> None:
        """Go on without ranks that die.

        Raises:
            UsageError: the library cannot, or was started so that it does not.
        """
        if not may_lose_ranks(self.library, os.environ):
            raise UsageError(
                f"--on-rank-death shrink: {self.library}, as it was started, ends all ranks where "
                "one dies; start Open MPI 5 by 'mpiexec --with-ft ulfm', or leave it at end"
            )
        self.survives = True

    def commit(self, came: bool) -> bool:
        """Return whether every rank has come so far: one answer for all of them."""
        if not self.survives:
            return came
        from mpi4py import MPI

        try:
            # What others hold back because of a death is answered here by all that live.
            all_came = bool(self._world.Agree(int(came)))
        except MPI.Exception as error:
            self._refuse_others(error)
            all_came = False
        self._commits += all_came
        self._lost |= not all_came
        return all_came

    def shrink(self) -> list[int]:
        """Go on with the ranks that live, once they all know who that is.

        Raises:
            RankLostError: rank 0 is not among them, or they do not agree on what was done.
        """
        from mpi4py import MPI

        began = self._world
        same = None
        while same is None:
            self._kept += [self._world, self._sent]
            self._world = self._world.Shrink()
            try:
                least = self._world.Agree(self._commits)
                same = least == ~self._world.Agree(~self._commits)
            except MPI.Exception as error:
                self._refuse_others(error)
        group = self._world.Get_group()
        left = group.Translate_ranks(list(range(group.size)), began.Get_group())
        self._lost = False
        self._begin()
        if len(left) == began.size:
            raise self._ended("MPI has failed, and no rank has died")
        if left[0] != 0:
            raise self._ended("rank 0 has died, which writes the run")
        if not same:
            raise self._ended("ranks do not agree on what was done before one died")
        return [int(each) for each in left]

    def _ended(self, what: str) -> RankLostError:
        """Return an error that all who are left know of, and the first of them tells."""
        error = RankLostError(f"{what}: 'cfr-shm resume' goes on from the last checkpoint")
        error.agreed, error.told = True, self.rank > 0
        return error

    def wait_for_all(self) -> None:
        """Sleep until every rank is here."""
        self._roll.come()
        with self._telling_losses():
            self._until(self._world.Ibarrier(), self._roll.not_come)
            self._roll.see_arrivals()

    def wait_for_the_end(self) -> None:
        """Sleep until every rank that lives has nothing left to do."""
        while True:
            try:
                with self._telling_losses():
                    self._until(self._world.Ibarrier(), None)
            except RankLostError:
                if not self.survives:
                    raise
            if self.commit(not self._lost):
                return
            self.shrink()

    def gather(self, words: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return everybody's ``words``, (size, words)."""
        own, found = np.ascontiguousarray(words), np.empty((self.size, len(words)))
        with self._telling_losses(own, found):
            self._until(self._world.Iallgather(own, found))
        return found

    def gather_ranges(self, ranges: Sequence[Range]) -> list[list[Range]]:
        """Return everybody's ranges of iterations."""
        own = np.array(ranges, np.int64).reshape(-1)
        found, counts = self._gather_all(own)
        parts = np.split(found.reshape(-1, 2), np.cumsum(counts // 2)[:-1])
        return [[(int(first), int(end)) for first, end in part] for part in parts]

    def add_up(self, values: NDArray[np.float32] | NDArray[np.int64]) -> None:
        """Put everybody's sum in the place of ``values``."""
        from mpi4py import MPI

        self.sent_bytes += values.nbytes
        with self._telling_losses(values):
            summed = self._world.Iallreduce(MPI.IN_PLACE, values, op=MPI.SUM)
            self._until(summed, eager_seconds=_SUM_SECONDS)

    def add_up_at_first(self, values: NDArray[np.float64]) -> None:
        """Put everybody's sum in the place of ``values`` at rank 0."""
        from mpi4py import MPI

        self.sent_bytes += values.nbytes
        with self._telling_losses(values):
            own, sums = (MPI.IN_PLACE, values) if self.rank == 0 else (values, None)
            summed = self._world.Ireduce(own, sums, op=MPI.SUM, root=0)
            self._until(summed, eager_seconds=_SUM_SECONDS)

    def texts(self, text: str) -> list[str]:
        """Return everybody's text."""
        found, counts = self._gather_all(np.frombuffer(text.encode(), np.uint8))
        return [part.tobytes().decode() for part in np.split(found, np.cumsum(counts)[:-1])]

    def call(self, meeting: int) -> None:
        """Ask the others to come to this meeting now."""
        self._send(meeting, range(self.size), _CALL)

    def is_called(self, meeting: int) -> bool:
        """Return whether somebody has asked for this meeting, or a later one, or has died."""
        self._starter.require()
        try:
            with self._telling_losses():
                for _, number in received(self._world, _message_status, _CALL):
                    self._called = max(self._called, number)
        except RankLostError:
            if not self.survives:
                raise
            return True
        return self._called >= meeting

    def _gather_all(self, own: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return what all have brought, one after the other, and how much it is of each."""
        counts = self.gather(np.array([len(own)], np.float64))[:, 0].astype(np.int64)
        found = np.empty(int(counts.sum()), own.dtype)
        with self._telling_losses(own, found):
            self._until(self._world.Iallgatherv(own, [found, counts.tolist()]))
        return found, counts

    @contextlib.contextmanager
    def _telling_losses(self, *buffers: Any) -> Iterator[None]:
        """Do what others take part in; tell them all where it fails because one has died.

        Args:
            buffers: of messages that may be on the way then; they are kept.

        Raises:
            RankLostError: a rank has died, as found here or told by another.
        """
        from mpi4py import MPI

        if self._lost:
            raise RankLostError(_ONE_DIED)
        try:
            yield
        except MPI.Exception as error:
            # Open MPI calls a death an error of another kind, now and then: shrinking tells.
            if not self.survives:
                self._refuse_others(error)
            self._lost = True
            self._kept += buffers
            if self.survives:
                self._world.Revoke()
            raise RankLostError(_ONE_DIED) from None

    @staticmethod
    def _refuse_others(error: Any) -> None:
        """Raise what is not the death of a rank."""
        from mpi4py import MPI

        losses = (MPI.ERR_PROC_FAILED, MPI.ERR_PROC_FAILED_PENDING, MPI.ERR_REVOKED)
        if error.Get_error_class() not in losses:
            raise error

    def _send(self, number: int, ranks: Iterable[int], tag: int) -> None:
        """Send a number to those of ``ranks`` that are not this one, and do not wait.

        What cannot be sent is no error: whoever waits for a rank that has died is told.
        """
        message = np.array([number], np.int64)
        with contextlib.suppress(RankLostError), self._telling_losses(message):
            self._sent = [each for each in self._sent if not each[1].Test()]
            self._sent += [
                (message, self._world.Isend(message, dest=other, tag=tag))
                for other in ranks
                if other != self.rank
            ]

    def _tell(self, missing: Sequence[int]) -> None:
        """Tell who is missing, at the first of those who are not."""
        if missing and self.rank == min(set(range(self.size)).difference(missing)):
            self.on_missing(missing)

    def _until(
        self, request: Any, not_come: _NotCome | None = list, eager_seconds: float = 0.0
    ) -> None:
        """Wait for what all ranks take part in, and leave the core to others meanwhile.

        Args:
            request: of MPI.
            not_come: tells who has not even come; None where one may be waited for without end.
            eager_seconds: to look without sleep, beyond the first looks.
        """
        looks, eager_until = 0, time.monotonic() + eager_seconds
        while looks < _LOOKS or time.monotonic() < eager_until:
            if request.Test():
                return
            time.sleep(0.0)
            looks += 1
        polls, asked = 0, False
        while not request.Test():
            time.sleep(_POLL_SECONDS)
            self._starter.require()
            self._roll.answer()
            polls += 1
            if polls == PATIENCE_POLLS and not_come is not None:
                missing = not_come()
                self._tell(missing)
                if not missing:
                    asked = True
                    self._roll.ask()
            elif polls == 2 * PATIENCE_POLLS and asked:
                self._tell(self._roll.silent())

    def _finalize(self) -> None:
        """Take leave of the other ranks.

        Not where one may have died: Open MPI then waits for it, now and then, without end
        (open-mpi/ompi, issue 11404). Its launcher does not mind.
        """
        from mpi4py import MPI

        if self.survives:
            with contextlib.suppress(RankLostError):
                self.wait_for_the_end()
        elif not MPI.Is_finalized():
            MPI.Finalize()

    def abort(self, code: int) -> NoReturn:
        """End the processes of all ranks.

        A launcher that is told to outlive deaths is left to itself: Open MPI's, asked by two ranks
        at once to end all, now and then does not end. Ranks then end each other.
        """
        with contextlib.suppress(OSError):  # whoever listened may have died
            sys.stdout.flush()
            sys.stderr.flush()
        if self._starter.gone:
            os._exit(code)  # MPI would ask it to end the others
        if may_lose_ranks(self.library, os.environ):
            with contextlib.suppress(Exception):
                self._world.Revoke()
        else:
            self._world.Abort(code)
        os._exit(code)


def _message_status() -> Any:
    from mpi4py import MPI

    return MPI.Status()


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
    library = _load_mpi(environment)
    refuse_another_launcher(library, _library_text(), environment)
    world = Mpi()
    if world.size == 1 and started is not None:
        raise unheard(
            f"--mpi: {started} processes were started, but MPI finds only this one: the launcher "
            f"does not belong to the MPI library that mpi4py has loaded ({world.library}); use "
            "its own mpiexec, or 'srun --mpi=pmix' or 'srun --mpi=pmi2'",
            environment,
            of_all=True,
        )
    return world


def _load_mpi(environment: Mapping[str, str]) -> str:
    """Load MPI's library without starting it; return what it calls itself.

    Raises:
        UsageError: there is no mpi4py, or no MPI library for it.
    """
    try:
        import mpi4py

        mpi4py.rc.initialize = False
        from mpi4py import MPI  # noqa: F401
    except ImportError as error:
        raise unheard(
            f"--mpi needs mpi4py and an MPI library ({error}): pip install 'cfr-shm[mpi]', and "
            "'pip install mpich' on machines that have no MPI",
            environment,
        ) from None
    except RuntimeError as error:
        raise unheard(
            f"--mpi: mpi4py finds no MPI library ({str(error).splitlines()[0]}): load the site's "
            "module, or 'pip install mpich'",
            environment,
        ) from None
    first = _library_text().splitlines()[0].partition(",")[0]
    return " ".join(first.split())


def _library_text() -> str:
    """Return all that the library says of itself."""
    from mpi4py import MPI

    return str(MPI.Get_library_version()).strip("\0 \n")


def _communicator() -> Any:
    """Start MPI, once in a process, and return its world."""
    from mpi4py import MPI

    if not MPI.Is_initialized():
        with warnings.catch_warnings():
            # Of launchers that do not fit: that is told in one line.
            warnings.simplefilter("ignore", RuntimeWarning)
            MPI.Init_thread(MPI.THREAD_FUNNELED)
    return MPI.COMM_WORLD
