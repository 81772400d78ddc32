"""Exact answers that take hours, kept on disk: what a killed evaluation had done is not done again.

A walk over all boards is a sum over the first cards that are drawn, in an order that is always
the same. Kept are the sum so far, how many boards are in it, and the results of the walks before.
Going on from there adds the same numbers in the same order: the result has the same bits.
"""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cfr_shm.cards.parallel import Progress
from cfr_shm.errors import ArrayStoreError
from cfr_shm.storage.documents import Count, Text, record
from cfr_shm.storage.store import read_store, remove_store, write_store

Floats = NDArray[np.float64]

KIND = "exact"

#: Seconds between two saves; so much is lost by a kill, and a board's time.
SAVE_SECONDS = 60.0

_ABOUT = record(identity=Text(), walks=Count(), boards=Count())
_NAME = re.compile(r"[0-9]{1,12}")


class ExactLedger:
    """What ``exact_response`` has done so far; owned by who asks for it.

    Args:
        directory: for this answer alone; made when there is something to keep.
        identity: of strategy and game. What was kept of another is not taken up.
        progress: told how far it is.
        interval: seconds between two saves; None for SAVE_SECONDS.

    Raises:
        ArrayStoreError: the disk refuses a save.
    """

    def __init__(
        self,
        directory: Path,
        identity: str,
        progress: Progress | None = None,
        interval: float | None = None,
    ) -> None:
        self._directory, self._identity = directory, identity
        self._progress = progress
        self._interval = SAVE_SECONDS if interval is None else interval
        self._results: list[float] = []
        self._walks, self._boards = 1, 1
        self._kept: tuple[int, Floats] | None = None
        self._saved = time.monotonic()
        self._load()

    @property
    def taken_up(self) -> bool:
        """Whether something was kept that is gone on from."""
        return bool(self._results) or self._kept is not None

    def open(self, walks: int, boards: int) -> None:
        """Say how many walks there will be, and how many boards each adds up."""
        self._walks, self._boards = walks, max(boards, 1)
        if self._progress:
            self._progress.start("exact best responses")

    def result(self, walk: int) -> float | None:
        """Return the result of a walk that is finished, None for one that is not."""
        return self._results[walk] if walk < len(self._results) else None

    def begun(self, total: Floats) -> tuple[int, Floats]:
        """Return how many boards of the present walk are added up, and their sum."""
        kept, self._kept = self._kept, None
        return kept if kept is not None and kept[1].shape == total.shape else (0, total)

    def passed(self, boards: int, total: Floats) -> None:
        """Note that so many boards of the present walk are added up; save them if it is time."""
        if self._progress:
            done = len(self._results) + boards / self._boards
            self._progress.update(min(done / self._walks, 1.0))
        if time.monotonic() - self._saved >= self._interval:
            self._save(boards, total)

    def finish(self, result: float) -> None:
        """Note what the present walk found."""
        self._results.append(result)

    def close(self) -> None:
        """Remove what was kept: the answer is found."""
        if self._progress:
            self._progress.finish()
        self._remove(self._names())
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    def _names(self) -> list[str]:
        with contextlib.suppress(OSError):
            found = [path.name for path in self._directory.iterdir()]
            return sorted((name for name in found if _NAME.fullmatch(name)), key=int)
        return []

    def _remove(self, names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(OSError):
                remove_store(self._directory / name)

    def _save(self, boards: int, total: Floats) -> None:
        before = self._names()
        name = str(int(before[-1]) + 1 if before else 1)
        about = {"identity": self._identity, "walks": len(self._results), "boards": boards}
        arrays = {"total": total, "results": np.array(self._results, np.float64)}
        write_store(self._directory / name, arrays, about, kind=KIND)
        self._remove(before)
        self._saved = time.monotonic()

    def _load(self) -> None:
        """Take up the newest save that is whole and of the same strategy."""
        for name in reversed(self._names()):
            with contextlib.suppress(ArrayStoreError):
                stored = read_store(self._directory / name, kind=KIND)
                about, arrays = stored.manifest.about, stored.arrays
                if not _ABOUT.fits(dict(about)) or about["identity"] != self._identity:
                    continue
                total, results = arrays.get("total"), arrays.get("results")
                if total is None or results is None or results.shape != (about["walks"],):
                    continue
                if total.dtype != np.float64 or total.ndim != 2 or results.dtype != np.float64:
                    continue
                self._results = results.tolist()
                self._kept = int(about["boards"]), total
                return
