"""The collection policy on a scripted clock: what D3 and D5 of the reports ask for."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from cfr_shm.engine.collection import CollectionPolicy
from cfr_shm.engine.waits import (
    APPLE_SILICON,
    LINUX_AND_WINDOWS,
    CollectionLimits,
    WaitProfile,
)

ALWAYS_POLLING = CollectionLimits(quiet_seconds=0.0)


class Script:
    """A clock on which results arrive at given moments, each from a worker of its own."""

    def __init__(self, arrivals: Iterable[tuple[float, int]], workers: int) -> None:
        self.now = 0.0
        self.arrivals = sorted(arrivals)
        self.workers = workers
        self.taken: list[int] = []
        self.waits: list[float] = []
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def poll(self, timeout: float) -> int:
        self.waits.append(timeout)
        if not self.arrivals or self.arrivals[0][0] > self.now + timeout:
            self.now += timeout
            return 0
        self.now = max(self.now, self.arrivals[0][0])
        there = [worker for moment, worker in self.arrivals if moment <= self.now]
        self.arrivals = [arrival for arrival in self.arrivals if arrival[0] > self.now]
        self.taken += there
        return len(there)

    def missing(self) -> int:
        return self.workers - len(set(self.taken))


def collect(
    script: Script, profile: WaitProfile = LINUX_AND_WINDOWS, **kwargs: float
) -> tuple[int, CollectionPolicy]:
    policy = CollectionPolicy(profile, script, ALWAYS_POLLING)
    return policy.collect(script.poll, script.missing, **kwargs), policy


@pytest.mark.parametrize(
    "order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)], ids=["in order", "reverse", "mixed"]
)
def test_results_are_drained_together_in_any_order(order: tuple[int, ...]) -> None:
    script = Script([(0.001 + 0.003 * i, worker) for i, worker in enumerate(order)], 4)
    collected, policy = collect(script)
    assert collected == 4
    assert script.taken == list(order)
    assert policy.polls + policy.sleeps <= 4 * 4


def test_all_at_once_need_one_poll() -> None:
    script = Script([(0.002, worker) for worker in range(8)], 8)
    collected, policy = collect(script)
    assert (collected, policy.polls, policy.sleeps) == (8, 1, 0)


def test_grace_then_drain_with_the_figures_of_the_contract() -> None:
    # Two together, then one within the drain: there is budget for three empty attempts.
    script = Script([(0.001, 0), (0.001, 1), (0.006, 2)], 4)
    collected, policy = collect(script)
    assert collected == 3
    assert script.waits == [0.010, 0.005, 0.005, 0.005, 0.005]
    assert script.sleeps == [0.003, 0.002, 0.002]
    assert policy.polls + policy.sleeps <= 4 * 3


def test_a_result_resets_the_count_of_empty_attempts() -> None:
    # Empty, result, empty, empty, empty: the round ends at three in a row, not at three.
    script = Script([(0.0, 0), (0.0, 1), (0.0, 2), (0.012, 3)], 5)
    collected, _ = collect(script)
    assert collected == 4
    assert script.waits == [0.010, 0.005, 0.005, 0.005, 0.005, 0.005]
    assert script.sleeps == [0.003, 0.002, 0.002, 0.002]


def test_one_late_is_left_to_the_next_round() -> None:
    script = Script([(0.001, 0), (0.001, 1), (0.001, 2), (0.400, 3)], 4)
    policy = CollectionPolicy(LINUX_AND_WINDOWS, script, ALWAYS_POLLING)
    assert policy.collect(script.poll, script.missing) == 3
    spent = script.now
    assert spent < 0.030
    while not policy.collect(script.poll, script.missing):
        pass
    assert script.taken == [0, 1, 2, 3]
    assert script.now == 0.400


def test_one_that_never_comes_ends_no_round_late() -> None:
    script = Script([(0.001, 0)], 2)
    collected, policy = collect(script)
    assert collected == 1
    # One result pays for four polls and sleeps: main wait, grace, one attempt.
    assert (policy.polls, policy.sleeps) == (2, 1)
    assert script.now == pytest.approx(0.001 + 0.003 + 0.005)


def test_the_only_worker_needs_no_grace() -> None:
    script = Script([(0.004, 0)], 1)
    collected, policy = collect(script)
    assert (collected, policy.polls, policy.sleeps) == (1, 1, 0)


def test_a_stream_of_results_does_not_keep_the_round_open() -> None:
    script = Script([(0.002 * i, 0) for i in range(1000)], 2)
    collect(script)
    assert script.now < 0.12


@pytest.mark.parametrize("profile", [LINUX_AND_WINDOWS, APPLE_SILICON])
def test_the_wait_grows_after_five_empty_polls_up_to_the_maximum(profile: WaitProfile) -> None:
    script = Script([], 1)
    policy = CollectionPolicy(profile, script, ALWAYS_POLLING)
    for _ in range(20):
        assert policy.collect(script.poll, script.missing) == 0
    base, longest = profile.base_ms / 1000, profile.max_ms / 1000
    expected = [base] * 5
    while len(expected) < 20:
        expected.append(min(expected[-1] * 1.5, longest))
    assert script.waits == pytest.approx(expected)
    assert script.sleeps == []


def test_any_result_resets_the_wait_but_never_below_the_minimum() -> None:
    script = Script([(5.0, 0)], 1)
    policy = CollectionPolicy(WaitProfile(base_ms=5, min_ms=8, max_ms=100), script, ALWAYS_POLLING)
    assert policy.wait_seconds == 0.008
    while not policy.collect(script.poll, script.missing):
        pass
    assert max(script.waits) == pytest.approx(0.1)
    assert policy.wait_seconds == 0.008
    assert min(script.waits) == 0.008


def test_while_nothing_can_be_due_one_wait_lasts_until_it_is() -> None:
    script = Script([(0.5, 0)], 1)
    policy = CollectionPolicy(LINUX_AND_WINDOWS, script)
    assert policy.collect(script.poll, script.missing, quiet_seconds=0.55) == 1
    assert script.waits == [0.55]
    # Overdue: the platform's waits, not grown by the quiet one.
    assert policy.collect(script.poll, script.missing) == 0
    assert script.waits[-1] == 0.010


def test_an_empty_quiet_wait_is_no_empty_poll() -> None:
    script = Script([], 1)
    policy = CollectionPolicy(LINUX_AND_WINDOWS, script)
    for _ in range(10):
        policy.collect(script.poll, script.missing, quiet_seconds=5.0)
    assert set(script.waits) == {CollectionLimits().quiet_seconds}
    assert policy.wait_seconds == 0.010


def test_the_callers_deadline_bounds_every_wait() -> None:
    script = Script([], 1)
    policy = CollectionPolicy(APPLE_SILICON, script)
    policy.collect(script.poll, script.missing, quiet_seconds=0.5, until=0.03)
    assert script.now == pytest.approx(0.03)
    policy.collect(script.poll, script.missing, until=0.01)
    assert script.now == pytest.approx(0.03)


def test_at_most_four_polls_or_sleeps_per_batch_whatever_the_arrivals() -> None:
    # Eight workers out of step, a batch each every 0.25 to 1 s: 60 s of collection.
    import random

    generator = random.Random(1)
    arrivals = []
    for worker in range(8):
        moment = 0.0
        while moment < 60:
            moment += generator.uniform(0.25, 1.0)
            arrivals.append((moment, worker))
    script = Script(arrivals, 8)
    policy = CollectionPolicy(LINUX_AND_WINDOWS, script)
    batches = 0
    while script.arrivals:
        script.taken.clear()
        batches += policy.collect(script.poll, script.missing, quiet_seconds=1.0)
    assert batches == len(arrivals)
    assert policy.polls + policy.sleeps <= 4 * batches
