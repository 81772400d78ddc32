"""When a training pauses: for a checkpoint, or because its time is up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from cfr_shm.config.run import RunConfig

#: However short the interval between checkpoints, there is training in between.
LEAST_TRAINING_SECONDS = 0.1

#: Of training, before the first checkpoint that is kept for good.
FIRST_HISTORY_SECONDS = 10.0

#: Larger tables of hold'em have no history that nobody asked for.
HISTORY_TABLE_BYTES = 256 << 20

#: How much further each checkpoint of the history is than the one before.
HISTORY_STEP = 1.5


class Schedule:
    """The moments of one part of a run, on a monotonic clock, from ``begin`` on.

    Args:
        run: how long the run lasts, and how often there is a checkpoint.
        seconds_before: of training, before this part of the run.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        run: RunConfig,
        seconds_before: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        budget, interval = run.time_budget, run.checkpoint_interval
        self._left = math.inf if budget is None else budget - seconds_before
        self._interval = max(interval, LEAST_TRAINING_SECONDS) if interval else math.inf
        self._ends_at = math.inf
        self._checkpoint_at = math.inf

    def begin(self) -> None:
        """Start the clock: now training begins."""
        now = self._clock()
        self._ends_at = now + self._left
        self._checkpoint_at = now + self._interval

    @property
    def reaches_a_checkpoint(self) -> bool:
        """Whether there will be a checkpoint before the time is up."""
        return self._checkpoint_at < self._ends_at

    def pause_at(self, *, checkpoint_possible: bool) -> float | None:
        """Return the next moment at which to pause, None for never.

        Nobody is stopped for a checkpoint that cannot begin.
        """
        moment = min(self._ends_at, self._checkpoint_at) if checkpoint_possible else self._ends_at
        return None if moment == math.inf else moment

    def is_over(self, now: float | None = None) -> bool:
        """Return whether the time is up, ``now`` or at a given moment."""
        return (self._clock() if now is None else now) >= self._ends_at

    def is_checkpoint_due(self) -> bool:
        """Return whether the interval since the last checkpoint has passed."""
        return self._clock() >= self._checkpoint_at

    def checkpoint_begun(self) -> float:
        """Begin the next interval; return the moment."""
        now = self._clock()
        self._checkpoint_at = now + self._interval
        return now

    def paused_since(self, moment: float) -> None:
        """Put off the end: pausing is not training, and the budget does not pay for it."""
        self._ends_at += self._clock() - moment


class History:
    """Which checkpoints of a run are kept for good: each 1.5 times as far as the one before.

    Args:
        wanted: whether any are.
        iterations_before: of the run, before this part of it.
    """

    def __init__(self, wanted: bool, iterations_before: int) -> None:
        self._wanted = wanted
        self._next = _after(iterations_before) if iterations_before else None

    def is_due(self, iterations: int, seconds: float) -> bool:
        """Return whether the next one is due, after so many iterations and seconds in all."""
        if self._next is None:
            return self._wanted and seconds >= FIRST_HISTORY_SECONDS
        return self._wanted and iterations >= self._next

    def kept(self, iterations: int) -> None:
        """Take in that one is kept."""
        self._next = _after(iterations)


def keeps_history(run: RunConfig, is_holdem: bool, table_bytes: int) -> bool:
    """Return whether a run keeps a history; ``table_bytes`` are of the wide layout."""
    if run.keep_history is None:
        return is_holdem and table_bytes < HISTORY_TABLE_BYTES
    return run.keep_history


def history_length(seconds: float) -> int:
    """Return how many checkpoints a history has after so much training at one pace.

    >>> history_length(9.0), history_length(10.0), history_length(15.0), history_length(120.0)
    (0, 1, 2, 7)
    """
    if seconds < FIRST_HISTORY_SECONDS:
        return 0
    steps = math.log(seconds / FIRST_HISTORY_SECONDS) / math.log(HISTORY_STEP)
    return 1 + math.floor(steps + 1e-9)


def _after(iterations: int) -> int:
    return iterations + max(1, iterations // 2)
