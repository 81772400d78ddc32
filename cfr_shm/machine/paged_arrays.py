"""Large arrays that need no memory of their own: they lie in files without a name.

Whoever walks through a betting tree once, from its beginning to its end, needs a part of it at a
time. Within ``arrays_on_disk`` large arrays are mapped files, whose parts ``let_go`` takes out of
this process's memory; the system keeps them in its page cache, or on disk. Nobody else can reach,
shorten or change such a file, and its blocks are reserved: reading is never an error.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cfr_shm.errors import CfrShmError
from cfr_shm.machine.freed import give_back_freed, let_code_go

#: Smaller arrays are no trouble in memory.
LEAST_BYTES = 1 << 20


class _Disk:
    """A directory, and what is mapped of it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.mappings: list[mmap.mmap] = []

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        byte_count = math.prod(shape) * dtype.itemsize
        try:
            with tempfile.TemporaryFile(dir=self._directory) as file:
                os.posix_fallocate(file.fileno(), 0, byte_count)
                mapping = mmap.mmap(file.fileno(), byte_count)
        except OSError as error:
            raise CfrShmError(
                f"{self._directory}: no room for a temporary file of {byte_count:,} bytes: "
                f"{error.strerror or error}"
            ) from error
        self.mappings.append(mapping)
        return np.frombuffer(mapping, dtype).reshape(shape)


_disk: ContextVar[_Disk | None] = ContextVar("_disk", default=None)


@contextlib.contextmanager
def arrays_on_disk(directory: Path) -> Iterator[None]:
    """Let large arrays that are made meanwhile by ``zeros`` lie in ``directory``, not in memory.

    Where the system cannot let mapped pages go they are in memory as ever.

    Raises:
        CfrShmError: by ``zeros``, where there is no room.
    """
    able = hasattr(os, "posix_fallocate") and hasattr(mmap, "MADV_DONTNEED")
    token = _disk.set(_Disk(directory) if able else None)
    try:
        yield
    finally:
        _disk.reset(token)


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros, in memory or where ``arrays_on_disk`` says."""
    disk, kind = _disk.get(), np.dtype(dtype)
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if disk is None or math.prod(sizes) * kind.itemsize < LEAST_BYTES:
        return np.zeros(sizes, kind)
    return disk.zeros(sizes, kind)


def make_room() -> None:
    """Before large arrays are made that ``arrays_on_disk`` does not hold: let go what can be.

    That is freed memory, and the compiler's code, once kernels are loaded.
    """
    if _disk.get() is not None:
        give_back_freed()
        let_code_go("libllvmlite")


def let_go() -> None:
    """Take what lies on disk out of this process's memory, until it is read again."""
    disk = _disk.get()
    if disk is not None:
        for mapping in disk.mappings:
            mapping.madvise(mmap.MADV_DONTNEED)
