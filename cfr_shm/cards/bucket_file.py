"""A bucket file as kernels read it: one array of bytes for each street, out of any file's reach.

What is checked is copied out of reach (``machine.sealed_memory``) and read from there by the
coordinator and all its workers: whatever becomes of the file, an index from it stays in its table.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cfr_shm.errors import ArrayStoreError, MemoryReserveError
from cfr_shm.layout.cards import BUCKET_ARRAYS
from cfr_shm.machine.sealed_memory import SealedMemory, seal
from cfr_shm.storage.array_files import opened_arrays
from cfr_shm.storage.manifest import Manifest
from cfr_shm.storage.names import MANIFEST_NAME
from cfr_shm.storage.store import read_manifest

KIND = "card buckets"


class BucketFile(NamedTuple):
    """Which buckets a game was built with."""

    path: str  # absolute
    fingerprint: str  # SHA-256 over deck and buckets
    unbeaten: int | None = None  # bucket of the river whose hands cannot lose, if there is one


def fingerprint(manifest: Manifest) -> str:
    """Return 64 hex digits that are equal for equal decks and buckets."""
    content = {name: manifest.arrays[name].sha256 for name in BUCKET_ARRAYS}
    text = json.dumps([manifest.about["deck"], content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(file: BucketFile) -> bool:
    """Tell whether the file at that path still holds the same buckets, as its manifest says."""
    try:
        return fingerprint(read_manifest(Path(file.path), kind=KIND)) == file.fingerprint
    except ArrayStoreError:
        return False


def bytes_of(bucket: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a street's buckets as bytes, low byte first, without a copy.

    Args:
        bucket: (hands,) uint8 or little-endian uint16, contiguous.
    """
    found: NDArray[np.uint8] = np.asarray(bucket).view(np.uint8)
    found.setflags(write=False)
    return found


def narrowest(count: int) -> np.dtype[Any]:
    """Return the type in which a file keeps the buckets of a street that has ``count``."""
    return np.dtype(np.uint8 if count <= 256 else np.uint16)


def file_bytes(path: Path) -> int:
    """Return the bytes of the buckets of a file, from its manifest.

    Raises:
        ArrayStoreError: there is no such file.
    """
    arrays = read_manifest(path, kind=KIND).arrays
    held = [arrays[name] for name in BUCKET_ARRAYS if name in arrays]
    return sum(each.byte_count - len(each.header) for each in held)


class _Kept(NamedTuple):
    sealed: SealedMemory | None  # None where the system has no such memory, or nobody shares it
    arrays: tuple[NDArray[Any], ...]  # one a street, read-only


#: What this process has read, by fingerprint: one copy serves all games and workers of it.
_kept: dict[str, _Kept] = {}

_unshared = False


def share_nothing() -> None:
    """Read buckets into memory of this process alone from now on: it will have no workers.

    That takes a quarter of the time (.12 instead of .52 s for 138 MB), which is all that somebody
    waits for who looks at a strategy; kernels that train read such memory more slowly.
    """
    global _unshared
    _unshared = True


class Street(NamedTuple):
    """How the buckets of a street lie in a file."""

    dtype: np.dtype[Any]
    hands: int


def keep_in_memory(
    fingerprint: str,
    streets: Sequence[Street],
    pieces: Callable[[], Iterator[NDArray[Any]]],
    path: Path,
) -> tuple[NDArray[Any], ...]:
    """Return a copy of a file's checked buckets that no file can change any more.

    They are never in memory twice: they go from the file to their place piece by piece.

    Args:
        fingerprint: of the file.
        streets: preflop to river.
        pieces: reads and checks all streets, one after the other, raising what is wrong.
        path: of the file; beside it the copy lies where an unnamed file is read fastest.

    Raises:
        MemoryReserveError: there is too little memory for the copy.
    """
    if fingerprint in _kept:
        for _ in pieces():  # which must be right all the same
            pass
        return _kept[fingerprint].arrays
    sizes = [each.hands * each.dtype.itemsize for each in streets]
    try:
        sealed = None if _unshared else seal("cfr-shm-buckets", sum(sizes), pieces(), path)
        content = _gathered(sum(sizes), pieces()) if sealed is None else sealed.map()
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MemoryReserveError(f"no memory for the card buckets: {reason}") from error
    parts = np.split(content, np.cumsum(sizes)[:-1])
    kept = tuple(part.view(each.dtype) for part, each in zip(parts, streets, strict=True))
    for array in kept:
        array.setflags(write=False)
    _kept[fingerprint] = _Kept(sealed, kept)
    return kept


def _gathered(byte_count: int, pieces: Iterator[NDArray[Any]]) -> NDArray[np.uint8]:
    """Return pieces one after the other in memory that only care keeps from being written to."""
    found, done = np.empty(byte_count, np.uint8), 0
    for piece in pieces:
        found[done : done + piece.nbytes] = piece.view(np.uint8)
        done += piece.nbytes
    return found


def let_pages_go() -> None:
    """Take all buckets out of this process's memory until they are read again."""
    for kept in _kept.values():
        if kept.sealed is not None:
            kept.sealed.let_pages_go()


def all_kept_bytes() -> int:
    """Return the bytes of all buckets that this process has in memory."""
    return sum(each.nbytes for kept in _kept.values() for each in kept.arrays)


def shared_name(file: BucketFile) -> str:
    """Return what workers find the buckets by, empty where they can only be handed them.

    Args:
        file: opened by this process, whose memory it is.
    """
    kept = _kept.get(file.fingerprint)
    if kept is None or kept.sealed is None:
        return ""
    sizes = " ".join(str(each.nbytes) for each in kept.arrays)
    return f"{file.fingerprint}\n{kept.sealed.name}\n{sizes}"


def shared_buckets(name: str) -> dict[str, NDArray[np.uint8]]:
    """Return the buckets that a coordinator shares, by name of the street.

    Args:
        name: the coordinator's ``shared_name``.

    Raises:
        ArrayStoreError: the coordinator has gone.
    """
    found, place, sizes = name.split("\n")
    kept = _kept.get(found)
    if kept is not None:
        return dict(zip(BUCKET_ARRAYS, map(bytes_of, kept.arrays), strict=True))
    try:
        content = SealedMemory.open(place).map()
    except OSError as error:
        raise ArrayStoreError(f"card buckets {found[:16]}: cannot be shared: {error}") from error
    ends = np.cumsum([int(size) for size in sizes.split()])
    parts = np.split(content, ends[:-1])
    return dict(zip(BUCKET_ARRAYS, map(bytes_of, parts), strict=True))


class FileWatch:
    """Notices when a bucket file is no longer what a game was built with.

    Nothing that runs depends on the file any more, but its checkpoints could not be resumed.

    Args:
        file: as it was when the game was built; None for games without.
        interval: seconds between two looks.
    """

    def __init__(self, file: BucketFile | None, interval: float = 1.0) -> None:
        self._file = file
        self._interval = interval
        self._next = time.monotonic()
        self._seen = None if file is None else _stamps(Path(file.path))
        self._why = "" if file is None or is_current(file) else _another(file)

    def why_changed(self) -> str:
        """Return what happened to the file, nothing while it is the same."""
        now = time.monotonic()
        if self._file is None or self._why or now < self._next:
            return self._why
        self._next = now + self._interval
        stamps = _stamps(Path(self._file.path))
        if stamps != self._seen:
            self._seen = stamps
            self._why = _why_not(self._file)
        return self._why


def _stamps(path: Path) -> tuple[tuple[int, ...], ...]:
    found: list[tuple[int, ...]] = []
    for name in (MANIFEST_NAME, *(f"{each}.npy" for each in BUCKET_ARRAYS)):
        try:
            status = (path / name).stat()
        except OSError:
            found.append(())
            continue
        moments = (status.st_mtime_ns, status.st_ctime_ns)
        found.append((status.st_dev, status.st_ino, status.st_size, *moments))
    return tuple(found)


def _why_not(file: BucketFile) -> str:
    """Read the file again; return why it is not what it was, nothing where it is."""
    try:
        with opened_arrays(Path(file.path), kind=KIND) as (manifest, files):
            for each in files.values():
                each.check()
        found = fingerprint(manifest)
    except ArrayStoreError as error:
        return str(error)
    return "" if found == file.fingerprint else _another(file)


def _another(file: BucketFile) -> str:
    return f"{file.path}: another bucket file has taken the place of {file.fingerprint[:16]}"
