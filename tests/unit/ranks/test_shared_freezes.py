"""Freezes that ranks share: parts, their sum, and what a death leaves of them."""

import itertools

import numpy as np
import pytest
from first_cases import first_cases
from ranked_training import settings
from threaded_world import run_ranks

from cfr_shm.engine.freezes import Freezes
from cfr_shm.engine.ledger import IterationLedger
from cfr_shm.engine.task_runner import TaskRunner
from cfr_shm.errors import UsageError, WorkerError
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.memory.tables import begin_rows, private_views
from cfr_shm.ranks.shared_freezes import SharedFreezes, freeze_parts
from cfr_shm.run import ranked
from cfr_shm.run.ranked import refuse_differences, with_ranks

FREEZE = 64
FROZEN = ("engine.mode=deterministic", f"engine.freeze={FREEZE}", "algorithm.regret_floor=-3.0")


class Rank:
    """One rank's table, worker and freezes, without a run around them."""

    def __init__(self, size):
        settled, game = settings(*FROZEN)
        engine = with_ranks(settled, size).engine
        self.views = private_views(game, 1, 0, engine.freeze)
        begin_rows(self.views, game)
        self.runner = TaskRunner(engine, self.views, 0)
        self.freezes = Freezes(engine, self.views)
        self.sets = row_sets(self.views.tree, self.views.deals.bucket_count)


def alone(freezes):
    rank = Rank(1)
    rank.runner.run(0, freezes * FREEZE)
    return rank


@pytest.mark.parametrize(("size", "chunk"), first_cases([(3, 7), (2, 1 << 20)]))
def test_parts_add_up_to_what_one_machine_does(size, chunk):
    def work(world):
        rank = Rank(size)
        shared = SharedFreezes(world, rank.sets, rank.freezes, chunk)
        whole = IterationLedger(5 * FREEZE + 1, drain_window=FREEZE)
        while whole.remaining:
            parts = freeze_parts(whole, size)
            for first, end in parts[world.rank]:
                rank.runner.run(first, end - first)
            done = list(itertools.chain(*parts))
            shared.bring_together(rank.views.table, done)
            shared.take_in(rank.views.table, done)
        return rank

    expected = Rank(1)
    expected.runner.run(0, 5 * FREEZE + 1)
    found = run_ranks(size, work)
    for rank in found:
        assert rank.views.rows.tobytes() == expected.views.rows.tobytes()
        assert rank.freezes.clamped == expected.freezes.clamped > 0
    totals = [rank.freezes.totals() for rank in found]
    summed = [sum(each) for each in zip(*((a, b, *c) for a, b, c in totals), strict=True)]
    iterations, nodes, utilities = expected.freezes.totals()
    assert summed == [iterations, nodes, *utilities]


def test_a_part_that_was_traversed_outlives_a_death_and_counts():
    rank = Rank(2)
    rank.runner.run(0, 40)
    units = rank.freezes.units.copy()
    assert units.any()
    rank.freezes.settle()
    assert (rank.freezes.units == units).all()
    assert rank.freezes.totals()[0] == 40
    rank.freezes.apply(0, 40)
    expected = Rank(1)
    expected.runner.run(0, 40)
    assert rank.views.rows.tobytes() == expected.views.rows.tobytes()


def test_a_part_that_was_not_is_forgotten():
    rank = Rank(2)
    before = rank.views.rows.copy()
    rank.freezes.units[:, 3] = 12345
    rank.freezes.settle()
    assert rank.freezes.totals()[0] == 0
    rank.runner.run(0, FREEZE)
    rank.freezes.apply(0, FREEZE)
    assert rank.views.rows.tobytes() == alone(1).views.rows.tobytes()
    assert not np.array_equal(before, rank.views.rows)


def test_a_missing_part_is_told():
    rank = Rank(2)
    shared = SharedFreezes(None, rank.sets, rank.freezes)
    with pytest.raises(WorkerError, match=r"of iterations \[0, 64\)"):
        shared.bring_together(rank.views.table, [(0, 20), (32, 64)])


def test_all_iterations_are_dealt_whatever_the_number_of_ranks():
    whole = IterationLedger(3, [(0, 1)], drain_window=FREEZE)
    parts = freeze_parts(whole, 4)
    assert sorted(itertools.chain(*parts)) == [(1, 2), (2, 3)]
    assert freeze_parts(whole, 4) == [[], [], [], []]


def test_ranks_on_other_processors_are_refused(monkeypatch):
    """What differs is told from where it differs."""
    settled, game = settings(*FROZEN)
    kinds = iter(["zen4 +avx2,+avx512f,+sse numba 1", "zen4 +avx2,+sse numba 1"])
    monkeypatch.setattr(ranked, "machine_code", lambda: next(kinds))

    def work(world):
        with pytest.raises(UsageError) as caught:
            refuse_differences(settled, game, None, world)
        return str(caught.value)

    told = run_ranks(2, work)[0]
    assert "rank 1 has another processor or compiler" in told
    assert "+avx512f" in told


def test_async_mode_does_not_ask_for_the_processor(monkeypatch):
    settled, game = settings()
    monkeypatch.setattr(ranked, "machine_code", lambda: pytest.fail("asked"))
    assert run_ranks(2, lambda world: refuse_differences(settled, game, None, world)) == [None] * 2
