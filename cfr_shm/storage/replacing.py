"""Files that a user has named to be written: all of the new one, or the old one, and no link.

The content goes to a temporary neighbour whose name nobody can foresee, made by this process
alone, so that nothing is written through a link that somebody else has laid. What belongs to a
run or a stored directory is never replaced, whatever the user has said of replacing.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from cfr_shm.errors import CfrShmError, UsageError
from cfr_shm.storage.disk import DISK
from cfr_shm.storage.names import CHECKPOINTS, CONFIG, LOCK, MANIFEST_NAME, RUN_NAMES

_TRACE = re.compile(r"worker-\w+(-\d+)?\.trace")


@contextmanager
def replaced_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary neighbour of ``path`` that takes its place when all is on disk.

    Whatever happens, ``path`` is the old file or the whole new one.

    Raises:
        UsageError: the directory does not exist, or cannot be written to; or ``path`` belongs to
            a run.
        CfrShmError: writing failed, for example because the disk is full.
    """
    refuse_file_of_a_run(path)
    temporary = path.parent / f".{path.name[:100]}.{secrets.token_hex(8)}.tmp"
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot write {path}: it is not a regular file; choose another path")
        descriptor = DISK.create(temporary)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot write {path}: {reason}; choose another path") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        DISK.sync_directory(path.parent)
    except OSError as error:
        raise CfrShmError(f"writing {path} failed: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def refuse_file_of_a_run(path: Path) -> None:
    """Refuse a file that a run, a checkpoint or a bucket file lives by.

    Raises:
        UsageError: names the directory that it belongs to.
    """
    with suppress(OSError, ValueError):
        place = Path(os.path.realpath(path.parent)) / path.name
        for directory in place.parents:
            name = place.relative_to(directory).parts[0]
            of_a_run = name in RUN_NAMES or _TRACE.fullmatch(name) is not None
            if (of_a_run and _is_run(directory)) or (directory / MANIFEST_NAME).is_file():
                raise UsageError(
                    f"cannot write {path}: it would be a file of {directory}, which is a run or "
                    "a stored table; choose another path"
                )


def _is_run(directory: Path) -> bool:
    """Tell whether a directory holds a run: its configuration, its lock or its checkpoints."""
    return any((directory / name).exists() for name in (CONFIG, LOCK, CHECKPOINTS))
