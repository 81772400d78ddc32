"""Several ranks train one strategy: how far they get, on what they agree, what they send."""

import math

import numpy as np
import pytest
from ranked_training import DCFR, LateMean, SummedGains, exploitability, train_ranks

from cfr_shm.kernels.tables.dense import collect_regrets, collect_sums
from cfr_shm.layout.row_sets import row_sets
from cfr_shm.ranks.alone import Alone
from cfr_shm.ranks.exchange import Exchange
from cfr_shm.ranks.meetings import _without


def mean_exploitability(size, iterations, each, seeds, *overrides, **further):
    """Return the geometric mean over seeds."""
    logs = [
        math.log(
            exploitability(
                train_ranks(size, iterations, each, f"run.seed={seed}", *overrides, **further),
                *overrides,
            )
        )
        for seed in seeds
    ]
    return math.exp(sum(logs) / len(logs))


def test_ranks_do_every_iteration_once_and_hold_the_same_regrets():
    trained = train_ranks(3, 20_000, 640)
    assert {each.meetings.completed for each in trained} == {((0, 20_000),)}
    assert sum(each.iterations for each in trained) == 20_000
    assert min(each.iterations for each in trained) > 5000
    regrets = [each.views.table.regret for each in trained[1:]]
    assert (regrets[0] != 0).any()
    chunk = Exchange(Alone(), _sets(trained[0]))._chunks
    entries = sum(count for _, count in chunk)
    assert all(each.sent_bytes == 4 * entries * each.meetings.exchanges + 8 * entries
               for each in trained)  # fmt: skip


def _sets(trained):
    return row_sets(trained.views.tree, trained.views.deals.bucket_count)


def test_one_rank_is_a_run_alone_to_the_bit():
    """The leases of one rank are the run: nothing is exchanged, nothing is scaled."""
    first, second = train_ranks(1, 8192, 512)[0], train_ranks(1, 8192, 8192)[0]
    assert first.meetings.exchanges == 0
    assert (first.views.rows == second.views.rows).all()


def test_chunks_change_nothing():
    whole = train_ranks(2, 8192, 512)[0].views.rows

    def in_pieces(world, sets):
        return Exchange(world, sets, chunk_entries=50)

    pieces = train_ranks(2, 8192, 512, exchange=in_pieces)[0].views.rows
    assert (whole == pieces).all()


def test_sums_all_come_to_rank_0():
    trained = train_ranks(4, 8192, 512)
    assert trained[0].views.table.strategy_sum.view(np.float64).any()
    one = train_ranks(1, 8192, 512)[0]
    totals = []
    for each in (trained[0], one):
        values = np.zeros(sum(count for _, count in Exchange(Alone(), _sets(one))._chunks))
        place = 0
        for slices, count in Exchange(Alone(), _sets(one))._chunks:
            collect_sums(each.views.table, slices, values[place : place + count])
            place += count
        totals.append(values.sum())
    # Every visit adds its weight; strategies differ, so that visits do, a little.
    assert totals[0] == pytest.approx(totals[1], rel=0.1)


@pytest.mark.thorough
def test_four_ranks_come_as_far_as_one():
    seeds = range(8)
    one = mean_exploitability(1, 524_288, 524_288, seeds, *DCFR)
    four = mean_exploitability(4, 524_288, 1024, seeds, *DCFR)
    assert four < 1.10 * one


@pytest.mark.thorough
def test_the_sum_of_gains_would_not():
    seeds = range(2)
    one = mean_exploitability(1, 131_072, 131_072, seeds, *DCFR)
    summed = mean_exploitability(4, 131_072, 1024, seeds, *DCFR, exchange=SummedGains)
    assert summed > 2.0 * one


@pytest.mark.thorough
def test_one_exchange_late_would_not():
    seeds = range(4)
    linear = "algorithm.weighting=linear"
    one = mean_exploitability(1, 131_072, 131_072, seeds, linear)
    in_time = mean_exploitability(4, 131_072, 1024, seeds, linear)
    late = mean_exploitability(4, 131_072, 1024, seeds, linear, exchange=LateMean)
    assert in_time < 1.3 * one < 1.5 * one < late


def cut_up(seed, rescale):
    """Return the exploitability after 4, then 2, then 8 ranks, each from the file of the last."""
    before = None
    for size, until in ((4, 32_768), (2, 65_536), (8, 131_072)):
        trained = train_ranks(
            size, until, 1024, f"run.seed={seed}", *DCFR, before=before, rescale=rescale
        )
        before = trained[0].views.rows.copy(), trained[0].meetings.completed
    assert before[1] == ((0, 131_072),)
    return exploitability(trained)


@pytest.mark.thorough
def test_a_run_goes_on_with_other_ranks_because_files_hold_the_whole():
    seeds = range(3)
    one = mean_exploitability(1, 131_072, 131_072, seeds, *DCFR)
    logs = [math.log(cut_up(seed, True)) for seed in seeds]
    assert math.exp(sum(logs) / len(logs)) < 1.6 * one
    logs = [math.log(cut_up(seed, False)) for seed in seeds]
    assert math.exp(sum(logs) / len(logs)) > 2.0 * one


@pytest.mark.thorough
@pytest.mark.parametrize(
    "overrides",
    [
        ("table.compact=true",),
        ("algorithm.weighting=linear", "algorithm.regret_floor=-40.0"),
        ("algorithm.weighting=linear", "algorithm.prune_threshold=-30.0"),
        ("algorithm.averaging=separate",),
        ("algorithm.name=outcome_sampling",),
        ("algorithm.name=chance_sampling",),
        ("algorithm.name=public_chance_sampling",),
        ("game.name=kuhn", "game.players=4"),
        ("table.compact=true", "game.players=3"),
    ],
    ids=lambda each: each[-1].partition(".")[2],
)
def test_every_sampled_algorithm_and_layout(overrides):
    """Two ranks come about as far as one with as many iterations; noise is what is left.

    More than two players have their averages taken in passes of their own.
    """
    seeds = range(3)
    one = mean_exploitability(1, 65_536, 65_536, seeds, *overrides)
    two = mean_exploitability(2, 65_536, 1024, seeds, *overrides)
    assert two < 1.4 * one


@pytest.mark.thorough
def test_what_is_in_the_file_is_what_one_machine_would_have():
    """Regrets of the whole table are as large as one rank's, not as one of four's."""
    one, four = train_ranks(1, 131_072, 131_072)[0], train_ranks(4, 131_072, 1024)[0]
    sizes = [float(np.abs(_regrets(each)).mean()) for each in (one, four)]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.35)


def _regrets(trained):
    found = []
    for slices, count in Exchange(Alone(), _sets(trained))._chunks:
        values = np.zeros(count, np.float32)
        collect_regrets(trained.views.table, slices, values)
        found.append(values)
    return np.concatenate(found)


def test_what_is_new_among_ranges():
    assert _without([(0, 10), (20, 30)], [(0, 5), (22, 24), (29, 30)]) == [
        (5, 10),
        (20, 22),
        (24, 29),
    ]
    assert _without([(0, 10)], []) == [(0, 10)]
    assert _without([(0, 10)], [(0, 10)]) == []
