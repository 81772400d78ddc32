from __future__ import annotations

from cfr_shm.engine.deadlines import (
    GAP_SECONDS,
    LEAST_SECONDS,
    SLOWEST,
    UNKNOWN_RATE_SECONDS,
    DeadlineWatch,
)


class ManualClock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _wait(clock: ManualClock, watch: DeadlineWatch, seconds: float) -> None:
    """Let time pass as a coordinator does, in waits of 0.1 s."""
    for _ in range(round(seconds * 10)):
        clock.now += 0.1
        watch.waited(0.1)


def test_the_deadline_follows_the_measured_rate() -> None:
    clock = ManualClock()
    watch = DeadlineWatch(clock)
    watch.begin(0, None)
    watch.begin(1, 0.5)
    watch.begin(2, 10.0)
    assert watch.allowed(0) == UNKNOWN_RATE_SECONDS
    assert watch.allowed(1) == LEAST_SECONDS
    assert watch.allowed(2) == SLOWEST * 10.0
    _wait(clock, watch, LEAST_SECONDS - 0.5)
    assert watch.overdue() is None
    _wait(clock, watch, 1.0)
    assert watch.overdue() == 1
    watch.end(1)
    assert watch.overdue() is None


def test_a_fixed_deadline_and_a_new_task() -> None:
    clock = ManualClock()
    watch = DeadlineWatch(clock, 2.0)
    watch.begin(0, 100.0)
    _wait(clock, watch, 1.5)
    watch.begin(0, 100.0)
    _wait(clock, watch, 1.5)
    assert watch.overdue() is None
    _wait(clock, watch, 1.0)
    assert watch.overdue() == 0


def test_a_gap_of_ones_own_starts_deadlines_anew() -> None:
    # Suspended for an hour between two waits: the workers were as well.
    clock = ManualClock()
    watch = DeadlineWatch(clock, 5.0)
    watch.begin(0, 0.5)
    _wait(clock, watch, 1.0)
    clock.now += 3600.0
    watch.waited(0.1)
    assert watch.overdue() is None
    _wait(clock, watch, 4.5)
    assert watch.overdue() is None
    _wait(clock, watch, 1.0)
    assert watch.overdue() == 0


def test_a_wait_that_was_asked_for_is_no_gap() -> None:
    clock = ManualClock()
    watch = DeadlineWatch(clock, 5.0)
    watch.begin(0, 0.5)
    clock.now += 6.0
    watch.waited(6.0 - GAP_SECONDS / 2)
    assert watch.overdue() == 0
