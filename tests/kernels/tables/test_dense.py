"""Regrets and sums carried out of the rows of a table and back."""

import numpy as np
import pytest

from cfr_shm.kernels.tables.dense import (
    collect_regrets,
    collect_sums,
    spread_regrets,
    spread_sums,
)
from cfr_shm.layout.rows import first_regret, first_sum, table_words
from cfr_shm.memory.tables import table_of

SLICES = np.array([(0, 3, 3, 3), (10, 2, 2, 2), (15, 3, 3, 1)], np.int64)


def entries():
    """Yield (row, actions) in the order of the slices, by plain loops."""
    for base, stride, count, rows in SLICES.tolist():
        for number in range(rows):
            yield base + number * stride, count


def filled(compact):
    generator = np.random.default_rng(5)
    table = table_of(np.zeros(table_words(32, compact)), compact)
    for row, count in entries():
        sums = first_sum(row, count, compact)
        table.strategy_sum[sums : sums + count] = generator.random(count)
        regrets = first_regret(row, count, compact)
        table.regret[regrets : regrets + count] = generator.normal(size=count)
    return table


@pytest.mark.parametrize("compact", [False, True])
def test_what_is_collected_is_what_lies_in_the_rows(compact):
    table = filled(compact)
    regrets, sums = np.zeros(16, np.float32), np.zeros(16)
    collect_regrets(table, SLICES, regrets)
    collect_sums(table, SLICES, sums)
    place = 0
    for row, count in entries():
        first = first_regret(row, count, compact)
        assert (regrets[place : place + count] == table.regret[first : first + count]).all()
        first = first_sum(row, count, compact)
        assert (sums[place : place + count] == table.strategy_sum[first : first + count]).all()
        place += count
    assert place == 16


@pytest.mark.parametrize("compact", [False, True])
def test_what_is_spread_comes_back_times_the_factor(compact):
    table, before = filled(compact), filled(compact)
    regrets, sums = np.zeros(16, np.float32), np.zeros(16)
    collect_regrets(table, SLICES, regrets)
    collect_sums(table, SLICES, sums)
    spread_regrets(table, SLICES, regrets, 0.5)
    spread_sums(table, SLICES, sums, 2.0)
    halves, doubles = np.zeros(16, np.float32), np.zeros(16)
    collect_regrets(table, SLICES, halves)
    collect_sums(table, SLICES, doubles)
    assert (halves == regrets / 2).all()
    assert (doubles == sums * 2).all()
    spread_regrets(table, SLICES, regrets, 1.0)
    spread_sums(table, SLICES, sums, 1.0)
    assert (table.regret.view(np.uint32) == before.regret.view(np.uint32)).all()
