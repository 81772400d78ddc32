"""What launchers of ranks leave in the environment: how many there are, and which MPI it is."""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from collections.abc import Mapping

from cfr_shm.errors import EXIT_USAGE, LauncherLostError, UsageError

#: Where launchers say how many processes they have started.
_OPEN_MPI_SIZE = "OMPI_COMM_WORLD_SIZE"
_SIZES = ("PMI_SIZE", _OPEN_MPI_SIZE, "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")

#: Where they say which of them this is.
_PLACES = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")

#: How the name of its library begins.
_OPEN_MPI = "Open MPI"

#: Of another, and where those who speak PMIx, SLURM's daemons for one, say so.
_MPICH = "MPICH"
_PMIX = "PMIX_NAMESPACE"

#: What Open MPI's launcher says to its ranks if it was started ``--with-ft ulfm``.
_FAULT_TOLERANT = "OMPI_MCA_mpi_ft_enable"

#: Where a process and its launcher speak PMI-1.
_PMI_WIRE = "PMI_FD"

#: Who is not the first leaves it so much time to say the same.
_FIRST_WORD_SECONDS = 10.0


def copies_started(environment: Mapping[str, str]) -> int | None:
    """Return how many processes a launcher says it has started, None for one or no launcher."""
    counts = [environment.get(name, "") for name in _SIZES]
    return next((int(each) for each in counts if each.isdecimal() and int(each) > 1), None)


def refuse_another_launcher(library: str, build: str, environment: Mapping[str, str]) -> None:
    """Refuse a launcher whose language would end the library, and the process, at its start.

    That is Open MPI's for another library, and PMIx for an MPICH without it. The other way round a
    library starts, and finds itself alone.

    Args:
        library: what it calls itself.
        build: all that it says of itself, with how it was configured.
        environment: where launchers leave their traces.

    Raises:
        UsageError: names both.
    """
    if _OPEN_MPI_SIZE in environment and not library.startswith(_OPEN_MPI):
        raise unheard(
            f"--mpi: Open MPI's mpiexec has started this, but mpi4py has loaded {library}: use "
            "the mpiexec of that library, or let mpi4py find Open MPI",
            environment,
            of_all=True,
        )
    told = any(each in environment for each in (_PMI_WIRE, "PMI_RANK", "MPIR_CVAR_PMI_VERSION"))
    if library.startswith(_MPICH) and _PMIX in environment and not told:
        if "pmix" in build.lower():
            return
        raise unheard(
            f"--mpi: this was started by PMIx, which {library} was built without: use 'srun "
            "--mpi=pmi2' ('srun --mpi=list' says what there is) or its own mpiexec, or Open MPI",
            environment,
            of_all=True,
        )


def unheard(line: str, environment: Mapping[str, str], *, of_all: bool = False) -> UsageError:
    """Return an error of a rank that cannot speak to the others: they have a launcher in common.

    It is asked to end them when this process leaves: they would wait for it without end in the
    start of MPI. Where they have the same to say, the first of them says it, and the others, who
    begin later, are ended before they do.

    Args:
        line: what is wrong.
        environment: where launchers leave their traces.
        of_all: whether every rank has surely the same to say; then the first alone says it.
    """
    error = UsageError(line)
    places = [environment.get(name, "") for name in _PLACES]
    if next((int(each) for each in places if each.isdecimal()), 0) > 0:
        time.sleep(_FIRST_WORD_SECONDS)
        error.told = of_all
    atexit.register(_end_all, environment, EXIT_USAGE)
    return error


def _end_all(environment: Mapping[str, str], code: int) -> None:
    """Ask a launcher that speaks PMI, MPICH's and its kin's, to end what it has started.

    Open MPI's does so when a process leaves with an error.
    """
    wire = environment.get(_PMI_WIRE, "")
    if wire.isdecimal():
        with contextlib.suppress(OSError):
            os.write(int(wire), f"cmd=abort exitcode={code}\n".encode())


class Starter:
    """What has started this process: a launcher, or its daemon on this machine.

    MPICH's ranks would train on without it, and nobody could end them all.
    """

    def __init__(self) -> None:
        self._process = os.getppid()

    @property
    def gone(self) -> bool:
        """Whether it has died: others have adopted this process."""
        return os.getppid() != self._process

    def require(self) -> None:
        """Go on only while it lives.

        Raises:
            LauncherLostError: it has died.
        """
        if self.gone:
            raise LauncherLostError(
                f"process {self._process}, which has started this rank, has died (mpiexec, or its "
                "daemon on this machine): 'cfr-shm resume' goes on from the last checkpoint"
            )


def may_lose_ranks(library: str, environment: Mapping[str, str]) -> bool:
    """Return whether an MPI library was started so that ranks outlive one that dies.

    >>> may_lose_ranks("Open MPI v5.0.11", {"OMPI_MCA_mpi_ft_enable": "1"})
    True
    >>> may_lose_ranks("MPICH Version: 5.0.2", {})
    False
    """
    told = environment.get(_FAULT_TOLERANT, "").lower()
    return library.startswith(_OPEN_MPI) and told not in ("", "0", "false", "no")
