"""Open and read what somebody else may have written: regular files only, of sensible size.

A FIFO or a device is refused at once, never waited for and never opened: opening a device can do
things by itself. Paths that no system takes (with a NUL, or half a surrogate pair) are refused
like those that are not there.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cfr_shm.storage.disk import DISK, Disk, require_regular


class TooLargeError(OSError):
    """A file is larger than anything that belongs there."""


@contextlib.contextmanager
def opened(
    path: Path, *, follow: bool = True, disk: Disk = DISK
) -> Iterator[tuple[io.FileIO, int]]:
    """Open a regular file for reading; yield it and its size.

    Args:
        path: of the file.
        follow: whether a link may lead to it, as to files that a user has named.
        disk: where it lies.

    Raises:
        NotRegularError: it is something else.
        OSError: it is not there, or cannot be opened.
    """
    with io.FileIO(_open(path, follow, disk)) as file:
        found = os.fstat(file.fileno())
        require_regular(found.st_mode)
        yield file, found.st_size


def _open(path: Path, follow: bool, disk: Disk) -> int:
    try:
        # What counts is what was opened, looked at again by the caller.
        require_regular(disk.status(path, follow=follow).st_mode)
        target = Path(os.path.realpath(path)) if follow else path
        return disk.open_existing(target, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except ValueError:  # a NUL, or half a surrogate pair
        raise OSError(0, "is a name that no file can have") from None


def read_bytes(path: Path, most: int, *, follow: bool = True, disk: Disk = DISK) -> bytes:
    """Return the content of a regular file of at most ``most`` bytes.

    Raises:
        TooLargeError: it has more, or grows while it is read.
        OSError: as of ``opened``.
    """
    with opened(path, follow=follow, disk=disk) as (file, byte_count):
        if byte_count <= most:
            content = file.read(most + 1) or b""
            while len(content) <= most and (more := file.read(most + 1 - len(content))):
                content += more
            byte_count = max(byte_count, len(content))
        if byte_count > most:
            raise TooLargeError(0, f"{byte_count} bytes, at most {most} expected")
        return content


def is_directory(path: Path) -> bool:
    """Tell whether a path leads to a directory; what no system takes for a name leads nowhere."""
    status = _status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Path) -> bool:
    """Tell whether a path leads to a regular file, likewise."""
    status = _status(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def exists(path: Path) -> bool:
    """Tell whether a path leads to anything, likewise."""
    return _status(path) is not None


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
