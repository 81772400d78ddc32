"""When the coordinator waits, and for how long: grace, drain, attempts, back-off.

One *round* of collection::

    main wait --empty--> back-off: after 5 empty polls in a row the wait grows x1.5
        |                up to the profile's maximum; any result resets it
      result
        v
    3 ms grace -> drain: polls of 5 ms, at most 3 empty ones in a row, 2 ms between those
        |
        v
    next main wait

A round also ends when no other worker can have a result soon, and before it would spend more
than ``polls_per_batch`` polls and sleeps for each result that it has collected: three empty
attempts are only affordable when several results came together.

While nothing can be due (every worker is known to be in the middle of a batch) there is
nothing to poll for: the main wait then lasts until the earliest batch is overdue. It blocks on
the pipes and sentinels all the while, so that an early result or a death ends it at once; the
back-off governs the waits after it.
"""

from __future__ import annotations

from collections.abc import Callable

from cfr_shm.engine.clock import Clock
from cfr_shm.engine.waits import CollectionLimits, WaitProfile


class CollectionPolicy:
    """Decides when to poll and when to sleep; owns no pipe and no process.

    One coordinator owns it for the life of an engine: the back-off outlives a round.

    Args:
        profile: the platform's waits.
        clock: monotonic clock.
        limits: the other figures.

    Attributes:
        polls: polls so far.
        sleeps: sleeps so far.
    """

    def __init__(
        self, profile: WaitProfile, clock: Clock, limits: CollectionLimits | None = None
    ) -> None:
        self.polls = 0
        self.sleeps = 0
        self._profile = profile
        self._clock = clock
        self._limits = CollectionLimits() if limits is None else limits
        self._empty_polls = 0
        self._wait_ms = 0.0
        self._reset()

    @property
    def wait_seconds(self) -> float:
        """The timeout of the next main wait, when something may be due."""
        return self._wait_ms / 1000.0

    def collect(
        self,
        poll: Callable[[float], int],
        waiting_for: Callable[[], int],
        *,
        quiet_seconds: float = 0.0,
        until: float | None = None,
    ) -> int:
        """Run one round and return how many results it collected, 0 for an empty main wait.

        Args:
            poll: waits at most the given seconds for results or a death, takes in every
                result that is there, and returns how many these were.
            waiting_for: how many workers have not reported in this round but will.
            quiet_seconds: time in which no result is due.
            until: monotonic moment at which the caller wants to be asked.
        """
        started = self._clock.monotonic()
        quiet = min(quiet_seconds, self._limits.quiet_seconds)
        timeout = max(self.wait_seconds, quiet)
        if until is not None:
            timeout = min(timeout, max(0.0, until - started))
        collected = self._poll(poll, timeout)
        if collected:
            self._reset()
            return self._drain(poll, waiting_for, collected, until)
        if quiet <= self.wait_seconds:
            self._back_off()
        return 0

    def _drain(
        self,
        poll: Callable[[float], int],
        waiting_for: Callable[[], int],
        collected: int,
        until: float | None,
    ) -> int:
        """Collect what comes within the grace and the drain after a first result."""
        limits = self._limits
        end = self._clock.monotonic() + limits.round_seconds
        if until is not None:
            end = min(end, until)
        spent = 1
        empty = 0
        pause = limits.grace_seconds
        while waiting_for() and empty < limits.empty_attempts and self._clock.monotonic() < end:
            spent += 2 if pause else 1
            if spent > limits.polls_per_batch * collected:
                break
            if pause:
                self.sleeps += 1
                self._clock.sleep(pause)
            found = self._poll(poll, limits.drain_seconds)
            collected += found
            empty = 0 if found else empty + 1
            pause = 0.0 if found else limits.pause_seconds
        return collected

    def _poll(self, poll: Callable[[float], int], timeout: float) -> int:
        self.polls += 1
        return poll(timeout)

    def _reset(self) -> None:
        self._empty_polls = 0
        self._wait_ms = max(self._profile.base_ms, self._profile.min_ms)

    def _back_off(self) -> None:
        self._empty_polls += 1
        if self._empty_polls >= self._limits.empty_polls:
            self._wait_ms = min(self._wait_ms * self._limits.growth, self._profile.max_ms)
