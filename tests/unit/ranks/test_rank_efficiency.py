"""How far ranks come beside one rank with fewer iterations: linear weights.

An efficiency of .9 says: as far as one rank with .9 times as many iterations.
"""

import math

import pytest
from ranked_training import DAMPED, SMALL_DECK, damped_exchange, exploitability, train_ranks


def mean_log(size, iterations, each, seeds, overrides=SMALL_DECK, **further):
    """Return the mean logarithm of the exploitability over seeds, of hold'em of 12 cards."""
    logs = [
        math.log(
            exploitability(
                train_ranks(size, iterations, each, f"run.seed={seed}", *overrides, **further),
                *overrides,
            )
        )
        for seed in seeds
    ]
    return sum(logs) / len(logs)


def alone(iterations, seeds):
    return mean_log(1, iterations, iterations, seeds)


@pytest.mark.thorough
def test_few_exchanges_are_enough():
    """The short form of the test below: a quarter of the iterations, one seed."""
    total = 131_072
    assert mean_log(4, total, 1024, [0]) < alone(int(0.8 * total), [0])
    assert mean_log(8, total, 256, [0]) < alone(int(0.75 * total), [0])


@pytest.mark.slow
def test_four_and_eight_ranks_come_nearly_as_far_as_one():
    """4 ranks after 32 exchanges at least .9, 8 ranks after 64 at least .85."""
    total, seeds = 524_288, range(4)
    assert mean_log(4, total, 4096, seeds) < alone(int(0.9 * total), seeds)
    assert mean_log(8, total, 1024, seeds) < alone(int(0.85 * total), seeds)


def leduc(size, iterations, each, seeds, *overrides, **further):
    linear = ("algorithm.weighting=linear", *overrides)
    return mean_log(size, iterations, each, seeds, linear, **further)


@pytest.mark.thorough
def test_damped_gains_come_farther_where_rows_are_warm():
    """The short form of the test below: beside 8 ranks that take over the mean.

    They come as far as one rank with half of the iterations (docs/adr/0033-ranks.md).
    """
    total, seeds = 131_072, range(3)
    damped = leduc(8, total, 64, seeds, *DAMPED, exchange=damped_exchange)
    assert damped < leduc(8, total, 64, seeds) + math.log(0.9)


@pytest.mark.slow
def test_eight_ranks_come_nearly_as_far_as_one_where_rows_are_warm():
    total, seeds = 524_288, range(8)
    damped = leduc(8, total, 256, seeds, *DAMPED, exchange=damped_exchange)
    assert damped < leduc(1, int(0.85 * total), int(0.85 * total), seeds)
