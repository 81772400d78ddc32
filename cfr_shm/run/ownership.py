"""Whose a run directory is: two locks that die with their owner.

One is on the directory itself, so that it cannot be taken away with a file; the other is on a
file in it, for platforms and file systems that lock files only. A lock counts only while the
file's name still stands for what was locked.
"""

from __future__ import annotations

import contextlib
import os
import stat

from cfr_shm.storage.disk import HeldDisk, Identity, require_regular, unlock
from cfr_shm.storage.names import LOCK

_TRIES = 10


class RunLock:
    """The locks of a run directory; held from ``take`` to ``release``.

    Args:
        disk: the directory.
        descriptor: of the lock file, locked.
        has_directory: whether the directory itself is locked.
    """

    def __init__(self, disk: HeldDisk, descriptor: int, has_directory: bool) -> None:
        self._disk, self._descriptor, self._has_directory = disk, descriptor, has_directory

    @classmethod
    def take(cls, disk: HeldDisk) -> RunLock:
        """Take both locks; what a file system does not lock is done without.

        Raises:
            BlockingIOError: another process has one of them.
            OSError: the lock file cannot be made.
        """
        directory = disk.descriptor
        has_directory = directory is not None and _lock(directory)
        return cls(disk, _locked_file(disk), has_directory)

    def on(self, disk: HeldDisk) -> RunLock:
        """Return the same locks, looked after through another view of the same directory."""
        return RunLock(disk, self._descriptor, self._has_directory)

    def holds(self) -> bool:
        """Tell whether the directory is still ours; take a lock file that is missing again."""
        if self._has_directory:
            return True
        with contextlib.suppress(OSError):
            if not self._disk.exists(self._disk.root / LOCK):
                replaced = self._descriptor
                self._descriptor = _locked_file(self._disk)
                os.close(replaced)
            return _is_named(self._disk, self._descriptor)
        return False

    def release(self) -> None:
        """Let others have the directory."""
        unlock(self._descriptor)
        os.close(self._descriptor)


def _locked_file(disk: HeldDisk) -> int:
    """Return the lock file's descriptor, locked, and still under its name after that."""
    flags = os.O_RDWR | getattr(os, "O_NONBLOCK", 0)
    for _ in range(_TRIES):
        try:
            descriptor = disk.create(disk.root / LOCK)
        except FileExistsError:
            try:
                require_regular(disk.status(disk.root / LOCK).st_mode, LOCK)
                descriptor = disk.open_existing(disk.root / LOCK, flags)
            except FileNotFoundError:
                continue
        try:
            require_regular(os.fstat(descriptor).st_mode, LOCK)
            _lock(descriptor)
            if _is_named(disk, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise BlockingIOError(0, "its lock file is replaced again and again")


def _is_named(disk: HeldDisk, descriptor: int) -> bool:
    try:
        named = disk.status(disk.root / LOCK)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(named.st_mode) and Identity.of(named) == Identity.of(os.fstat(descriptor))


def _lock(descriptor: int) -> bool:
    """Lock a file or directory; return whether there are such locks here.

    Raises:
        BlockingIOError: another process has it.
    """
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        raise BlockingIOError(0, "another process has locked it") from error
    except OSError:
        return False
    return True
