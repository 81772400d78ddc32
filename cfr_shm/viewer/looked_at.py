"""A directory that is asked for often: read anew only when something in it has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

Found = TypeVar("Found")

#: Two changes within a tick of the file system's clock look like one: what changed so lately is
#: read again.
SETTLED_NANOSECONDS = 2_000_000_000

_Stamp = tuple[tuple[int, int], ...]


class _Known(NamedTuple, Generic[Found]):
    stamp: _Stamp
    found: Found


class LookedAt(Generic[Found]):
    """What was read from some directories, kept until one of them changes; threads may share it.

    Args:
        read: reads them; what it raises is never kept.
        directories: whose entries it depends on; those that are not there are passed over, as
            long as the first is.
    """

    def __init__(self, read: Callable[[], Found], directories: Sequence[Path]) -> None:
        self._read, self._directories = read, directories
        self._known: _Known[Found] | None = None

    def get(self) -> Found:
        """Return what there is now."""
        stamp = self._stamp()
        known = self._known
        if known is not None and stamp and known.stamp == stamp:
            return known.found
        return self._read_anew(stamp)

    def kept(self) -> Found | None:
        """Return what there is now where nothing has to be read for it."""
        known = self._known
        return known.found if known is not None and known.stamp == self._stamp() else None

    def _read_anew(self, stamp: _Stamp) -> Found:
        found = self._read()
        newest = max((modified for _, modified in stamp), default=0)
        if stamp and stamp == self._stamp() and time.time_ns() - newest > SETTLED_NANOSECONDS:
            self._known = _Known(stamp, found)
        return found

    def _stamp(self) -> _Stamp:
        """Return number and time of every directory; empty where the first is not there."""
        stamps: list[tuple[int, int]] = []
        for directory in self._directories:
            try:
                status = directory.stat()
            except OSError:
                if not stamps:
                    return ()
                stamps.append((0, 0))
            else:
                stamps.append((status.st_ino, status.st_mtime_ns))
        return tuple(stamps)
