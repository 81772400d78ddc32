"""Ranks that die on the way: what they had told stays, what they had not is done again, by others.

The table marks iterations: row i is iteration i, in which whoever runs it gains 1 and averages 1.
"""

import random
import signal

import numpy as np
import pytest
from disturbed_ranks import Disturbance, DisturbedWorld
from ranked_training import settings
from threaded_world import run_ranks

from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.errors import ConfigError, RankLostError, UsageError
from cfr_shm.kernels.tables.dense import collect_regrets
from cfr_shm.layout.control import RANKS_AT_FIRST, RANKS_LEFT
from cfr_shm.layout.row_sets import RowSets, row_sets
from cfr_shm.memory.tables import begin_rows, private_views, table_of
from cfr_shm.ranks.account import NOT_AVERAGED, not_averaged_before
from cfr_shm.ranks.agreement import Report
from cfr_shm.ranks.exchange import Exchange, row_chunks
from cfr_shm.ranks.launchers import may_lose_ranks
from cfr_shm.ranks.meetings import Bounds, Meetings
from cfr_shm.run.ranked import refuse_with_ranks, with_ranks

ITERATIONS, WINDOW, LEASE = 720, 8, 40
SETS = RowSets(*(np.array([each]) for each in (0, 1, 0, 1, 1, ITERATIONS)))


class Marked:
    """A rank's table of marks, and its meetings with the others."""

    def __init__(self, world, damped=False):
        self.table = table_of(np.zeros(ITERATIONS), compact=True)
        self.sums, self.regrets = self.table.strategy_sum[0::2], self.table.regret[1::2]
        exchange = Exchange(world, SETS, chunk_entries=200, damped=damped)
        exchange.deal = self._deal
        bounds = Bounds(target=ITERATIONS, completed=(), window=WINDOW, seconds=0.0,
                        exchange_seconds=1e9)  # fmt: skip
        self.meetings = Meetings(world, exchange, bounds)
        self.warnings = []
        self.meetings.on_warning = self.warnings.append
        self.done = 0

    @staticmethod
    def _deal(plan, rates, _seconds, _window):
        tasks = [plan.take(LEASE) for _ in rates]
        return [[(task[0], sum(task))] if task else [] for task in tasks]

    def train(self):
        """Train to the end, with a checkpoint's sums at every third meeting."""
        meetings, turns = self.meetings, 0
        meetings.take_share(self.table, resumed=False)
        while not meetings.finished:
            ledger = meetings.ledger(None)
            while task := ledger.take(WINDOW):
                first, count = task
                self.sums[first : first + count] += 1.0
                self.regrets[first : first + count] += 1.0
                ledger.complete(first, count)
                self.done += count
            meetings.meet(ledger, self.table, self._report())
            turns += 1
            if turns % 3 == 0:
                meetings.gather_sums(self.table)
        meetings.gather_sums(self.table)
        meetings.make_whole(self.table)

    def _report(self):
        return Report(iterations=self.done, nodes=2 * self.done, seconds=1.0, busy_seconds=0.0,
                      signal=0, over=False, checkpoint=False, utility_sums=(1.0,))  # fmt: skip


def train_marked(size, deaths, world_of=DisturbedWorld, damped=False):
    """Train with so many ranks, some of which die; return what is left of each."""

    def work(world):
        own = [each for each in deaths if each.rank == world.rank]
        mortal = world_of(world._table, world.rank, None, own)
        mortal.survive()
        marked = Marked(mortal, damped)
        marked.train()
        return marked

    return run_ranks(size, work)


def death(rank, call, leaving=False):
    return Disturbance(rank, call, leaving, signal.SIGKILL)


def check(found, size, deaths):
    """Every iteration counts once, in regrets as in averages, but for those that are told."""
    left = [each for each in found if each is not None]
    first = left[0]
    account = first.meetings.account()
    lost = size - len(left)
    assert sum(each.lost for each in account.members) == lost
    assert [each.rank for each in account.members] == list(range(size))
    assert sum(each.iterations for each in account.members) == ITERATIONS
    assert {each.meetings.completed for each in left} == {((0, ITERATIONS),)}
    assert len({each.meetings.account() for each in left}) == 1
    # What survivors had learnt when a rank died counts as if the dead had learnt as much.
    most = size / len(left)
    assert first.regrets.min() == pytest.approx(1.0, rel=1e-5), deaths
    assert first.regrets.max() <= most * (1 + 1e-5)
    assert set(first.sums.tolist()) <= {0.0, 1.0}
    missing = int((first.sums == 0.0).sum())
    assert missing <= first.meetings.not_averaged
    assert len(first.warnings) <= lost
    return missing


@pytest.mark.parametrize("damped", [False, True])
def test_nobody_dies(damped):
    """Damped or not: whatever is gained counts once, and in full."""
    found = train_marked(3, [], damped=damped)
    assert check(found, 3, []) == 0
    np.testing.assert_allclose(found[0].regrets, 1.0, rtol=1e-5)
    assert found[0].meetings.not_averaged == 0


@pytest.mark.thorough
@pytest.mark.parametrize("leaving", [False, True])
def test_whenever_a_rank_dies_every_iteration_counts_once(leaving):
    died = with_missing = 0
    for call in range(1, 60):
        found = train_marked(3, [death(1, call, leaving)])
        missing = check(found, 3, call)
        died += found[1] is None
        with_missing += missing > 0
    assert died > 50
    assert with_missing > 5


def test_what_the_dead_had_told_is_in_the_regrets_and_the_count_of_missing_averages_is_exact():
    """It dies as it comes to its third meeting, before any checkpoint: two leases were told."""
    waits = Waits(3)
    found = train_marked(3, [], waits.world)
    assert found[2] is None
    check(found, 3, "third")
    first = found[0]
    assert first.meetings.not_averaged == 2 * LEASE == int((first.sums == 0.0).sum())
    np.testing.assert_allclose(first.regrets[first.sums == 0.0], 1.0, rtol=1e-5)
    counted_for_it = np.flatnonzero(first.regrets > 1.2)
    assert len(counted_for_it) == 2 * LEASE  # what the two others had of this meeting
    np.testing.assert_allclose(first.regrets[counted_for_it], 1.5, rtol=1e-5)
    assert first.warnings == [
        "rank 2 (process 0 on , 0 workers) died: 2 go on; what was not told before is given out "
        "again, and of what was, 80 iterations are missing in averages"
    ]


class Waits:
    """Makes worlds in which rank 2 dies as it comes to its n-th meeting."""

    def __init__(self, number):
        self._number = number

    def world(self, *arguments):
        world = DisturbedWorld(*arguments)
        wait, waits = world.wait_for_all, []

        def wait_or_die():
            waits.append(world.rank)
            if world._who == 2 and len(waits) == self._number:
                world.die()
            wait()

        world.wait_for_all = wait_or_die
        return world


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(20))
def test_several_die_whenever(seed):
    draw = random.Random(seed)
    size = draw.choice((3, 4, 5))
    dying = draw.sample(range(1, size), draw.randrange(1, size))
    deaths = [death(rank, draw.randrange(1, 60), draw.random() < 0.5) for rank in dying]
    check(train_marked(size, deaths, damped=seed % 2 == 1), size, deaths)


def test_one_is_left_and_ends_the_run():
    found = train_marked(3, [death(1, 9), death(2, 21)])
    assert [each is None for each in found] == [False, True, True]
    check(found, 3, "both")


def test_without_rank_0_nobody_goes_on():
    with pytest.raises(RankLostError, match="rank 0"):
        train_marked(3, [death(0, 12)])


@pytest.mark.thorough
def test_floors_grow_with_what_a_rank_holds():
    settled, game = settings("algorithm.regret_floor=-3.0")
    views = private_views(game, 1)
    begin_rows(views, game)
    runner = TaskRunner(with_ranks(settled, 4).engine, views, 0)

    def least(first):
        runner.run(first, 4096)
        slices, entries = row_chunks(row_sets(views.tree, views.deals.bucket_count), 1 << 20)[0]
        found = np.empty(entries, np.float32)
        collect_regrets(views.table, slices, found)
        return float(found.min())

    assert least(0) == -0.75
    views.control[RANKS_AT_FIRST], views.control[RANKS_LEFT] = 4, 3
    assert least(4096) == -1.0


def test_what_is_missing_is_carried_on_by_checkpoints():
    assert not_averaged_before({NOT_AVERAGED: 80}) == 80
    assert not_averaged_before({}) == not_averaged_before({NOT_AVERAGED: "x"}) == 0


def test_a_library_that_ends_all_is_refused_and_so_is_deterministic_mode():
    assert not may_lose_ranks("Open MPI v5.0.11", {})
    assert not may_lose_ranks("MPICH Version: 5.0.2", {"OMPI_MCA_mpi_ft_enable": "1"})

    def work(world):
        with pytest.raises(ConfigError, match="a freeze needs the parts of all ranks"):
            refuse_with_ranks(
                settings("engine.on_rank_death=shrink", "engine.mode=deterministic")[0], world
            )

        def cannot():
            raise UsageError("no")

        world.survive = cannot
        with pytest.raises(UsageError, match="no"):
            refuse_with_ranks(settings("engine.on_rank_death=shrink")[0], world)
        refuse_with_ranks(settings()[0], world)

    run_ranks(2, work)
