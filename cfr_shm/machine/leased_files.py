"""Files that are mapped, and that nobody changes or shortens meanwhile (Linux).

A lease (``fcntl(2)``, F_SETLEASE) makes whoever opens a file to write, or shortens it, wait until
this process has let it go, at most ``/proc/sys/fs/lease-break-time`` seconds (45). A thread is
told, copies what is mapped into memory of its own and puts that in the mapping's place, at the
same address; then it lets the file go. Whoever reads the mapping sees the same bytes all along.

Where a file can have no lease (another owner's, one that is being written, network file systems,
other systems) nothing is mapped: the caller reads it. What the lease does not cover: a process that
is stopped for longer than the lease lasts, too little memory for the copy, and writers that do not
pass this kernel.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import struct
import sys
import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of Linux's fcntl.h and mman.h; not among the constants of Python's modules.
_F_SETSIG, _F_SETOWN_EX, _F_OWNER_TID = 10, 15, 0
_MREMAP_MAYMOVE, _MREMAP_FIXED = 1, 2
_FAILED = ctypes.c_void_p(-1).value


class LeasedFiles:
    """Mapped files and their leases; kept until ``close``, or until nobody has this object.

    Mappings outlive it while views of them do, as memory of this process's own.
    """

    def __init__(self) -> None:
        self._watch = _Watch()
        self._end = weakref.finalize(self, self._watch.end)

    def map(self, descriptor: int) -> NDArray[np.uint8] | None:
        """Return all of a file's bytes, writable in this process alone; None without a lease.

        Args:
            descriptor: of a file that is open for reading and not empty; the caller closes it.
        """
        return self._watch.map(descriptor)

    @property
    def held(self) -> int:
        """Return how many files are still mapped, not copied."""
        return len(self._watch.files)

    def close(self) -> None:
        """Copy what is still looked at, and let every file go."""
        self._end()


class _Watch:
    """The thread that is told, and what it watches; begun with the first file."""

    def __init__(self) -> None:
        self.files: list[tuple[int, weakref.ref[mmap.mmap]]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._native, self._ended = 0, False

    def map(self, descriptor: int) -> NDArray[np.uint8] | None:
        if sys.platform != "linux":
            return None
        import fcntl

        own = os.dup(descriptor)
        try:
            with self._lock:
                self._begin()
                fcntl.fcntl(own, _F_SETOWN_EX, struct.pack("ii", _F_OWNER_TID, self._native))
                fcntl.fcntl(own, _F_SETSIG, _signal())
                fcntl.fcntl(own, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                size, reads = os.fstat(own).st_size, mmap.PROT_READ | mmap.PROT_WRITE
                mapping = mmap.mmap(own, size, flags=mmap.MAP_PRIVATE, prot=reads)
                self.files.append((own, weakref.ref(mapping)))
        except (OSError, ValueError):
            os.close(own)
            return None
        return np.frombuffer(mapping, np.uint8)

    def _begin(self) -> None:
        if self._thread is None:
            ready = threading.Event()
            self._thread = threading.Thread(
                target=self._serve, args=(ready,), name="cfr-shm-leases", daemon=True
            )
            self._thread.start()
            ready.wait()

    def _serve(self, ready: threading.Event) -> None:
        # Blocked here alone, and sent to this thread alone: no handler, and nobody else's signal.
        signal.pthread_sigmask(signal.SIG_BLOCK, [_signal()])
        self._native = threading.get_native_id()
        ready.set()
        while not self._ended:
            signal.sigwait([_signal()])
            self._let_go()

    def _let_go(self) -> None:
        """Copy every mapping that somebody looks at, then give its file back."""
        if sys.platform != "linux":
            return
        import fcntl

        with self._lock:
            # Without memory for a copy a file is kept: whoever writes waits as long as can be.
            kept = [each for each in self.files if not _is_free(each[1]())]
            let_go = [each for each in self.files if each not in kept]
            self.files = kept
            for descriptor, _ in let_go:
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
                os.close(descriptor)

    def end(self) -> None:
        """Let everything go and end the thread."""
        if self._thread is not None and not self._ended:
            self._ended = True
            signal.pthread_kill(self._thread.ident or 0, _signal())
            self._thread.join()


def _signal() -> int:
    return int(signal.SIGRTMIN) + 7


def _is_free(mapping: mmap.mmap | None) -> bool:
    """Tell whether nobody needs a mapped file any more; copy it if somebody looks at it."""
    return mapping is None or _replace(mapping)


def _replace(mapping: mmap.mmap) -> bool:
    """Put a copy of a mapping's bytes in its place; False where there is no memory for it."""
    libc: Any = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    libc.mremap.argtypes = (
        [ctypes.c_void_p] + [ctypes.c_size_t] * 2 + [ctypes.c_int, ctypes.c_void_p]
    )
    old = np.frombuffer(mapping, np.uint8)
    size = len(old)
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    place = libc.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, private, -1, 0)
    if place in (None, _FAILED):
        return False
    new = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(place))
    np.copyto(new, old)
    flags = _MREMAP_MAYMOVE | _MREMAP_FIXED
    return bool(libc.mremap(place, size, size, flags, old.ctypes.data) != _FAILED)
