"""Rows: where their entries lie, and float32 sums that are rounded at random."""

from __future__ import annotations

import doctest

import any_algorithm
import numpy as np
import pytest
from first_cases import first_cases
from frozen_crew import FrozenCrew
from plain_settings import algorithm_settings
from production import rows_of, table_with, train

from cfr_shm.algorithms import SAMPLED
from cfr_shm.engine.discounts import DiscountPlan
from cfr_shm.games.small.goofspiel import goofspiel
from cfr_shm.games.small.kuhn import kuhn
from cfr_shm.games.small.leduc import leduc
from cfr_shm.games.small.liars_dice import liars_dice
from cfr_shm.games.small.synthetic import synthetic
from cfr_shm.kernels.jit import JIT_DISABLED, kernel
from cfr_shm.kernels.parts.rng import sweep_key, uniform
from cfr_shm.kernels.parts.rows import add_to_sum, rounding_bits
from cfr_shm.layout import rows as layout_rows
from cfr_shm.layout.rows import first_free, first_regret, first_sum, table_bytes, table_words
from cfr_shm.memory.tables import check_finite, private_views, table_of
from cfr_shm.strategy.average import Strategy

GAMES = {
    "kuhn": kuhn,
    "kuhn, 3 players": lambda: kuhn(players=3),
    "leduc": leduc,
    "leduc, suits apart": lambda: leduc(merge_suits=False),
    "liar's dice": lambda: liars_dice(dice=1, sides=3),
    "goofspiel": lambda: goofspiel(cards=3),
    "synthetic, odd buckets": lambda: synthetic(buckets=97),
    "synthetic, 3 players": lambda: synthetic(3, 2, 2, 8),
}
ITERATIONS = 100 if JIT_DISABLED else 1000
both_layouts = pytest.mark.parametrize("compact", [False, True], ids=["wide", "compact"])


def test_examples_in_the_docstrings():
    assert doctest.testmod(layout_rows).failed == 0


# --- where entries lie -------------------------------------------------------------------


@both_layouts
@pytest.mark.parametrize("name", GAMES)
def test_no_two_rows_overlap_and_all_lie_in_the_table(name, compact):
    game = GAMES[name]()
    table = table_of(np.zeros(table_words(game.table_entries, compact)), compact)
    base = table.regret.ctypes.data
    used = np.zeros(4 * len(table.regret), np.int64)
    entries = 0
    for row, count in set(rows_of(game.tree, game.deals.bucket_count)):
        for view in (table.sums_of(row, count), table.regrets_of(row, count)):
            assert view.shape == (count,)
            assert view.flags.aligned
            used[view.ctypes.data - base :][: view.nbytes] += 1
        entries += count
    assert used.max() == 1
    assert used.sum() == table_bytes(entries, compact)


@both_layouts
@pytest.mark.parametrize("name", GAMES)
def test_a_table_takes_at_most_one_entry_per_node_more_than_its_entries(name, compact):
    game = GAMES[name]()
    rows = set(rows_of(game.tree, game.deals.bucket_count))
    entries = sum(count for _, count in rows)
    # Small tables, which are ordered by deal, may waste one entry for each bucket.
    small = entries <= (32 << 10) // 12
    places = len(rows) if small else len(game.tree.nodes)
    size = 8 if compact else 12
    total = table_bytes(game.table_entries, compact)
    assert entries * size <= total <= (entries + places + 15) * size


@both_layouts
def test_formulas_take_whole_arrays_of_rows(compact):
    rows = np.arange(0, 40)
    for count in (1, 2, 3, 4, 5):
        places = rows if count % 2 else rows[::2]
        assert first_sum(places, count, compact).tolist() == [
            first_sum(int(row), count, compact) for row in places
        ]
        assert first_regret(places, count, compact).tolist() == [
            first_regret(int(row), count, compact) for row in places
        ]


def test_rows_of_an_even_number_of_actions_begin_at_even_entries():
    for free in range(6):
        for count in range(1, 6):
            found = first_free(free, count)
            assert found in (free, free + 1)
            assert count % 2 == 1 or found % 2 == 0
            assert found == free or (count % 2 == 0 and free % 2 == 1)


# --- float32 sums ------------------------------------------------------------------------


@kernel
def add_many(sums, entry, weight, times, seed, atomic):
    """Add ``weight`` so many times to one sum, each time with a draw of its own."""
    for number in range(times):
        unit = uniform(sweep_key(seed, number, 0), 0)
        add_to_sum(sums, entry, weight, rounding_bits(unit, 0), atomic)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_sums_on_which_a_float32_stalls_go_on_growing(weight, atomic):
    stalled = np.float32(2.0**25)
    assert stalled + np.float32(weight) == stalled
    times, runs = (200, 20) if JIT_DISABLED else (2000, 200)
    sums = np.full(runs, stalled)
    for run in range(runs):
        add_many(sums, run, weight, times, run, atomic)
    grown = sums.astype(np.float64) - float(stalled)
    # Each add is 4 with probability weight / 4, else 0.
    error = np.sqrt(4.0 * weight * times * (1 - weight / 4))
    assert grown.mean() == pytest.approx(weight * times, abs=4 * error / np.sqrt(runs))
    assert grown.std() == pytest.approx(error, rel=0.5 if JIT_DISABLED else 0.25)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_rounding_is_to_a_neighbour_and_right_on_average():
    draw = np.random.default_rng(2)
    for start in (0.0, 1.0, 1e-3, 3e7):
        for weight in draw.exponential(size=3):
            exact = float(np.float32(start)) + weight
            found = np.full(500, start, np.float32)
            for run in range(len(found)):
                add_many(found, run, weight, 1, run, False)
            below = np.float32(exact)
            if float(below) > exact:
                below = np.nextafter(below, np.float32(0.0))
            above = np.nextafter(below, np.float32(np.inf))
            assert set(found.tolist()) <= {float(below), float(above)}
            share = (exact - float(below)) / (float(above) - float(below))
            assert (found == above).mean() == pytest.approx(share, abs=4 * 0.5 / np.sqrt(500))


def test_a_sum_that_a_float32_holds_is_not_rounded():
    sums = np.zeros(1, np.float32)
    add_many(sums, 0, 0.25, 100, 1, False)
    assert sums[0] == 25.0
    add_many(sums, 0, 0.0, 100, 1, False)
    assert sums[0] == 25.0


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("name", first_cases(SAMPLED))
def test_every_sampled_algorithm_learns_the_same_in_both_layouts(name):
    game = leduc()
    wide, compact = (
        any_algorithm.train(game, name, ITERATIONS, seed=3, weighting="linear", compact=compact)
        for compact in (False, True)
    )
    for row, count in rows_of(game.tree, game.deals.bucket_count):
        regrets = wide.views.table.regrets_of(row, count)
        assert np.array_equal(regrets, compact.views.table.regrets_of(row, count))
        sums = compact.views.table.sums_of(row, count)
        assert sums == pytest.approx(wide.views.table.sums_of(row, count), rel=1e-5)
    assert wide.evaluate().exploitability == pytest.approx(
        compact.evaluate().exploitability, rel=1e-4
    )


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.thorough
@pytest.mark.parametrize(
    "algorithm", [algorithm_settings(), algorithm_settings(averaging="separate")]
)
def test_deterministic_compact_tables_do_not_depend_on_the_workers(algorithm):
    game, many = leduc(), ITERATIONS // 16 * 16
    alone, several = (
        FrozenCrew(game, workers, 16, algorithm=algorithm, compact=True).run_all([(0, many)])
        for workers in (1, 3)
    )
    wide = FrozenCrew(game, 1, 16, algorithm=algorithm).run_all([(0, many)])
    assert alone.table == several.table
    for row, count in rows_of(game.tree, game.deals.bucket_count):
        sums = alone.views.table.sums_of(row, count)
        assert sums.dtype == np.float32
        assert sums == pytest.approx(wide.views.table.sums_of(row, count), rel=1e-5)


def test_averages_discounts_and_checks_read_either_layout():
    game = leduc()
    sums = np.random.default_rng(1).integers(0, 9, game.table_entries).astype(np.float64)
    wide, compact = (
        Strategy.from_table(game, table_with(game, sums, compact=each)) for each in (False, True)
    )
    assert np.array_equal(wide.probability, compact.probability)
    assert np.array_equal(wide.weight, compact.weight)
    run = train(game, 64, seed=1, linear=False, compact=True)
    before = {row: run.table.sums_of(row, count).copy() for row, count in game_rows(game)}
    plan = DiscountPlan(
        interval=1, until=None, alpha=1.0, beta=1.0, gamma=1.0, pooling=None, restarts=None
    )
    assert plan.apply(run.views, 1) == 0.5
    for row, count in game_rows(game):
        assert np.array_equal(run.table.sums_of(row, count), before[row] / np.float32(2))
    check_finite(game, run.views.rows, compact=True)


def game_rows(game):
    return set(rows_of(game.tree, game.deals.bucket_count))


@both_layouts
def test_views_have_the_bytes_of_their_layout(compact):
    game = synthetic(buckets=50)
    views = private_views(game, compact=compact)
    assert views.table.compact == compact
    assert views.table.strategy_sum.itemsize == (4 if compact else 8)
    assert views.rows.nbytes == game.table_entries * (8 if compact else 12)
