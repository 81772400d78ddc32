"""Arrays of a stored directory that are read piece by piece, so that memory never holds all.

Nothing is mapped (``storage.store`` says why): a piece is read into memory of its own, and a file
that shrinks under its reader is an error like others.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import ArrayStoreError
from cfr_shm.storage.files import opened
from cfr_shm.storage.manifest import Manifest, StoredArray
from cfr_shm.storage.store import check_head, read_manifest, unreadable

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
        try:
            check_head(self.path, stored, byte_count, header)
        except ArrayStoreError:
            self.close()
            raise

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
        done = self._begin
        for piece in self.pieces():
            done += piece.nbytes
            if progress is not None:
                progress(done)

    def whole(self) -> NDArray[Any]:
        """Return the array, checked, in its own shape.

        Raises:
            ArrayStoreError: it is not what the manifest says.
        """
        found, done = np.empty(self.count, self.dtype), 0
        for piece in self.pieces():
            found[done : done + len(piece)] = piece
            done += len(piece)
        return found.reshape(self._stored.shape)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield all elements in order, some at a time, each to be used before the next is asked.

        What came is known to be right only when the last one has come without an error.

        Raises:
            ArrayStoreError: the file is not what the manifest says.
        """
        header = bytearray(self._begin)
        self._read_into(memoryview(header), 0)
        digest, done = hashlib.sha256(header), 0
        buffer = np.empty(max(_CHUNK_BYTES // self.dtype.itemsize, 1), self.dtype)
        while done < self.count:
            piece = buffer[: self.count - done]
            self._read_into(piece.view(np.uint8).data, self._begin + done * piece.itemsize)
            digest.update(piece.view(np.uint8).data)
            done += len(piece)
            yield piece
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


@contextlib.contextmanager
def opened_arrays(directory: Path, *, kind: str) -> Iterator[tuple[Manifest, dict[str, ArrayFile]]]:
    """Open every array of a stored directory; manifest, sizes and headers are checked.

    Raises:
        ArrayStoreError: anything is missing or of another kind, size or header.
    """
    manifest = read_manifest(directory, kind=kind)
    with contextlib.ExitStack() as files:
        yield (
            manifest,
            {
                name: files.enter_context(ArrayFile(directory, name, stored))
                for name, stored in manifest.arrays.items()
            },
        )
