"""Bytes in memory that nobody can change or shorten any more, shared by processes (Linux).

A mapped file says what whoever may write to it wants, and is as long as he wants: kernels would
read indices that are none, and beyond its end there is SIGBUS. A sealed memory file is nobody's to
change, the one who made it included. It does not lie in ``/dev/shm``, nor counts there.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sys
import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Linux 5.14; not among the constants of Python's mmap module.
_MADV_POPULATE_WRITE = 23

#: Bytes that are mapped at a time while memory is filled; a whole number of huge pages.
_WINDOW_BYTES = 16 << 20


class SealedMemory:
    """A sealed memory file; its memory goes with the last process that has it open or mapped.

    Args:
        descriptor: of the file; owned by this object from now on.

    Raises:
        OSError: it is not sealed, or not a memory file at all.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        if not _is_sealed(descriptor):
            raise OSError(f"descriptor {descriptor} is no sealed memory file")
        self.byte_count = os.fstat(descriptor).st_size
        self._mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()

    @property
    def name(self) -> str:
        """What a child of this process opens it by while this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    @classmethod
    def open(cls, name: str) -> SealedMemory:
        """Open what another process has under ``SealedMemory.name``.

        Raises:
            OSError: that process has ended, or what it has there is not sealed.
        """
        return cls(os.open(name, os.O_RDONLY | os.O_CLOEXEC))

    def map(self) -> NDArray[np.uint8]:
        """Return all of its bytes, (byte_count,), read-only; mapped as long as views live."""
        # Private: not all kernels let a sealed file be mapped shared. Nothing is copied.
        flags, readable = mmap.MAP_PRIVATE, mmap.PROT_READ
        mapping = mmap.mmap(self.descriptor, self.byte_count, flags=flags, prot=readable)
        _ask_for_huge_pages(mapping)
        self._mappings.add(mapping)
        return np.frombuffer(mapping, np.uint8)

    def let_pages_go(self) -> None:
        """Take what was read through views out of this process's memory, until it is read again."""
        for mapping in self._mappings:
            if hasattr(mmap, "MADV_DONTNEED"):
                mapping.madvise(mmap.MADV_DONTNEED)

    def __del__(self) -> None:
        if hasattr(self, "byte_count"):
            os.close(self.descriptor)


def seal(name: str, byte_count: int, parts: Iterable[NDArray[Any]]) -> SealedMemory | None:
    """Copy arrays, one after the other, into sealed memory; None where the system has none.

    Args:
        name: shown in lists of open files.
        byte_count: of all of them.
        parts: contiguous arrays, each asked for when those before it are copied; none is asked for
            where the system has no such memory. What they raise is raised, and nothing is kept.

    Raises:
        OSError: there is too little memory.
    """
    if sys.platform != "linux" or not hasattr(os, "memfd_create"):
        return None
    import fcntl

    try:
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:  # forbidden by a sandbox
        return None
    try:
        _fill(descriptor, byte_count, parts)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _all_seals())
        return SealedMemory(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _fill(descriptor: int, byte_count: int, parts: Iterable[NDArray[Any]]) -> None:
    """Write arrays one after the other, through windows, which are gone when this returns.

    Through ``write`` the pages come one by one, and hold'em reads them 4 % more slowly. Through
    one mapping of everything they would count as this process's memory until it is filled.
    """
    os.ftruncate(descriptor, byte_count)
    done = 0
    with contextlib.ExitStack() as window:
        for part in parts:
            left = part.reshape(-1).view(np.uint8).data
            while left:
                begin = done % _WINDOW_BYTES
                if begin == 0:
                    window.close()
                    size = min(_WINDOW_BYTES, byte_count - done)
                    mapping = window.enter_context(_window(descriptor, done, size))
                count = min(len(left), size - begin)
                mapping[begin : begin + count] = left[:count]
                left, done = left[count:], done + count
    if done != byte_count:
        raise ValueError(f"{done} bytes came, {byte_count} were expected")


def _window(descriptor: int, first: int, size: int) -> mmap.mmap:
    """Map some bytes of a file to write to, with memory behind all of them."""
    mapping = mmap.mmap(descriptor, size, offset=first)
    _ask_for_huge_pages(mapping)
    try:
        mapping.madvise(_MADV_POPULATE_WRITE)
    except OSError as error:
        if error.errno in (errno.EFAULT, errno.ENOMEM):  # where a write would be SIGBUS
            mapping.close()
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from error
    return mapping


def _ask_for_huge_pages(mapping: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            mapping.madvise(mmap.MADV_HUGEPAGE)


def _all_seals() -> int:
    import fcntl

    return fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def _is_sealed(descriptor: int) -> bool:
    import fcntl

    try:
        return fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _all_seals() == _all_seals()
    except OSError:
        return False
