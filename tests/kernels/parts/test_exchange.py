"""Tables of the workers' own: what one has gained reaches the others, at its turn and once."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.parts.exchange import (
    exchange_all,
    exchange_due,
    next_exchange,
    note_row,
    take_over,
)
from cfr_shm.kernels.parts.regret import gains_beside
from cfr_shm.layout.exchange import BLOCK_BITS, COUNT_STRIDE
from cfr_shm.memory.tables import private_views


class Workers:
    """Own tables of a game, whose regrets are whole numbers: nothing is rounded."""

    def __init__(self, game, count, often=False):
        self.views = private_views(game, count)
        self.shared = self.views.table
        own, tree, counts = self.views.own, self.views.tree, self.views.deals.bucket_count
        self.tables = [
            own.table_of(each, self.shared, tree, counts, often) for each in range(count)
        ]
        self.settle = own.settling(self.shared, tree, counts)
        self.exchange = self.tables[0].exchange
        self.word, self.place = self.exchange.word, self.exchange.place
        self.random = np.random.default_rng(count)
        self.gained = np.zeros((count, len(self.word)))
        self.shared.regret[self.word] = self.before = self.draw()
        for table in self.tables:
            take_over(table)

    def draw(self):
        return self.random.integers(-100, 100, len(self.word)).astype(np.float64)

    def blocks(self):
        """The blocks that have entries, and these."""
        for block in range(len(self.place) - 1):
            if self.place[block] < self.place[block + 1]:
                yield block, slice(self.place[block], self.place[block + 1])

    def gain(self, worker, share=1.0):
        """Add to a share of the blocks, as kernels do: noted before."""
        gained = self.draw()
        for block, entries in self.blocks():
            if self.random.random() > share:
                gained[entries] = 0.0
            else:
                note_row(self.tables[worker], block << BLOCK_BITS)
        self.tables[worker].regret[self.word] += gained
        self.gained[worker] += gained

    def regrets(self, worker):
        return self.tables[worker].regret[self.word]

    @property
    def everything(self):
        return self.before + self.gained.sum(axis=0)


@pytest.mark.parametrize("share", [1.0, 0.1])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_all_gains_reach_all_workers_and_the_table_once(count, share):
    workers = Workers(leduc(), count)
    for _ in range(4):
        for worker in range(count):
            workers.gain(worker, share)
            exchange_all(workers.tables[worker])
        workers.gain(0, share)
        for worker in range(count):
            exchange_all(workers.tables[worker])
        for worker in range(count):
            assert np.array_equal(workers.regrets(worker), workers.everything)
    assert np.array_equal(workers.shared.regret[workers.word], workers.before)
    workers.settle()
    assert np.array_equal(workers.shared.regret[workers.word], workers.everything)
    workers.settle()
    assert np.array_equal(workers.shared.regret[workers.word], workers.everything)
    take_over(workers.tables[0])
    assert np.array_equal(workers.regrets(0), workers.everything)


def test_what_was_not_told_is_the_workers_own_and_stays_when_others_tell():
    workers = Workers(leduc(), 2)
    workers.gain(0)
    exchange_all(workers.tables[1])
    assert np.array_equal(workers.regrets(1), workers.before)
    assert np.array_equal(workers.regrets(0), workers.everything)
    workers.gain(1, 0.5)
    exchange_all(workers.tables[1])
    exchange_all(workers.tables[0])
    assert np.array_equal(workers.regrets(0), workers.everything)


def test_only_what_was_added_to_is_told():
    workers = Workers(leduc(), 2)
    counts = workers.exchange.counts
    exchange_all(workers.tables[0])
    assert counts[0] == 0
    block, entries = list(workers.blocks())[7]
    note_row(workers.tables[0], block << BLOCK_BITS)
    note_row(workers.tables[0], (block << BLOCK_BITS) + 1)
    exchange_all(workers.tables[0])
    size = entries.stop - entries.start
    assert counts[0] == counts[1] == 1 + size
    assert workers.exchange.told[: 1 + size].tolist() == [block] + [0] * size
    exchange_all(workers.tables[0])
    assert counts[0] == 1 + size


@pytest.mark.parametrize("count", [2, 3])
def test_who_slept_while_a_ring_went_round_reads_everything(count):
    workers = Workers(leduc(), count)
    words = workers.exchange.told_words
    while workers.exchange.counts[0] <= 3 * words:
        workers.gain(0, 0.7)
        exchange_all(workers.tables[0])
    for worker in range(1, count):
        workers.gain(worker, 0.3)
    for worker in (*range(1, count), *range(count)):
        exchange_all(workers.tables[worker])
    for worker in range(count):
        assert np.array_equal(workers.regrets(worker), workers.everything)


def test_a_block_that_is_being_written_over_is_not_used():
    workers = Workers(leduc(), 2)
    workers.gain(0)
    exchange_all(workers.tables[0])
    exchange = workers.exchange
    # The teller has begun to come round: what the other is about to read is no more what it was.
    exchange.told[: exchange.told_words] = -1
    exchange.counts[1] = exchange.told_words + 1
    exchange_all(workers.tables[1])
    assert np.array_equal(workers.regrets(1), workers.everything)


def test_a_successor_goes_on_where_the_dead_worker_told_last():
    workers = Workers(leduc(), 2)
    workers.gain(0)
    exchange_all(workers.tables[0])
    exchange_all(workers.tables[1])
    counts = workers.exchange.counts.copy()
    workers.exchange.counts[1] += 5  # It died while telling.
    own, tree = workers.views.own, workers.views.tree
    successor = own.table_of(0, workers.shared, tree, workers.views.deals.bucket_count, False)
    take_over(successor)
    workers.tables[0] = successor
    assert np.array_equal(workers.regrets(0), workers.everything)
    workers.gain(0, 0.2)
    for table in workers.tables:
        exchange_all(table)
    assert workers.exchange.counts[0] == workers.exchange.counts[1] > counts[0]
    assert workers.exchange.counts[COUNT_STRIDE] == counts[COUNT_STRIDE]
    assert np.array_equal(workers.regrets(1), workers.everything)


def test_a_successor_does_not_deny_what_the_dead_had_begun_to_write_over():
    """Who is behind must find out that what it is about to read is written over, whoever did."""
    workers = Workers(leduc(), 2)
    workers.gain(0)
    exchange_all(workers.tables[0])
    exchange = workers.exchange
    exchange.told[: exchange.told_words] = -1  # It died while telling, once round.
    exchange.counts[1] = exchange.told_words + 1
    own, tree = workers.views.own, workers.views.tree
    successor = own.table_of(0, workers.shared, tree, workers.views.deals.bucket_count, False)
    take_over(successor)
    exchange_all(successor)
    exchange_all(workers.tables[1])
    assert np.array_equal(workers.regrets(1), workers.everything)


@pytest.mark.parametrize(("count", "noted"), [(1, 0), (2, 1)])
def test_rows_of_one_action_are_not_told_of(count, noted):
    table = Workers(leduc(), 2).tables[0]
    gains_beside(table, 0, count)
    assert table.exchange.changed[0] == noted


def test_exchanges_come_in_their_period():
    workers = Workers(leduc(), 2)
    assert workers.exchange.period == 16  # 4 iterations for each of 3 buckets, rounded up
    assert [next_exchange(workers.tables[0], each) for each in (0, 3, 16, 17)] == [16, 16, 32, 32]
    workers.gain(1)
    for table in workers.tables[::-1]:
        exchange_due(table, 24)
    assert np.array_equal(workers.regrets(0), workers.before)
    for table in workers.tables[::-1]:
        exchange_due(table, 32)
    assert np.array_equal(workers.regrets(0), workers.everything)


def test_each_entry_has_a_place_in_the_block_of_its_row():
    workers = Workers(leduc(), 2)
    assert len(set(workers.word.tolist())) == len(workers.word) == 672
    assert workers.place[0] == 0
    assert workers.place[-1] == len(workers.word)
    for block, entries in workers.blocks():
        assert workers.word[entries.start] >> BLOCK_BITS == block
        assert np.all(np.diff(workers.word[entries]) > 0)


@pytest.mark.parametrize(
    ("game", "count", "often", "period"),
    [
        (leduc, 3, False, 8),
        (leduc, 4, False, 4),  # powers of 2 only
        (leduc, 30, False, 1),
        (leduc, 2, True, 1),
        (lambda: leduc(3), 2, False, 32),  # beyond the first-level cache
        (lambda: goofspiel(cards=3), 2, False, 1),
    ],
)
def test_many_workers_and_rows_that_all_deals_share_are_exchanged_more_often(
    game, count, often, period
):
    assert Workers(game(), count, often).exchange.period == period


def test_strategy_sums_are_settled_where_they_lie():
    workers = Workers(leduc(), 2)
    sums = workers.shared.sums_of(0, 2), [table.sums_of(0, 2) for table in workers.tables]
    sums[0][:], sums[1][0][:], sums[1][1][:] = (1.0, 2.0), (10.0, 20.0), (100.0, 0.0)
    workers.settle()
    assert sums[0].tolist() == [111.0, 22.0]
    assert not workers.views.own.rows.any()
