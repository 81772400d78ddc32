"""Bytes in memory that nobody can change or shorten any more, shared by processes (Linux).

A mapped file says what whoever may write to it wants, and is as long as he wants: kernels would
read indices that are none, and beyond its end there is SIGBUS. A sealed memory file is nobody's to
change, the one who made it included. It does not lie in ``/dev/shm``, nor counts there.

Where the system gives memory files small pages only, a file on disk that never had a name is read
faster (docs/adr/0027): nobody can open it but by the descriptors of who has it, all read-only.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import stat
import sys
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Linux 5.14; not among the constants of Python's mmap module.
_MADV_POPULATE_WRITE = 23

#: Which memory files get huge pages; the chosen word is in brackets.
_HUGE_PAGES_SETTING = Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")

#: Bytes that are mapped at a time while memory is filled; a whole number of huge pages.
_WINDOW_BYTES = 16 << 20


#: How many times its bytes a disk must have free: checkpoints may go there as well.
_ROOM = 8

#: Bytes of zeros that one call writes many times.
_ZEROS_BYTES = 1 << 20


class SealedMemory:
    """A sealed or unnamed file; its memory goes with the last process that has it open or mapped.

    Args:
        descriptor: of the file; owned by this object from now on.

    Raises:
        OSError: it is not sealed, nor unnamed and open for reading only.
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


def seal(
    name: str, byte_count: int, parts: Iterable[NDArray[Any]], directory: Path
) -> SealedMemory | None:
    """Copy arrays, one after the other, into sealed memory; None where the system has none.

    Args:
        name: shown in lists of open files.
        byte_count: of all of them.
        parts: contiguous arrays, each asked for when those before it are copied; none is asked for
            where the system has no such memory. What they raise is raised, and nothing is kept.
        directory: on whose file system an unnamed file may lie.

    Raises:
        OSError: there is too little memory.
    """
    if sys.platform != "linux" or not hasattr(os, "memfd_create"):
        return None
    unnamed = None if _memory_files_get_huge_pages() else _unnamed_file(directory, byte_count)
    if unnamed is not None:
        return _written(unnamed, byte_count, parts)
    return in_memory(name, byte_count, parts)


def in_memory(name: str, byte_count: int, parts: Iterable[NDArray[Any]]) -> SealedMemory | None:
    """Copy arrays into a memory file and seal it, as ``seal`` says."""
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


def _memory_files_get_huge_pages() -> bool:
    try:
        setting = _HUGE_PAGES_SETTING.read_text()
    except OSError:
        return False
    return "[never]" not in setting and "[deny]" not in setting


def _unnamed_file(directory: Path, byte_count: int) -> int | None:
    """Open a file for writing that nobody can find, all of its bytes reserved; None if impossible.

    A file system in memory is no better than a memory file, which can be sealed.
    """
    try:
        flags = os.O_TMPFILE | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC  # EXCL: never to be linked
        descriptor = os.open(directory, flags, stat.S_IRUSR)
    except OSError:
        return None
    try:
        disk = os.fstatvfs(descriptor)
        if not _is_in_memory(descriptor) and disk.f_bavail * disk.f_frsize >= _ROOM * byte_count:
            _write_zeros(descriptor, byte_count)
            os.lseek(descriptor, 0, os.SEEK_SET)
            return descriptor
    except OSError:  # a quota is used up, or files must be shorter
        pass
    os.close(descriptor)
    return None


def _is_in_memory(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError:
        return False
    return True


def _write_zeros(descriptor: int, byte_count: int) -> None:
    """Reserve all bytes of a file, by calls as long as the system takes.

    A file's pages in memory are as large as the call that first writes to them allows: filled by
    1 MiB at a time it is read as slowly as memory with small pages.
    """
    zeros, done = memoryview(bytes(_ZEROS_BYTES)), 0
    while done < byte_count:
        whole, rest = divmod(byte_count - done, len(zeros))
        buffers = [zeros] * whole + [zeros[:rest]]
        done += os.writev(descriptor, buffers[: os.sysconf("SC_IOV_MAX")])


def _written(descriptor: int, byte_count: int, parts: Iterable[NDArray[Any]]) -> SealedMemory:
    """Write arrays to an unnamed file, whose descriptor is closed; return it open for reading."""
    done = 0
    try:
        for part in parts:
            left = part.reshape(-1).view(np.uint8).data
            while left:
                count = os.write(descriptor, left)
                left, done = left[count:], done + count
        _check_count(done, byte_count)
        return SealedMemory.open(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _check_count(done: int, byte_count: int) -> None:
    if done != byte_count:
        raise ValueError(f"{done} bytes came, {byte_count} were expected")


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
    _check_count(done, byte_count)


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
    except OSError:  # not in memory
        return _is_unnamed(descriptor)


def _is_unnamed(descriptor: int) -> bool:
    """Tell whether a file of one's own has no name and is open for reading only."""
    import fcntl

    status = os.fstat(descriptor)
    is_own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    is_read_only = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    return is_own and status.st_nlink == 0 and is_read_only
