"""The files that crashing workers write their stacks to, in the directory of their run.

The directory may be moved under the run, and another run's may have taken its name: nothing is
made, renamed or removed in a directory that is not the one that was there at the start.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from cfr_shm.storage.disk import HeldDisk, Identity


@dataclass(frozen=True)
class TraceFile:
    """A file for one worker's stack; a value, which goes to the worker with its orders.

    Attributes:
        directory: where it lies.
        identity: of that directory.
        name: of the file.
    """

    directory: Path
    identity: Identity
    name: str

    @property
    def path(self) -> Path:
        """Where it lies, for messages."""
        return self.directory / self.name

    def open(self) -> TextIO | None:
        """Open it anew for the process that may crash; None where it cannot be."""
        with contextlib.suppress(OSError), self._disk() as disk:
            file = disk.append(self.path)
            os.ftruncate(file.fileno(), 0)
            return file
        return None

    def renamed(self, name: str) -> TraceFile:
        """Give the file, which may be open in its process, another name."""
        with contextlib.suppress(OSError), self._disk() as disk:
            disk.rename(self.path, self.directory / name)
            return replace(self, name=name)
        return self

    def has_stack(self) -> bool:
        """Tell whether something was written."""
        with contextlib.suppress(OSError), self._disk() as disk:
            return disk.status(self.path).st_size > 0
        return False

    def remove_if_empty(self) -> None:
        """Leave nothing of a worker that did not crash."""
        with contextlib.suppress(OSError), self._disk() as disk:
            if disk.status(self.path).st_size == 0:
                disk.remove(self.path)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[HeldDisk]:
        disk = HeldDisk(self.directory)
        try:
            if disk.identity != self.identity:
                raise FileNotFoundError(0, "another directory has its name")
            yield disk
        finally:
            disk.close_directory()


def trace_files(directory: str | None) -> TraceFile | None:
    """Return the pattern of the files in ``directory``, None where stacks go to standard error."""
    if directory is None:
        return None
    path = Path(directory).absolute()
    return TraceFile(path, Identity.of(path.stat()), "")
