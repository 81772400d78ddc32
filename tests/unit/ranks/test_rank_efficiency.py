"""How far ranks come beside one rank with fewer iterations: hold'em of 12 cards, linear weights.

An efficiency of .9 says: as far as one rank with .9 times as many iterations.
"""

import math

import pytest
from ranked_training import SMALL_DECK, exploitability, train_ranks


def mean_log(size, iterations, each, seeds):
    """Return the mean logarithm of the exploitability over seeds."""
    logs = [
        math.log(
            exploitability(
                train_ranks(size, iterations, each, f"run.seed={seed}", *SMALL_DECK), *SMALL_DECK
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
