"""Which checkpoints somebody still reads, so that the run does not delete them meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path


class Holds:
    """What is held several times is held until it was released as often; any thread may.

    >>> holds, path = Holds(), Path("checkpoints/100")
    >>> holds.hold(path)
    >>> path in holds
    True
    >>> holds.release(path)
    >>> path in holds
    False
    """

    def __init__(self) -> None:
        self._held: list[Path] = []
        self._lock = threading.Lock()

    def hold(self, path: Path) -> None:
        """Keep a checkpoint, however many are saved meanwhile."""
        with self._lock:
            self._held.append(path)

    def release(self, path: Path) -> None:
        """Take back one ``hold``; the next save removes what is not to be kept by then."""
        with self._lock:
            self._held.remove(path)

    def __contains__(self, path: Path) -> bool:
        with self._lock:
            return path in self._held

    def __len__(self) -> int:
        with self._lock:
            return len(self._held)
