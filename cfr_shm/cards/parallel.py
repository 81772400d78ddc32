"""Split a range over threads: kernels release the GIL, so plain threads use every core.

Each piece writes to its own part of the output, or returns integers that are added up, so that
nothing depends on how many threads there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cfr_shm.machine.cores import usable_cores

_PIECES = 256


@dataclass
class Progress:
    """Passes on, at most every ``interval`` seconds, how far the present step is.

    ``write`` receives one line without its end. The default writes nothing.
    """

    write: Callable[[str], None] | None = None
    interval: float = 5.0
    _step: str = ""
    _started: float = 0.0
    _reported: float = 0.0
    _first: tuple[float, float] | None = None
    _steps: list[tuple[str, float]] = field(default_factory=list)

    def start(self, step: str) -> None:
        """Begin a step; the one before ends."""
        self.finish()
        self._step = step
        self._started = self._reported = time.monotonic()
        self._first = None

    def finish(self) -> None:
        """End the present step, if any, and report how long it took."""
        if self._step:
            seconds = time.monotonic() - self._started
            self._steps.append((self._step, seconds))
            if self.write:
                self.write(f"{self._step}: done in {seconds:.1f} s")
        self._step = ""

    def update(self, share: float) -> None:
        """Report that ``share`` (0 to 1) of the present step is done."""
        now = time.monotonic()
        # Until the first piece is done its kernel may have been compiled: not the pace to come.
        if self._first is None:
            self._first = (now, share)
        began, before = self._first
        due = now - self._reported >= self.interval
        if self.write and due and before < share < 1.0:
            self._reported = now
            seconds = now - self._started
            left = (now - began) * (1.0 - share) / (share - before)
            self.write(
                f"{self._step}: {share:.0%} after {_time(seconds)}, about {_time(left)} left"
            )

    @property
    def steps(self) -> tuple[tuple[str, float], ...]:
        """Return the finished steps and their seconds."""
        return tuple(self._steps)


def _time(seconds: float) -> str:
    """Return a time: in seconds, hours from two on."""
    return f"{seconds:.0f} s" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} hours"


def thread_count(workers: int) -> int:
    """Return how many threads ``workers`` means; 0 means all usable cores."""
    return workers if workers > 0 else usable_cores()


def run_ranges(
    function: Callable[[int, int], object],
    start: int,
    stop: int,
    workers: int,
    progress: Progress | None = None,
    *,
    pieces: int = _PIECES,
) -> None:
    """Call ``function(first, last)`` for pieces that cover ``[start, stop)``, in any order.

    The pieces depend on the range only, never on ``workers``. An exception in a piece is
    raised here once the pieces already running have ended; the others are not started.
    """
    borders = range_borders(start, stop, pieces)
    spans = list(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True))
    with ThreadPoolExecutor(thread_count(workers)) as pool:
        waiting = [pool.submit(function, first, last) for first, last in spans]
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                if progress:
                    progress.update(done / len(waiting))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def range_borders(start: int, stop: int, pieces: int) -> NDArray[np.int64]:
    """Return the borders of at most ``pieces`` pieces of ``[start, stop)``, none empty."""
    count = max(1, min(pieces, stop - start))
    return start + (stop - start) * np.arange(count + 1, dtype=np.int64) // count
