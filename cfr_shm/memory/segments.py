"""Shared memory that a killed run has left: found and removed, and never that of a living one.

A segment's creator holds a shared lock on it (``flock``, which dies with the process, however
that ends). Whoever can take the lock for itself alone knows that the creator is gone. Linux
only: elsewhere segments cannot be listed.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NAME_PREFIX = "cfrshm-"

SHM = Path("/dev/shm")

_NAME = re.compile(re.escape(NAME_PREFIX) + "[0-9a-f]{8}")


class StaleSegment(NamedTuple):
    """A segment whose creator is gone."""

    path: Path
    byte_count: int  # of memory that it takes


def hold(descriptor: int | None) -> bool:
    """Take the creator's lock on a new segment, to be kept until the descriptor is closed.

    Return False if somebody took the segment for a leftover in the moment before, and has
    removed it.
    """
    if sys.platform != "linux" or descriptor is None:
        return True
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return os.fstat(descriptor).st_nlink > 0


def stale_segments(directory: Path = SHM) -> list[StaleSegment]:
    """Return the segments of runs that are gone."""
    found = []
    for path in _candidates(directory):
        with _locked(path) as status:
            if status is not None:
                found.append(StaleSegment(path, 512 * status.st_blocks))
    return found


def remove_stale_segments(directory: Path = SHM) -> list[StaleSegment]:
    """Remove the segments of runs that are gone, and return them."""
    removed = []
    for path in _candidates(directory):
        with _locked(path) as status, contextlib.suppress(OSError):
            if status is not None:
                path.unlink()
                removed.append(StaleSegment(path, 512 * status.st_blocks))
    return removed


def _candidates(directory: Path) -> list[Path]:
    if sys.platform != "linux":
        return []
    try:
        return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
    except OSError:
        return []


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[os.stat_result | None]:
    """Give the status of a segment that is locked for us alone, or None if it is not stale."""
    import fcntl

    try:
        # Not blocking: the name may be that of somebody's FIFO.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield None
        return
    try:
        status = os.fstat(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            stale = stat.S_ISREG(status.st_mode) and not _is_mapped(path, status)
        except OSError:
            stale = False
        yield status if stale else None
    finally:
        os.close(descriptor)


def _is_mapped(path: Path, status: os.stat_result) -> bool:
    """Return whether any process that we may look into still uses the segment.

    A second look, in case of file systems whose locks do nothing. The mapping of a file is
    listed with its name and its inode.
    """
    wanted = (str(status.st_ino), str(path))
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError), maps.open(errors="replace") as lines:
            for line in lines:
                fields = line.split(maxsplit=5)
                if len(fields) == 6 and (fields[4], fields[5].strip()) == wanted:
                    return True
    return False
