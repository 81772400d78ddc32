"""A rank that is four times as slow as the other: nobody waits long for it, and it does less.

Ranks in threads, each with a clock of its own that goes on as it trains; at a meeting the clocks
are put forward to the latest of them, which is how long the others have waited.
"""

import numpy as np
import pytest
from threaded_world import run_ranks

from cfr_shm.layout.row_sets import RowSets
from cfr_shm.memory.tables import table_of
from cfr_shm.ranks.agreement import Report
from cfr_shm.ranks.exchange import Exchange
from cfr_shm.ranks.meetings import Bounds, Meetings

SETS = RowSets(*(np.array([each]) for each in (0, 1, 0, 1, 1, 4)))
WINDOW, SECONDS = 64, 2.0


class Worker:
    """One rank: so many iterations per second, of a time that only it spends."""

    def __init__(self, world, rate, target):
        self.now, self.waited = 0.0, []
        self._world, self._rate, self._done = world, rate, 0
        bounds = Bounds(
            target=target, completed=(), window=WINDOW, seconds=0.0, exchange_seconds=SECONDS
        )
        self.meetings = Meetings(world, Exchange(world, SETS), bounds, clock=lambda: self.now)
        self.shares, self.means, self.leases = [], [], []
        wait = world.wait_for_all

        def wait_for_the_latest():
            wait()
            latest = float(world.gather(np.array([self.now])).max())
            self.waited.append(latest - self.now)
            self.now = latest

        world.wait_for_all = wait_for_the_latest
        world.call = lambda _meeting: None  # Clocks differ: nobody is called in the others' past.

    def train(self, turns):
        """Come to so many meetings, or to the end; keep what was done before each."""
        table = table_of(np.zeros(4), compact=True)
        while len(self.shares) < turns and not self.meetings.finished:
            ledger = self.meetings.ledger(None)
            self.leases.append(ledger.remaining)
            done = []
            while self.now < self.meetings.moment and (task := ledger.take(WINDOW)):
                self.now += task[1] / self._rate
                ledger.complete(*task)
                done.append(task)
            self._done += sum(count for _, count in done)
            self.shares.append(sum(count for _, count in done))
            self.means.append(float(np.mean([first for first, _ in done])) if done else np.nan)
            self.meetings.meet(ledger, table, self._report())

    def _report(self):
        return Report(iterations=self._done, nodes=0, seconds=self.now, busy_seconds=0.0,
                      signal=0, over=False, checkpoint=False, utility_sums=(0.0,))  # fmt: skip


def trained(rates, turns, target=None):
    def work(world):
        worker = Worker(world, rates[world.rank], target)
        worker.train(turns)
        return worker

    return run_ranks(len(rates), work)


def test_shares_follow_the_rates_from_the_third_exchange_on():
    fast, slow = trained([4000.0, 1000.0], 12)
    for one, other in list(zip(fast.shares, slow.shares, strict=True))[3:]:
        assert one / other == pytest.approx(4.0, rel=0.1)
    (first,) = fast.meetings.completed[:1]
    assert first[0] == 0


def test_nobody_waits_longer_than_one_exchange():
    for worker in trained([4000.0, 1000.0], 12):
        assert max(worker.waited) <= SECONDS
        # Once the rates are known, no longer than the slow rank's window takes.
        assert max(worker.waited[3:]) <= 2 * WINDOW / 1000.0


def test_who_becomes_slow_is_waited_for_once():
    """It was as fast as the other until then, and has a lease that is four times too long."""

    def work(world):
        worker = Worker(world, 4000.0, None)
        worker.train(5)
        if world.rank == 1:
            worker._rate = 1000.0
        before = len(worker.waited)
        worker.train(10)
        return worker.waited[before:], worker.shares[8:]

    (waited, fast), (_, slow) = run_ranks(2, work)
    assert max(waited) <= SECONDS
    assert sum(fast) / sum(slow) == pytest.approx(4.0, rel=0.1)


def test_both_train_iterations_of_about_the_same_age():
    """Linear weights stay in step: mean indices are apart by less than what one round deals out."""
    fast, slow = trained([4000.0, 1000.0], 12)
    rounds = zip(fast.means, slow.means, fast.leases, slow.leases, strict=True)
    for one, other, lease, little in list(rounds)[3:]:
        assert abs(one - other) <= lease + little


def test_a_target_is_met_by_both_at_about_the_same_time():
    fast, slow = trained([4000.0, 1000.0], 1000, target=100_000)
    assert fast.meetings.completed == slow.meetings.completed == ((0, 100_000),)
    assert sum(fast.shares) + sum(slow.shares) == 100_000
    assert max(fast.waited[3:] + slow.waited[3:]) <= 2 * WINDOW / 1000.0
