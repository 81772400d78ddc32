"""One shared memory segment that holds named arrays, reserved in full before it is used.

    0    magic, format, length of the directory, length of the arena, fingerprint
    128  directory: JSON, one ``[name, dtype, shape, offset]`` per array
    ...  the arrays, each on a cache line of its own

The creator alone unlinks the segment, also when it ends by an exception (``with``) or is killed
(multiprocessing's resource tracker). If the tracker is killed too, the segment stays; the next run
removes it (``memory/segments.py``), for the creator holds a lock on it as long as it lives.
Whoever attaches never unlinks: before Python 3.13 an attached
segment is registered with the tracker too, and would be unlinked when an unrelated process ends;
we attach without registering.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import mmap
import os
import secrets
import signal
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import CfrShmError, MemoryReserveError
from cfr_shm.layout.control import CACHE_LINE_BYTES
from cfr_shm.memory.limits import require_memory, shared_limits, size_text
from cfr_shm.memory.segments import NAME_PREFIX, hold
from cfr_shm.storage.manifest import check_name, dtype_code, dtype_from_code

MAGIC = b"CFR-SHM\n"
FORMAT = 2

_FINGERPRINT_BYTES = 64
_HEADER = struct.Struct(f"<8sIIQ{_FINGERPRINT_BYTES}s")
_DIRECTORY_OFFSET = 128
_CHUNK_BYTES = 1 << 28
#: What an administrator does where ``huge_page_bytes`` is next to nothing, until the next boot.
HUGE_PAGES_REMEDY = "sudo mount -o remount,huge=advise /dev/shm"
# Linux 5.14; not among the constants of Python's mmap module.
_MADV_POPULATE_READ = 22
_MADV_POPULATE_WRITE = 23


@dataclass(frozen=True)
class ArraySpec:
    """Name, dtype and shape of one array of an arena."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def byte_count(self) -> int:
        """Bytes of the array's data."""
        return self.dtype.itemsize * math.prod(self.shape)


class Arena:
    """Named arrays in one shared memory segment.

    The creator owns the segment and unlinks it; workers ``attach`` by name. As a context
    manager it unlinks (if this process created it) and closes.

    >>> from cfr_shm.memory.arena import Arena, ArraySpec
    >>> with Arena.create([ArraySpec("rows", np.dtype("f8"), (8,))], "") as arena:
    ...     arena.array("rows")[:] = 1.0
    """

    def __init__(self, segment: _Segment, creator: bool) -> None:
        self._segment = segment
        self._creator_process = os.getpid() if creator else None
        self.name = segment.name
        self.nbytes, self.fingerprint, self._entries = _read_header(segment)

    @classmethod
    def create(cls, specs: Sequence[ArraySpec], fingerprint: str) -> Self:
        """Reserve a segment for ``specs``, zeroed, under a fresh name.

        Args:
            specs: the arrays; names differ.
            fingerprint: of the run, at most 64 bytes; for whoever attaches.

        Raises:
            MemoryReserveError: /dev/shm, the memory or the control group has too little.
        """
        if len(fingerprint.encode()) > _FINGERPRINT_BYTES:
            raise ValueError(f"fingerprint {fingerprint!r} is longer than {_FINGERPRINT_BYTES}")
        directory, byte_count = _lay_out(specs)
        require_memory(byte_count, shared_limits())
        segment = _create_segment(byte_count)
        try:
            _reserve(segment, byte_count)
            encoded = json.dumps(directory).encode()
            header = _HEADER.pack(MAGIC, FORMAT, len(encoded), byte_count, fingerprint.encode())
            segment.memory[_DIRECTORY_OFFSET : _DIRECTORY_OFFSET + len(encoded)] = encoded
            segment.memory[: len(header)] = header
            return cls(segment, creator=True)
        except BaseException:
            segment.unlink()
            with contextlib.suppress(BufferError):
                segment.close()
            raise

    @classmethod
    def attach(cls, name: str, fingerprint: str | None = None) -> Self:
        """Map the arena ``name`` that another process has created, all pages at once.

        Args:
            name: the creator's ``Arena.name``.
            fingerprint: what the arena must bear; None takes any.

        Raises:
            CfrShmError: there is no such segment, or it is not an arena of this format.
        """
        try:
            segment = _Segment(name)
        except FileNotFoundError as error:
            raise CfrShmError(
                f"shared memory {name}: no such segment; the run that created it has ended"
            ) from error
        except (OSError, ValueError) as error:
            raise CfrShmError(f"shared memory {name}: cannot be attached: {error}") from error
        try:
            arena = cls(segment, creator=False)
            if fingerprint is not None and arena.fingerprint != fingerprint:
                raise CfrShmError(
                    f"shared memory {name}: belongs to the run {arena.fingerprint[:16]!r}, "
                    f"expected {fingerprint[:16]!r}"
                )
        except BaseException:
            segment.close()
            raise
        _map_pages(segment)
        return arena

    @property
    def names(self) -> tuple[str, ...]:
        """The arrays' names."""
        return tuple(self._entries)

    def array(self, name: str) -> NDArray[Any]:
        """Return a new writable view of one array; it keeps the segment mapped while it lives.

        Raises:
            KeyError: the arena has no such array.
            ValueError: the arena is closed.
        """
        spec, offset = self._entries[name]
        if self._segment.buf is None:
            raise ValueError(f"arena {self.name} is closed")
        return _view(self._segment, spec, offset)

    def huge_page_bytes(self) -> int | None:
        """Return how much of the arena this process maps by huge pages, None if unknown."""
        try:
            with Path("/proc/self/smaps").open() as lines:
                return _huge_page_bytes(lines, self.name)
        except OSError:
            return None

    def close(self) -> bool:
        """Unmap the segment and return whether that was possible.

        While views that ``array`` gave out live on, it stays mapped and False is returned;
        nothing is lost, and the memory goes when the last of them goes. May be called again.
        """
        try:
            self._segment.close()
        except BufferError:
            return False
        return True

    def unlink(self) -> None:
        """Remove the segment's name: the memory goes when the last process has closed it.

        Does nothing in a process that did not create the arena, and the second time.
        """
        if self._creator_process == os.getpid():
            self._creator_process = None
            self._segment.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unlink()
        self.close()


# --- the segment -------------------------------------------------------------------------

_tracker_lock = threading.Lock()


class _Segment(SharedMemory):
    """A segment that is tracked and can be unlinked only by its creator."""

    def __init__(self, name: str, size: int = 0) -> None:
        self._created = size > 0
        if self._created:
            super().__init__(name, create=True, size=size)
        elif sys.version_info >= (3, 13):
            super().__init__(name, track=False)
        else:
            with _unregistered():
                super().__init__(name)

    def unlink(self) -> None:
        # SharedMemory unlinks by itself when it fails to attach: not what others own.
        if self._created:
            try:
                super().unlink()
            except FileNotFoundError:  # Somebody has removed the file: do not track it further.
                resource_tracker.unregister(f"/{self.name}", "shared_memory")

    @property
    def memory(self) -> memoryview:
        assert self.buf is not None
        return self.buf

    @property
    def mapping(self) -> mmap.mmap:
        found = self.memory.obj
        assert isinstance(found, mmap.mmap)
        return found

    @property
    def descriptor(self) -> int | None:
        found = getattr(self, "_fd", -1)
        return found if found >= 0 else None

    def __del__(self) -> None:
        with contextlib.suppress(OSError, BufferError):
            self.close()  # Where views live on, the mapping goes with the last of them.


@contextlib.contextmanager
def _unregistered() -> Iterator[None]:
    """Keep SharedMemory from registering what it attaches (Python 3.11 and 3.12)."""
    with _tracker_lock:
        register = resource_tracker.register
        resource_tracker.register = _register_nothing
        try:
            yield
        finally:
            resource_tracker.register = register


def _register_nothing(name: object, rtype: str) -> None:  # noqa: ARG001
    return None


def _start_tracker() -> None:
    """Start the tracker that unlinks what a killed process leaves, deaf to signals of the run.

    It ignores SIGINT and SIGTERM by itself. A closed terminal or a killed session leader sends
    SIGHUP to the whole group, as a batch system may send SIGUSR1 or SIGUSR2, and the segment
    would stay behind; a blocked signal is inherited.
    """
    if sys.platform == "win32":
        return
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2}
    )
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _create_segment(byte_count: int) -> _Segment:
    _start_tracker()
    while True:
        name = NAME_PREFIX + secrets.token_hex(4)
        try:
            segment = _Segment(name, byte_count)
            if hold(segment.descriptor):
                return segment
            segment.close()
        except FileExistsError:
            continue
        except OSError as error:
            raise MemoryReserveError(
                f"the tables need {size_text(byte_count)}, but the system refuses a segment of "
                f"that size: {error.strerror or error}"
            ) from error


def _reserve(segment: _Segment, byte_count: int) -> None:
    """Give every page of a new segment its memory, or raise MemoryReserveError.

    Populating the mapping fails cleanly where a write would be SIGBUS, and unlike
    posix_fallocate it takes huge pages where they are allowed (for 1 GiB: all of it mapped by
    huge pages against none, when /dev/shm is mounted with huge=advise).
    """
    _ask_for_huge_pages(segment)
    for first in range(0, byte_count, _CHUNK_BYTES):
        count = min(_CHUNK_BYTES, byte_count - first)
        try:
            if not (_populate(segment, first, count) or _allocate(segment, first, count)):
                segment.memory[first : first + count : 4096] = bytes(-(-count // 4096))
        except OSError as error:
            raise MemoryReserveError(
                f"the tables need {size_text(byte_count)}, but memory ran out after "
                f"{size_text(first)}: {error.strerror or error}; choose a smaller game"
            ) from error


def _populate(segment: _Segment, first: int, count: int) -> bool:
    """Fault pages in through the mapping; False where the system cannot."""
    if sys.platform != "linux":
        return False
    while True:
        try:
            segment.mapping.madvise(_MADV_POPULATE_WRITE, first, count)
            return True
        except OSError as error:
            if error.errno in (errno.EFAULT, errno.ENOMEM):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            if error.errno not in (errno.EINTR, errno.EAGAIN):
                return False


def _allocate(segment: _Segment, first: int, count: int) -> bool:
    """Allocate pages of the segment's file; False where the system cannot."""
    if segment.descriptor is None or not hasattr(os, "posix_fallocate"):
        return False
    try:
        os.posix_fallocate(segment.descriptor, first, count)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            return False
        raise
    return True


def _map_pages(segment: _Segment) -> None:
    """Map the pages of an existing segment in one go, where the system can.

    Four times cheaper than as many page faults (1 GiB: 75 ms of system time against 290).
    """
    _ask_for_huge_pages(segment)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            segment.mapping.madvise(_MADV_POPULATE_READ)


def _ask_for_huge_pages(segment: _Segment) -> None:
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):
            segment.mapping.madvise(mmap.MADV_HUGEPAGE)


def _huge_page_bytes(lines: Iterator[str], name: str) -> int | None:
    found: int | None = None
    inside = False
    for line in lines:
        key, _, rest = line.partition(" ")
        if not key.endswith(":"):
            inside = name in rest
        elif inside and key in ("ShmemPmdMapped:", "FilePmdMapped:"):
            found = (found or 0) + int(rest.split()[0]) * 1024
    return found


def _view(segment: _Segment, spec: ArraySpec, offset: int) -> NDArray[Any]:
    """View an array so that the segment cannot be unmapped under it.

    ``np.frombuffer`` keeps the buffer exported while the view lives; ``np.ndarray(buffer=...)``
    does not, and a use of it after ``close`` would be a segmentation fault.
    """
    if spec.byte_count == 0:
        return np.empty(spec.shape, spec.dtype)
    count = math.prod(spec.shape)
    return np.frombuffer(segment.memory, spec.dtype, count, offset).reshape(spec.shape)


# --- the header --------------------------------------------------------------------------


def _lay_out(specs: Sequence[ArraySpec]) -> tuple[list[list[Any]], int]:
    """Return the directory of an arena and its length in bytes."""
    if len({spec.name for spec in specs}) != len(specs):
        raise ValueError("two arrays of an arena have the same name")
    for spec in specs:
        check_name(spec.name, "arena")
    directory: list[list[Any]] = [
        [spec.name, dtype_code(spec.dtype, spec.name), list(spec.shape), 1 << 62] for spec in specs
    ]
    # With the largest offsets that there can be, so that the real directory fits too.
    end = _DIRECTORY_OFFSET + len(json.dumps(directory).encode())
    for entry, spec in zip(directory, specs, strict=True):
        offset = -(-end // CACHE_LINE_BYTES) * CACHE_LINE_BYTES
        entry[3] = offset
        end = offset + spec.byte_count
    return directory, end


def _read_header(segment: _Segment) -> tuple[int, str, dict[str, tuple[ArraySpec, int]]]:
    """Check a segment's header; return the arena's length, its fingerprint and its entries."""
    place = f"shared memory {segment.name}"
    if segment.size < _DIRECTORY_OFFSET:
        raise CfrShmError(f"{place}: {segment.size} bytes, too short for an arena")
    magic, version, length, byte_count, fingerprint = _HEADER.unpack_from(segment.memory)
    if magic != MAGIC:
        raise CfrShmError(f"{place}: wrong magic {magic!r}, expected {MAGIC!r}")
    if version != FORMAT:
        raise CfrShmError(f"{place}: format {version}, expected {FORMAT}; versions are mixed")
    if byte_count > segment.size or _DIRECTORY_OFFSET + length > byte_count:
        raise CfrShmError(f"{place}: truncated: {segment.size} bytes, its header says {byte_count}")
    try:
        encoded = bytes(segment.memory[_DIRECTORY_OFFSET : _DIRECTORY_OFFSET + length])
        entries: dict[str, tuple[ArraySpec, int]] = {}
        for name, code, shape, offset in json.loads(encoded):
            spec = ArraySpec(name, dtype_from_code(code, place), tuple(shape))
            if offset < 0 or min(shape, default=0) < 0 or offset + spec.byte_count > byte_count:
                raise ValueError(f"array {name} lies outside")
            entries[name] = (spec, offset)
        return byte_count, fingerprint.rstrip(b"\0").decode(), entries
    except (ValueError, TypeError) as error:
        raise CfrShmError(f"{place}: its directory is damaged: {error}") from error
