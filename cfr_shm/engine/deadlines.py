"""The time that a batch may take, and when that time does not count.

Without a fixed deadline it is the time without a sign of life that counts: a worker that has
finished a window since its task began, or since it was last looked at, is slow and not stuck.
"""

from __future__ import annotations

from cfr_shm.engine.clock import Clock
from cfr_shm.engine.waits import GAP_SECONDS, LEAST_SECONDS, SLOWEST, UNKNOWN_RATE_SECONDS


class DeadlineWatch:
    """Knows since when each worker has been at its task, and until when it may.

    The coordinator owns it. Only a monotonic clock is read, so that the wall clock may jump.

    Args:
        clock: monotonic clock.
        deadline_seconds: fixed time per task, or None to derive it from the expected time.
    """

    def __init__(self, clock: Clock, deadline_seconds: float | None = None) -> None:
        self._clock = clock
        self._fixed = deadline_seconds
        self._began: dict[int, float] = {}
        self._allowed: dict[int, float] = {}
        self._seen = clock.monotonic()

    def begin(self, worker: int, expected_seconds: float | None) -> None:
        """Record that ``worker`` begins a task now, expected to take so long."""
        self._began[worker] = self._clock.monotonic()
        if self._fixed is not None:
            self._allowed[worker] = self._fixed
        elif expected_seconds is None:
            self._allowed[worker] = UNKNOWN_RATE_SECONDS
        else:
            self._allowed[worker] = max(LEAST_SECONDS, SLOWEST * expected_seconds)

    def extend(self, worker: int) -> None:
        """Record that ``worker`` has shown that it is getting on: its time begins anew."""
        self._began[worker] = self._clock.monotonic()

    def end(self, worker: int) -> None:
        """Record that ``worker`` has nothing to do."""
        self._began.pop(worker, None)

    def began(self, worker: int) -> float | None:
        """Return the monotonic moment at which the worker's task began, None without one."""
        return self._began.get(worker)

    def allowed(self, worker: int) -> float:
        """Return the seconds that the worker's task may take."""
        return self._allowed[worker]

    def waited(self, asked_seconds: float) -> None:
        """Note a wait of the coordinator's; start all deadlines anew after a gap of its own.

        Args:
            asked_seconds: how long the wait was to last at most. More than ``GAP_SECONDS``
                beyond it since the last call is a gap.
        """
        now = self._clock.monotonic()
        if now - self._seen > asked_seconds + GAP_SECONDS:
            for worker in self._began:
                self._began[worker] = now
        self._seen = now

    def restart(self) -> None:
        """Note that the coordinator begins to look; what lies before is no gap."""
        self._seen = self._clock.monotonic()

    def overdue(self) -> int | None:
        """Return a worker that is over its time, None when there is none."""
        now = self._clock.monotonic()
        for worker, began in self._began.items():
            if now - began > self._allowed[worker]:
                return worker
        return None
