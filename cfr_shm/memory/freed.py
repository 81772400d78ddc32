"""Memory that was freed within the process, given back to the system."""

from __future__ import annotations

import contextlib
import ctypes


def give_back_freed() -> None:
    """Give freed memory back, where the C library can: before large tables are reserved.

    glibc keeps what was freed in small parts: after a spot's boards are built that is 30 MB.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
