"""How fast strategies are measured, on ``hu_small`` and one core, beside stated limits.

``pytest benchmarks/bench_evaluation.py --benchmark-only -s`` prints each rate with the limit that
it is held to: hands of local best response, boards of a match of ranges, boards of a best
response from the river on. The strategy is uniform: no line is ever skipped.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from cfr_shm.config.load import load_config
from cfr_shm.evaluation.board_walk import BoardWalk, Players
from cfr_shm.evaluation.gathering import Length
from cfr_shm.evaluation.local_response import local_response
from cfr_shm.evaluation.play_match import play_match
from cfr_shm.evaluation.range_match import range_match
from cfr_shm.evaluation.sampled_boards import drawn_board
from cfr_shm.evaluation.sampled_response import sampled_response, street_named
from cfr_shm.games.registry import load_game
from cfr_shm.memory.tables import private_views
from cfr_shm.strategy.average import Strategy
from cfr_shm.strategy.table import TableStrategy

LEAST_HANDS = 2_000.0  # of local best response, pot and all-in, a second
LEAST_PLAYED = 100_000.0  # hands of a match by play, a second
LEAST_BOARDS = 100.0  # of a match, a second, both seatings
MOST_RIVER_SECONDS = 30.0  # CPU, for a thousand boards, both seats

ROUNDS = 5
PAIRS, BOARDS = 1_000, 60
DEALS = 20 * 256  # of matches by play


@pytest.fixture(scope="module")
def strategy() -> TableStrategy:
    config = load_config("hu_small")
    game = load_game(config.game, print, config.abstraction)
    views = private_views(game)
    return TableStrategy("uniform", game, Strategy.from_table(game, views.table))


def median_cpu(benchmark, work) -> float:
    """Return the median CPU seconds of a few rounds, the kernels warmed before."""
    work()
    taken = []

    def timed() -> None:
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)

    benchmark.pedantic(timed, rounds=ROUNDS, iterations=1)
    return float(np.median(taken))


def test_hands_of_local_best_response(benchmark, strategy):
    seconds = median_cpu(benchmark, lambda: local_response(strategy, PAIRS, workers=1))
    rate = 2 * PAIRS / seconds
    print(f"\nlocal best response: {rate:,.0f} hands/s, limit {LEAST_HANDS:,.0f}")
    assert rate > LEAST_HANDS


def test_boards_of_a_match_of_ranges(benchmark, strategy):
    seconds = median_cpu(
        benchmark, lambda: range_match(strategy, strategy, Length(BOARDS), workers=1)
    )
    rate = BOARDS / seconds
    apart = _one_by_one(strategy) / seconds
    print(
        f"\nmatch of ranges: {rate:,.1f} boards/s, limit {LEAST_BOARDS:,.0f}; "
        f"{apart:.2f} times as fast as both seatings one by one"
    )
    assert rate > LEAST_BOARDS


def _one_by_one(strategy: TableStrategy) -> float:
    """Return the median CPU seconds of the same boards, each seating walked over by itself."""
    walk, players = BoardWalk(strategy.game), Players(strategy, strategy)
    boards = [drawn_board(walk.cards, walk.cards.showdown_cards, 0, n) for n in range(BOARDS)]
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for board in boards:
            for _ in range(2):
                walk.root_values(players, 0, board)
        taken.append(time.process_time() - began)
    return float(np.median(taken))


@pytest.mark.parametrize("corrected", [False, True], ids=["raw", "corrected"])
def test_hands_of_a_match_by_play(benchmark, strategy, corrected):
    length = Length(DEALS)
    seconds = median_cpu(
        benchmark,
        lambda: play_match(strategy, strategy, length, corrected=corrected, workers=1),
    )
    rate = 2 * DEALS / seconds
    print(f"\nmatch by play: {rate:,.0f} hands/s, limit {LEAST_PLAYED:,.0f}")
    assert rate > LEAST_PLAYED


def test_a_best_response_from_the_river_on(benchmark, strategy):
    street = street_named(strategy.game, "river")
    seconds = median_cpu(benchmark, lambda: sampled_response(strategy, street, BOARDS, workers=1))
    thousand = 1_000 / BOARDS * seconds
    print(f"\nriver: {thousand:,.1f} CPU s for 1,000 boards, limit {MOST_RIVER_SECONDS:,.0f}")
    assert thousand < MOST_RIVER_SECONDS
