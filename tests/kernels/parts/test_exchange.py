"""Tables of the workers' own: what one has gained reaches the others, at its turn and once."""

from __future__ import annotations

import numpy as np
import pytest

from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.leduc import leduc
from cfr_shm.kernels.parts.exchange import exchange_all, exchange_due, next_exchange, take_over
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
        self.word = self.exchange.word
        self.random = np.random.default_rng(count)
        self.gained = np.zeros((count, len(self.word)))
        self.shared.regret[self.word] = self.before = self.draw()
        for table in self.tables:
            take_over(table)

    def draw(self):
        return self.random.integers(-100, 100, len(self.word)).astype(np.float64)

    def gain(self, worker):
        gained = self.draw()
        self.tables[worker].regret[self.word] += gained
        self.gained[worker] += gained

    def regrets(self, worker):
        return self.tables[worker].regret[self.word]

    @property
    def everything(self):
        return self.before + self.gained.sum(axis=0)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_all_gains_reach_all_workers_and_the_table_once(count):
    workers = Workers(leduc(), count)
    for _ in range(4):
        for worker in range(count):
            workers.gain(worker)
            exchange_all(workers.tables[worker])
        workers.gain(0)
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


def test_what_was_not_published_is_the_workers_own():
    workers = Workers(leduc(), 2)
    workers.gain(0)
    exchange_all(workers.tables[1])
    assert np.array_equal(workers.regrets(1), workers.before)
    assert np.array_equal(workers.regrets(0), workers.everything)


def test_each_street_is_exchanged_about_as_often_as_a_deal_comes_to_its_rows():
    workers = Workers(leduc(), 2)
    periods, first = workers.exchange.period.tolist(), workers.exchange.first
    assert periods == [4, 16]  # 3 cards of one's own; with the board 9
    assert [next_exchange(workers.tables[0], each) for each in (0, 3, 4, 17)] == [4, 4, 8, 20]
    workers.gain(1)
    for table in workers.tables[::-1]:
        exchange_due(table, 20)
    preflop, whole = slice(first[0], first[1]), slice(first[1], first[2])
    assert np.array_equal(workers.regrets(0)[preflop], workers.everything[preflop])
    assert np.array_equal(workers.regrets(0)[whole], workers.before[whole])
    for table in workers.tables[::-1]:
        exchange_due(table, 32)
    assert np.array_equal(workers.regrets(0), workers.everything)


def test_what_lies_in_twos_comes_before_what_lies_alone():
    exchange = Workers(leduc(), 2).exchange
    for section in range(len(exchange.period)):
        first, alone = exchange.first[section], exchange.alone[section]
        twos = exchange.word[first:alone].reshape(-1, 2)
        assert len(twos) > len(exchange.word[alone : exchange.first[section + 1]]) > 0
        assert np.array_equal(twos[:, 0] + 1, twos[:, 1])
    assert len(set(exchange.word.tolist())) == len(exchange.word)


@pytest.mark.parametrize(
    ("game", "count", "often", "periods"),
    [
        (leduc, 3, False, [2, 8]),
        (leduc, 4, False, [1, 4]),  # powers of 2 only
        (leduc, 8, False, [1, 2]),
        (leduc, 2, True, [1, 1]),
        (lambda: goofspiel(cards=3), 2, False, [1]),
    ],
)
def test_many_workers_and_rows_that_all_deals_share_are_exchanged_more_often(
    game, count, often, periods
):
    assert Workers(game(), count, often).exchange.period.tolist() == periods


def test_strategy_sums_are_settled_where_they_lie():
    workers = Workers(leduc(), 2)
    sums = workers.shared.sums_of(0, 2), [table.sums_of(0, 2) for table in workers.tables]
    sums[0][:], sums[1][0][:], sums[1][1][:] = (1.0, 2.0), (10.0, 20.0), (100.0, 0.0)
    workers.settle()
    assert sums[0].tolist() == [111.0, 22.0]
    assert not workers.views.own.rows.any()
