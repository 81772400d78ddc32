"""Every error that cfr-shm raises on purpose, and the exit code that each one means.

An error names the thing, the place and the remedy in one line; the command line prints
that line and leaves with ``exit_code``.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_RUNTIME = 1
EXIT_USAGE = 2
EXIT_CHECKPOINT = 3
EXIT_MEMORY = 4
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
EXIT_HANGUP = 129


class CfrShmError(Exception):
    """Anything that went wrong while running: exit code 1."""

    exit_code = EXIT_RUNTIME

    #: Whether all ranks of a run know, and end by themselves.
    agreed = False

    #: Whether somebody else prints it.
    told = False


class UsageError(CfrShmError):
    """A wrong flag, argument or path on the command line."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A config file, environment variable or ``--set`` that cannot be used."""


class GameError(UsageError):
    """An unknown game, or parameters outside the game's range."""


class PlayerError(GameError):
    """A function that plays raises, or returns what is no legal action."""


class ArrayStoreError(CfrShmError):
    """A stored directory of arrays is missing, corrupt, or not what it claims to be."""

    exit_code = EXIT_CHECKPOINT


class CheckpointError(ArrayStoreError):
    """A checkpoint that is missing, corrupt, or belongs to another run."""


class MemoryReserveError(CfrShmError):
    """The shared memory that the run needs cannot be reserved in full."""

    exit_code = EXIT_MEMORY


class WorkerError(CfrShmError):
    """A worker died, hung, or reported an exception."""


class RankLostError(CfrShmError):
    """One of the processes that train together has died."""


class LauncherLostError(CfrShmError):
    """What has started this rank on its machine has died, and nobody else would end it."""


class DeadlineError(WorkerError):
    """A batch did not come back in the time that it was given."""


class CallbackError(CfrShmError):
    """A program's own progress callback raised; the run was ended with a checkpoint."""


class NotFiniteError(CfrShmError):
    """A table holds NaN or infinity; the message names array and index."""


class ProtocolError(CfrShmError):
    """What hands are played with elsewhere broke its protocol or the connection."""
