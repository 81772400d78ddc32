"""How many iterations a task gets: sized by time from the worker's own measured rate."""

from __future__ import annotations

#: A task is at most this many times the one before, so that one odd measurement cannot
#: turn into a task of minutes.
GROWTH = 16

#: The least time that a task is cut to when the remaining iterations are shared out.
SHORTEST_SECONDS = 0.02


class BatchSizer:
    """Sizes the tasks of one worker; lives as long as the worker.

    The first task is one drain window; a few tasks later the rate is known. The rate is that
    of the last ``batch_seconds`` of work, so that it follows a machine that throttles.

    Args:
        drain_window: iterations; every size is a multiple of it.
        batch_seconds: the time that a task is sized for.
        batch_size: fixes the size instead, rounded up to a multiple of ``drain_window``.
    """

    def __init__(
        self, drain_window: int, batch_seconds: float, batch_size: int | None = None
    ) -> None:
        self._drain_window = drain_window
        self._batch_seconds = batch_seconds
        self._fixed = None if batch_size is None else self._whole_windows(batch_size)
        self._last = drain_window
        self._iterations = 0.0
        self._seconds = 0.0

    @property
    def rate(self) -> float | None:
        """Iterations per second, None before the first result."""
        return self._iterations / self._seconds if self._seconds > 0 else None

    def observe(self, iterations: int, seconds: float) -> None:
        """Take in that a task ran ``iterations`` in ``seconds``."""
        if iterations < 1 or seconds <= 0:
            return
        if self._seconds > self._batch_seconds:
            self._iterations *= self._batch_seconds / self._seconds
            self._seconds = self._batch_seconds
        self._iterations += iterations
        self._seconds += seconds

    def begin_small(self) -> None:
        """Let the next task be short, and those after it grow again.

        After a death: short tasks are answered before the next one comes, and lose little to it.
        """
        self._last = self._drain_window

    def next_size(self, share: int | None = None) -> int:
        """Return the size of the next task, a multiple of ``drain_window``.

        Args:
            share: iterations left for each task that the engine can have out, None when there
                is no end to them. Near the end of a run tasks get smaller with it, so that
                all workers end at about the same time.
        """
        if self._fixed is not None:
            return self._fixed
        rate = self.rate
        if rate is None:
            return self._drain_window
        size = min(rate * self._batch_seconds, GROWTH * self._last)
        if share is not None:
            size = min(size, max(share, rate * SHORTEST_SECONDS))
        self._last = self._whole_windows(size)
        return self._last

    def seconds_for(self, iterations: int) -> float | None:
        """Return how long ``iterations`` should take, None before the rate is known."""
        rate = self.rate
        return None if rate is None else iterations / rate

    def _whole_windows(self, size: float) -> int:
        return max(1, -int(-size // self._drain_window)) * self._drain_window
