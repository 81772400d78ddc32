"""Arrays of a stored directory that are read piece by piece, so that memory never holds all.

Nothing is mapped (``storage.store`` says why): a piece is read into memory of its own, and a file
that shrinks under its reader is an error like others.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import ArrayStoreError
from cfr_shm.storage.files import opened
from cfr_shm.storage.manifest import Manifest, StoredArray, header_text
from cfr_shm.storage.store import read_manifest, unreadable

_CHUNK_BYTES = 1 << 20


class ArrayFile:
    """One array of a stored directory, (elements,), held open; only what is asked for is read.

    Opening compares size and header with the manifest; ``check`` reads all and compares digests.

    Args:
        directory: what ``storage.store.write_store`` wrote.
        name: of the array.
        stored: what the manifest says of it.

    Raises:
        ArrayStoreError: the file is not of that size or header, or cannot be read.
    """

    def __init__(self, directory: Path, name: str, stored: StoredArray) -> None:
        self.path = directory / f"{name}.npy"
        self.dtype, self.count = stored.dtype, int(np.prod(stored.shape))
        self._stored, self._begin = stored, len(stored.header)
        try:
            with opened(self.path, follow=False) as (file, byte_count):
                header = file.read(self._begin) or b""
                self._file = io.FileIO(os.dup(file.fileno()))
        except OSError as error:
            raise unreadable(self.path, error) from error
        if byte_count != stored.byte_count or header != stored.header:
            self.close()
            raise ArrayStoreError(
                f"{self.path}: {byte_count} bytes, {header_text(header)}; the manifest says "
                f"{stored.byte_count}, {header_text(stored.header)}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read any more."""
        self._file.close()

    def read(self, first: int, count: int) -> NDArray[Any]:
        """Return elements ``first`` to ``first + count``, in memory of their own.

        Raises:
            ArrayStoreError: the file has become shorter, or cannot be read.
        """
        found = np.empty(count, self.dtype)
        self._read_into(found.view(np.uint8).data, self._begin + first * self.dtype.itemsize)
        return found

    def check(self, progress: Callable[[int], None] | None = None) -> None:
        """Read all of the file and compare its digest; ``progress`` is told the bytes so far.

        Raises:
            ArrayStoreError: it is not what the manifest says.
        """
        digest, done = hashlib.sha256(), 0
        buffer = bytearray(_CHUNK_BYTES)
        while done < self._stored.byte_count:
            piece = memoryview(buffer)[: self._stored.byte_count - done]
            self._read_into(piece, done)
            digest.update(piece)
            done += len(piece)
            if progress is not None:
                progress(done)
        if digest.hexdigest() != self._stored.sha256:
            raise ArrayStoreError(
                f"{self.path}: its content was changed or damaged: SHA-256 "
                f"{digest.hexdigest()[:16]}..., the manifest says {self._stored.sha256[:16]}..."
            )

    def _read_into(self, buffer: memoryview, place: int) -> None:
        while buffer:
            try:
                got = _read_at(self._file, buffer, place)
            except (OSError, ValueError) as error:
                raise unreadable(self.path, error) from error
            if got == 0:
                raise ArrayStoreError(f"{self.path}: truncated while it was read")
            buffer, place = buffer[got:], place + got


def _read_at(file: io.FileIO, buffer: memoryview, place: int) -> int:
    """Read some bytes from a place of a file; threads may do so at once where the system can."""
    if hasattr(os, "preadv"):
        return os.preadv(file.fileno(), [buffer], place)
    file.seek(place)
    return file.readinto(buffer) or 0


def open_arrays(directory: Path, *, kind: str) -> tuple[Manifest, dict[str, ArrayFile]]:
    """Open every array of a stored directory; manifest, sizes and headers are checked.

    Raises:
        ArrayStoreError: anything is missing or of another kind, size or header.
    """
    manifest = read_manifest(directory, kind=kind)
    files: dict[str, ArrayFile] = {}
    try:
        for name, stored in manifest.arrays.items():
            files[name] = ArrayFile(directory, name, stored)
    except BaseException:
        for file in files.values():
            file.close()
        raise
    return manifest, files
