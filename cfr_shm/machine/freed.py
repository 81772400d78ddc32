"""Memory that the process no longer needs, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

_MADV_DONTNEED = 4


def give_back_freed() -> None:
    """Give freed memory back, where the C library can: before large tables are reserved.

    glibc keeps what was freed in small parts: after a spot's boards are built that is 30 MB.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def let_code_go(library: str) -> None:
    """Take a library's code out of this process's memory until it is called again (Linux).

    Kernels, once loaded, need nothing of the compiler that has loaded them: 55 MB of llvmlite.
    Only code is let go, which nobody has written to: it is read again from its file.

    Args:
        library: what its file's name begins with.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for line in Path("/proc/self/maps").read_text().splitlines():
            where, rights, _, _, _, *path = line.split(maxsplit=5)
            if rights == "r-xp" and path and Path(path[0]).name.startswith(library):
                first, end = (int(each, 16) for each in where.split("-"))
                advise(first, end - first, _MADV_DONTNEED)
