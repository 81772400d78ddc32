"""Files of hand histories: single ones, folders, archives. Nothing is unpacked to the disk."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from cfr_shm.errors import UsageError
from cfr_shm.storage.files import TooLargeError, is_file, read_bytes

#: What hand histories are called.
ENDINGS = (".phh", ".phhs")
#: A hand takes about a kilobyte; the largest public files have some megabytes.
LARGEST_BYTES = 64 * 1024 * 1024


class HistoryText(NamedTuple):
    """What one file says; ``error`` says why it could not be read."""

    name: str
    text: str = ""
    error: str | None = None


def history_texts(path: Path) -> Iterator[HistoryText]:
    """Yield the hand histories of a file, a folder (in order of names) or an archive.

    Raises:
        UsageError: there is no such file, it cannot be read, or nothing in it ends in .phh or
            .phhs.
    """
    try:
        found = False
        for each in _texts(path):
            found = True
            yield each
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"{path}: {reason or type(error).__name__}") from None
    if not found:
        raise UsageError(f"{path}: nothing in it ends in {' or '.join(ENDINGS)}")


def _texts(path: Path) -> Iterator[HistoryText]:
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if name.endswith(ENDINGS):
                    yield _from_file(Path(folder) / name)
    elif path.name.endswith(ENDINGS):
        yield _from_file(path)
    elif not is_file(path):
        raise UsageError(f"{path}: neither a file nor a folder")
    elif zipfile.is_zipfile(path):
        yield from _from_zip(path)
    elif tarfile.is_tarfile(path):
        yield from _from_tar(path)
    else:
        raise UsageError(
            f"{path}: neither a hand history ({' or '.join(ENDINGS)}), a folder of them, nor a tar "
            "or zip archive"
        )


def _from_file(path: Path) -> HistoryText:
    try:
        content = read_bytes(path, LARGEST_BYTES)
    except TooLargeError:
        return _too_large(str(path))
    return _decoded(str(path), content)


def _from_tar(path: Path) -> Iterator[HistoryText]:
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isfile() or not member.name.endswith(ENDINGS):
                continue
            file = archive.extractfile(member)
            if file is not None:
                yield _read(f"{path}:{member.name}", file)


def _from_zip(path: Path) -> Iterator[HistoryText]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.is_dir() or not member.filename.endswith(ENDINGS):
                continue
            name = f"{path}:{member.filename}"
            try:
                with archive.open(member) as file:
                    yield _read(name, file)
            except (RuntimeError, NotImplementedError) as error:  # encrypted, odd compression
                yield HistoryText(name, error=f"{name}: {error}")


def _read(name: str, file: IO[bytes]) -> HistoryText:
    content = file.read(LARGEST_BYTES + 1)
    return _too_large(name) if len(content) > LARGEST_BYTES else _decoded(name, content)


def _too_large(name: str) -> HistoryText:
    most = LARGEST_BYTES // 1024**2
    return HistoryText(name, error=f"{name}: larger than {most} MiB; split it")


def _decoded(name: str, content: bytes) -> HistoryText:
    try:
        return HistoryText(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return HistoryText(name, error=f"{name}: no text in UTF-8 (byte {error.start})")
